/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* case.c: the list of cases. bench/README.md says how to add one. */
#include "bench/case.h"

#include <string.h>

static const struct bench_case cases[] = {
	{ .name = "null", .summary = "a handler that does nothing: what the way of an event costs "
	  "(--kind, --think)" },
	{ .name = "cpu", .handler = HANDLER_CPU, .handler_ns = 10000,
	  .summary = "a handler that computes (--handler NS: 1, 10, 100 us)" },
	{ .name = "wait", .handler = HANDLER_WAIT, .handler_ns = 1000000,
	  .summary = "a handler that waits (--handler NS: 50 us, 1 ms); it needs no core for that" },
	{ .name = "watches", .watches = 1000, .engine_only = true,
	  .summary = "as null, among many watches (--watches N: 1, a thousand, a million)" },
	{ .name = "vcpus", .summary = "as null, with many vCPUs (1 to 128)" },
	{ .name = "domains", .summary = "as null, many domains at once (name 1 to 64 of them)" },
	{ .name = "churn", .changes_per_s = 100, .engine_only = true,
	  .summary = "as null, while watches come and go (--changes N a second: 1, 100, 10000)" },
	{ .name = "burst", .period_ns = 10000000,
	  .summary = "all vCPUs at once, then silence (--period NS): how fast a sleeper wakes" },
	{ .name = "idle", .measure = MEASURE_IDLE,
	  .summary = "no event at all: CPU time and wake-ups of who only waits" },
	{ .name = "attach", .measure = MEASURE_ATTACH,
	  .summary = "from the beginning of attach to the first event, of a guest at work" },
	{ .name = "detach", .measure = MEASURE_DETACH, .engine_only = true,
	  .summary = "letting go of a guest while its events fly" },
	{ .name = "past", .engine_only = true,
	  .summary = "getting past a page fault (--method host, emulate, fast, step)" },
	{ .name = "pages", .measure = MEASURE_WORK, .watches = 1000, .engine_only = true,
	  .summary = "closing pages, and opening them again (--watches N: a thousand to a million)" },
	{ .name = "registers", .handler = HANDLER_REGISTERS, .engine_only = true,
	  .summary = "as null, but each answer sets the registers; and what it costs to read and write "
	  "them, in the event and by the vCPU's context" },
	{ .name = "deadline", .engine_only = true, .deadline_ms = 50, .workers = 2,
	  .summary = "as null, with two workers and a deadline of 50 ms that no handler misses" },
	{ .name = "stuck", .handler = HANDLER_STUCK, .engine_only = true, .deadline_ms = 50,
	  .workers = 2, .summary = "the same, but vCPU 0's first handler never returns" },
};

#define CASE_COUNT (sizeof(cases) / sizeof(*cases))

const struct bench_case *case_find(const char *name)
{
	for (size_t i = 0; i < CASE_COUNT; i++)
		if (!strcmp(cases[i].name, name))
			return &cases[i];
	return NULL;
}

const struct bench_case *case_next(const struct bench_case *before)
{
	const struct bench_case *next = before ? before + 1 : cases;

	return next < cases + CASE_COUNT ? next : NULL;
}

void case_settle(struct plan *plan)
{
	const struct bench_case *what = plan->what;

	if (!plan->handler_given)
		plan->handler_ns = what->handler_ns;
	if (!plan->period_given)
		plan->period_ns = what->period_ns;
	if (!plan->watches_given)
		plan->watches = what->watches ? what->watches : 1;
	if (!plan->changes_given)
		plan->changes_per_s = what->changes_per_s;
	if (!plan->workers)
		plan->workers = what->workers;
	/* A period begins after a think time, however short. */
	if (plan->period_ns && !plan->think_ns)
		plan->think_ns = 1;
}
