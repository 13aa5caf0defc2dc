/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * known.h: which watch a request is for, and what its handler usually replies, remembered.
 *
 * A worker finds both out when a request comes that is not like the ones before, and believes them
 * as long as the table of watches has not changed since (straight.h). What is here is done seldom.
 */
#ifndef RS_ENGINE_KNOWN_H
#define RS_ENGINE_KNOWN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <ringside/event.h>
#include <ringside/reply.h>
#include <ringside/watch.h>

#include "engine/table.h"
#include "ring/atomics.h"
#include "ring/copy.h"

struct rs_engine;
struct rs_kind_counters;
struct rs_rule;
struct rs_turn;
struct rs_wire;
struct rs_worker;

/* How many keys a worker remembers; a power of two. */
#define RS_KNOWN_COUNT 64

/*
 * The one watch for a key, as it was found, and the answer that its handler's usual reply comes
 * to. What a request begins with tells most of what has to be asked of it: version, the flags of a
 * vCPU that waits and of a view, reason, view, and the key, which is a CR's index, an MSR's, or a
 * page's. Where that is not enough no head is like it.
 */
struct rs_known {
	struct rs_head head __attribute__((aligned(64)));
	uint64_t plain; /* the handler's usual reply, if its answer is but to resume: the first word; */
	uint64_t usual[2]; /* else this is it, but for what is behind, */
	uint32_t flags;    /* and its answer */
	uint32_t event_view; /* the event's view, and that it is synchronous */
	rs_handler handler;
	void *user;
	struct rs_rule *rule;
	struct rs_kind_counters *counters;
	uint64_t quick_ticks; /* a handler that takes less changes nothing about its pace */
	uint64_t changes; /* of the table, when it was found; 0: nothing was found yet */
	uint64_t key;
	uint32_t kind;
	uint32_t wanted; /* RS_PAGE: what of an access it wants to see */
};

/* No request has this head. */
extern const struct rs_head rs_known_no_head;

/* In one word an event's view, and that it is synchronous. */
#define RS_KNOWN_SYNCHRONOUS (1U << 16)

/* An answer's flags: a fast step. */
#define RS_KNOWN_FAST_STEP \
	(RS_FLAG_VCPU_PAUSED | RS_FLAG_ALTERNATE_P2M | RS_FLAG_FAST_SINGLESTEP)
/* And Xen's emulation, of a page fault. */
#define RS_KNOWN_EMULATE (RS_FLAG_VCPU_PAUSED | RS_FLAG_EMULATE)

/* Where the worker remembers whom that request is for, or for whom others were that share its place. */
struct rs_known *rs_known_place(struct rs_worker *worker, const struct rs_wire *wire);

/* Does it say whom the request is for? */
bool rs_known_is_of(const struct rs_worker *worker, const struct rs_known *known,
		    const struct rs_wire *wire);

/* Looks a request up in the table. False: none wants it, or several, or there is a filter. */
bool rs_known_find(struct rs_worker *worker, struct rs_known *known, const struct rs_wire *wire);

/* Q1: after `running`, which the caller has stored itself. */
static inline bool rs_known_is_current(const struct rs_table *table, const struct rs_known *known)
{
	return rs_load_acquire(rs_table_changes(table)) == known->changes;
}

/* -- the handler's reply -- */

/* Is it the usual one? */
static inline bool rs_known_is_usual(const struct rs_known *known, const struct rs_reply *reply)
{
	uint64_t words[2];

	memcpy(words, reply, sizeof(words));
	return words[0] == known->usual[0] && words[1] == known->usual[1];
}

/*
 * What the handler's usual reply comes to, if that depends on nothing but what is looked at each time
 * (rs_visit_write_usual).
 */
void rs_known_expect(struct rs_known *known, const struct rs_engine *engine,
		     const struct rs_event *event, const struct rs_reply *reply);

/*
 * A breakpoint or a CPUID that is moved past, which is all that was asked for: by the handler or,
 * of CPUID, by default. Then it is in the answer's registers.
 */
bool rs_known_is_skipped(struct rs_turn *turn, const struct rs_reply *reply);

#endif
