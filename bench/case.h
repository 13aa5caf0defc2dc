/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* case.h: the questions that the bench can ask, by name. */
#ifndef BENCH_CASE_H
#define BENCH_CASE_H

#include <stdbool.h>

#include "bench/plan.h"

/* What is measured. */
enum case_measure {
	MEASURE_EVENTS, /* rate, round trips and cost while events fly */
	MEASURE_IDLE,   /* cost while none do */
	MEASURE_ATTACH, /* from the beginning to the first event */
	MEASURE_DETACH, /* letting go while events fly */
	MEASURE_WORK,   /* a call by itself: permissions of pages */
};

/* What the handler does before it answers. */
enum case_handler { HANDLER_NULL, HANDLER_CPU, HANDLER_WAIT, HANDLER_REGISTERS,
		    HANDLER_STUCK };

struct bench_case {
	const char *name, *summary;
	enum case_measure measure;
	enum case_handler handler;
	bool engine_only; /* the baselines have no such thing */
	/* What a run has that does not say: 0 of all is the plan's own default. */
	uint64_t handler_ns, period_ns, watches, changes_per_s;
	uint32_t deadline_ms, workers;
};

const struct bench_case *case_find(const char *name);
const struct bench_case *case_next(const struct bench_case *before); /* NULL: the first */

/* Fills in what the command line has left open. */
void case_settle(struct plan *plan);

#endif
