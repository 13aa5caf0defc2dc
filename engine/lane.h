/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lane.h: one vCPU's requests, in order, and what has to be remembered between them.
 *
 * A lane is owned from the moment that a request is queued in it while it is empty, until
 * the answer of the last one that was queued is on the page. Whoever owns it runs its
 * requests, one at a time: so a handler sees one vCPU's events in order and needs no lock for
 * that vCPU's state, and the answers go in the order of the requests.
 *
 * `count` decides, alone: who brings it from 0 to 1 has made somebody the owner, and who brings
 * it back to 0 is none any more.
 *
 *   L1  push releases the queued turn (and all that the taker wrote) to L2
 *   L2  next acquires L1; and releases what the owner has done to the next owner's L1
 *
 * Model: tests/model/lane.pml.
 */
#ifndef RS_ENGINE_LANE_H
#define RS_ENGINE_LANE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/record.h"
#include "ring/atomics.h"

/* Something that is open for the one instruction which the vCPU steps through. */
enum rs_detour {
	RS_DETOUR_NONE = 0,
	RS_DETOUR_VIEW, /* it steps in view 0, and wants to return to `view` */
	RS_DETOUR_PAGE, /* `detour_gfn` is open in the host's map */
	RS_DETOUR_IO,   /* the source of I/O events is off */
	RS_DETOUR_TRAP, /* the breakpoint at address `detour_gfn` is out of the way */
};

struct rs_lane {
	uint32_t count; /* turns queued, the one that runs included */
	uint32_t in;    /* the takers' */
	uint8_t queue[RS_TURNS];
	/* The owner's; a detaching thread's when nobody runs. */
	uint32_t out __attribute__((aligned(64)));
	bool stepping;      /* single-stepping, as far as Xen knows */
	bool user_stepping; /* a handler wants to see that */
	bool owes;          /* detach: it has not run since the last answer */
	bool copies;        /* it writes to code with breakpoints, on page `detour_gfn`, */
	bool copies_on;     /* and perhaps on the page that follows in its address space */
	bool copies_all;    /* others.h: it is about to write to some such page */
	uint8_t repeat;     /* enum rs_repeat: of the string instruction at `repeat_rip`, */
	uint8_t detour;     /* enum rs_detour */
	uint16_t view;
	uint64_t gfn;
	uint64_t emulated; /* which of its events was last answered with EMULATE, a fault on `gfn` */
	uint64_t detour_gfn;
	uint64_t repeat_rip, repeat_left; /* with so many iterations to come */
	uint64_t cpu_time_ns; /* detach: how long it had run by then */
	uint64_t events;      /* how many, and most at once */
	uint32_t depth_max;   /* 0: never more than one */
	uint32_t late;        /* deadline.h: its handler is; by who is first it may be -1 for a moment */
	uint64_t late_told_ns;
	uint64_t pad[7];      /* to a power of two, by which it is found in fewer instructions */
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct rs_lane) == 256, "a power of two");

/* A taker queues a turn. True: the lane was empty, so somebody has to begin it now. */
static inline bool rs_lane_push(struct rs_lane *lane, uint32_t turn)
{
	lane->queue[lane->in++ % RS_TURNS] = (uint8_t)turn;
	return rs_add_acq_rel(&lane->count, 1) == 0; /* L1 */
}

/* The owner is done with a turn. The next one, or -1: the lane is not ours any more. */
static inline int rs_lane_next(struct rs_lane *lane)
{
	uint32_t out = ++lane->out, count = rs_sub_acq_rel(&lane->count, 1); /* L2 */

	if (count == 1)
		return -1;
	if (count > lane->depth_max)
		rs_store_relaxed(&lane->depth_max, count);
	return lane->queue[out % RS_TURNS];
}

/* Has its handler missed a deadline, and not returned? Acquires what a late one did. */
static inline bool rs_lane_is_late(const struct rs_lane *lane)
{
	return (int32_t)rs_load_acquire(&lane->late) > 0;
}

#endif
