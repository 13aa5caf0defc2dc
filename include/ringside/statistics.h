/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* statistics.h: what an engine has done since it was attached. */
#ifndef RINGSIDE_STATISTICS_H
#define RINGSIDE_STATISTICS_H

#include <ringside/event.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct rs_engine;

/* Quantiles come from buckets and are up to 1/16 too high; the maximum is exact. */
struct rs_latency {
	uint64_t count;
	uint64_t p50_ns;
	uint64_t p99_ns;
	uint64_t max_ns;
};

struct rs_statistics {
	uint64_t events[RS_KIND_COUNT]; /* by enum rs_kind */
	uint64_t requests;     /* taken off the ring */
	uint64_t answers;      /* put on it: the same, when the engine rests */
	uint64_t notifies;     /* of Xen; answers / notifies is the mean batch */
	uint64_t batch_max;    /* most answers with one notify */
	uint64_t unwatched;    /* events that no watch wanted, settled by the engine */
	uint64_t asynchronous; /* events for which the guest did not wait */
	uint64_t refused;      /* replies that Xen would not have honoured */
	uint64_t faults;       /* of the ring: corruptions that were survived */
	uint64_t lost;         /* requests overwritten unread, because somebody answered too often */
	uint64_t sleeps;       /* times that the engine blocked for want of events */
	/* From our seeing a request to the return of the notify that answered it. */
	struct rs_latency latency;
	uint64_t parks;        /* times that a worker slept because there was nothing for it */
	uint64_t spins;        /* times that the ring was looked at for a while before a sleep */
	uint64_t spins_paid;   /* and an event came during that */
	uint64_t throttled;    /* events kept from handlers by calls_per_second_max */
	uint64_t rescues;      /* handlers that blocked unexpectedly, and others took over */
	/* By enum rs_kind: how long handlers ran, and how long events had waited for them. */
	struct rs_latency handler[RS_KIND_COUNT];
	struct rs_latency queueing[RS_KIND_COUNT];
	uint64_t switched_off; /* watches at their calls_per_second_max */
	/*
	 * Events that were to stay open for a while, in a slow handler or kept, when all of Xen's eight
	 * slots were open: then other vCPUs cannot report until one of these is answered.
	 */
	uint64_t full;
	uint64_t lane_depth_max; /* most events of one vCPU that were open at once */
	uint64_t deadlines_missed; /* events that were open for longer than deadline_ms */
	uint64_t passed_over;      /* events that no handler saw, since their vCPU's last one was late */
};

/*
 * Any thread, at any time. While the engine runs, the numbers are each right but not all of
 * the same instant. `size` as in rs_watch_sized.
 */
void rs_engine_statistics_sized(const struct rs_engine *engine, struct rs_statistics *statistics,
				size_t size);

static inline void rs_engine_statistics(const struct rs_engine *engine,
					struct rs_statistics *statistics)
{
	rs_engine_statistics_sized(engine, statistics, sizeof(*statistics));
}

/* How many events a vCPU has raised. Any thread. 0 if there is no such vCPU. */
uint64_t rs_engine_vcpu_events(const struct rs_engine *engine, uint32_t vcpu);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
