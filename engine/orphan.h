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
	bool first; /* nobody has tried before: without a ring no vCPU waits */
	void *page; /* of the dead one's ring, mapped before it was one; NULL: nobody has it */
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

/* The same in pieces: who has to run from now on, and whether all have. */
#define RS_ORPHAN_VCPUS_MAX 512
struct rs_orphan_runs {
	uint64_t begin_ns[RS_ORPHAN_VCPUS_MAX];
	bool waits[RS_ORPHAN_VCPUS_MAX];
};
void rs_orphan_mark_runs(const struct rs_orphan *orphan, struct rs_orphan_runs *runs);
bool rs_orphan_have_run(const struct rs_orphan *orphan, struct rs_orphan_runs *runs);

/*
 * takeover.c: with the dead one's page: answers all that is open on its ring, with nothing watched
 * any more, and gives the ring back. -EPROTO: what the record says cannot be, and nothing was
 * answered. The dead one's pauses are lifted.
 */
int rs_orphan_take_ring(struct rs_orphan *orphan);

/*
 * recover.c: takes back all that is left, by its journal, which becomes this process's own, and in
 * the end is gone. By the page where there is one; else, or if the record makes no sense, by a
 * new ring.
 */
int rs_orphan_take_back(struct rs_orphan *orphan);

/*
 * recover.c: while the keeper of a dead one is at it, or about to be, waits for it to be done. 0, or
 * -EBUSY if it takes too long.
 */
int rs_orphan_await_keeper(uint32_t domain, const uint8_t handle[16]);

/*
 * recover.c: takes back all that a dead engine has left of this domain. 0: there was nothing, or
 * nothing is left. -EBUSY: its engine lives, or nobody knows whose the ring is (`unrecorded`: then
 * it counts as a dead one's), or it cannot be recovered: the text says which.
 */
int rs_recover_domain(struct rs_xen *xen, uint32_t domain, bool unrecorded,
		      const struct rs_log *log);

#endif
