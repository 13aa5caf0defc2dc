/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* measure.h: one run of one contestant, and what came of it. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/contestant.h"
#include "bench/guest.h"
#include "bench/ping.h"
#include "bench/plan.h"

/* The domains under measurement, all alike. */
struct field {
	struct rs_xen *xen;
	struct guest guests[PLAN_DOMAINS_MAX];
	uint32_t count;
	double ticks_per_ns;
};

struct measure {
	uint32_t vcpus; /* of each domain, that took part */
	uint64_t span_ns, events;
	struct histogram rtt; /* ticks */
	uint64_t rtt_sum, rtt_max; /* ticks */
	uint64_t cpu_ns, guest_cpu_ns, sleeps;
	struct counts counts; /* of the span */
	uint64_t attach_ns, first_event_ns, detach_ns, work_ns, undo_ns;
	struct ping before, after;
	bool disturbed;
	uint32_t rejected; /* runs before this one that were disturbed */
	uint32_t number;   /* which repetition */
};

int field_open(struct field *field, struct rs_xen *xen, const struct plan *plan);
void field_close(struct field *field);

/* Runs until a run was not disturbed, or the plan's attempts are used up. 0, or -errno and a
 * text; -EOPNOTSUPP: the contestant cannot do that, or not yet. */
int measure_run(struct field *field, const struct plan *plan, const struct contestant *contestant,
		struct measure *measure);

#endif
