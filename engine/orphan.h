/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * orphan.h: a domain whose engine has died, what that has left, and how it is taken back.
 *
 * Who takes it back notes in the dead one's journal what it changes itself, so that it may die in
 * its turn, at any moment, and the next goes on. Nothing here needs the ring's page.
 */
#ifndef RS_ENGINE_ORPHAN_H
#define RS_ENGINE_ORPHAN_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/record.h"

struct rs_journal;
struct rs_layout;
struct rs_log;
struct rs_xen;

struct rs_orphan {
	struct rs_xen *xen;
	const struct rs_log *log;
	uint32_t domain;
	uint32_t vcpu_count;
	const struct rs_layout *layout;
	struct rs_journal *journal; /* NULL: nothing is known of what was changed */
	struct rs_record *record;   /* NULL: nor of what was asked */
};

/*
 * With the domain paused, the ring on or not: no vCPU single-steps, or is in a view; no page of the
 * host's map is closed. Goes on after an error, and returns the first.
 */
int rs_orphan_open(struct rs_orphan *orphan);

/*
 * With the domain paused, the ring on and all sources off: no intercept is left of a source that was
 * not switched off. MSRs' stay: Xen has no call for that.
 */
int rs_orphan_clear_intercepts(struct rs_orphan *orphan);

/* When nobody can report any more: the views go, and the shadow memory that was raised for them. */
int rs_orphan_give_back(struct rs_orphan *orphan);

/*
 * After that, and when all vCPUs have run: pages that were added go. To take a page from a domain
 * makes Xen do late what its vCPUs still owe to an answer.
 */
int rs_orphan_remove_added(struct rs_orphan *orphan);

/* Lifts the dead one's pauses. The caller holds none any more. */
int rs_orphan_unpause(struct rs_orphan *orphan);

/*
 * Waits until each vCPU has run once more, or has halted, or does not seem to be able to: what
 * answers have asked of it is done by then.
 */
void rs_orphan_let_run(struct rs_orphan *orphan, uint64_t limit_ns);

/*
 * recover.c: takes back all that a dead engine has left of this domain. 0: there was nothing, or
 * nothing is left. -EBUSY: its engine lives, or nobody knows whose the ring is (`unrecorded`: then
 * it counts as a dead one's), or it cannot be recovered: the text says which.
 */
int rs_recover_domain(struct rs_xen *xen, uint32_t domain, bool unrecorded,
		      const struct rs_log *log);

#endif
