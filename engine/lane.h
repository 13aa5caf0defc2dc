/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lane.h: what the engine has to remember of one vCPU between its events.
 *
 * Touched by the thread that runs the engine, and by the one that detaches.
 */
#ifndef RS_ENGINE_LANE_H
#define RS_ENGINE_LANE_H

#include <stdbool.h>
#include <stdint.h>

/* Something that is open for the one instruction which the vCPU steps through. */
enum rs_detour {
	RS_DETOUR_NONE = 0,
	RS_DETOUR_VIEW, /* it steps in view 0, and wants to return to `view` */
	RS_DETOUR_PAGE, /* `detour_gfn` is open in the host's map */
	RS_DETOUR_IO,   /* the source of I/O events is off */
};

struct rs_lane {
	bool stepping;      /* single-stepping, as far as Xen knows */
	bool user_stepping; /* a handler wants to see that */
	bool owes;          /* detach: it has not run since the last answer */
	bool emulating;     /* the last answer was EMULATE, for a fault on `gfn` */
	uint8_t detour;     /* enum rs_detour */
	uint16_t view;
	uint64_t gfn;
	uint64_t detour_gfn;
	uint64_t cpu_time_ns; /* detach: how long it had run by then */
};

#endif
