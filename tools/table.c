/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* table.c: see table.h. */
#include "tools/table.h"

#include <stdio.h>
#include <unistd.h>

static bool on_terminal(void)
{
	static int answer = -1;

	if (answer < 0)
		answer = isatty(STDOUT_FILENO);
	return answer;
}

uint64_t table_period_ns(void)
{
	return on_terminal() ? 250000000 : 1000000000;
}

/* Goes back up over the table that was drawn before; the first time there is none. */
static void go_up(unsigned int lines)
{
	static bool drawn;

	if (drawn && on_terminal())
		printf("\033[%uA", lines);
	else if (drawn)
		putchar('\n');
	drawn = true;
}

static void print_row(const char *label, uint64_t seen, uint64_t since, double period)
{
	printf("%-28s %12llu %12.0f%s\n", label, (unsigned long long)seen,
		period > 0 ? since / period : 0, on_terminal() ? "\033[K" : "");
}

void table_print(struct watch_options *options, const struct rs_engine *engine,
	uint64_t elapsed_ns)
{
	static uint64_t printed_at;
	double period = (elapsed_ns - printed_at) / 1e9;
	struct rs_statistics statistics;
	uint64_t total = 0, total_since = 0;

	rs_engine_statistics(engine, &statistics);
	go_up(options->watched_count + 4);
	printf("%-28s %12s %12s\n", "event", "seen", "per second");
	for (unsigned int i = 0; i < options->watched_count; i++) {
		struct watched *watched = &options->watched[i];
		uint64_t since = watched->seen - watched->seen_before;

		print_row(watched->label, watched->seen, since, period);
		total += watched->seen;
		total_since += since;
		watched->seen_before = watched->seen;
	}
	print_row("all", total, total_since, period);
	printf("%.1f s; seen to notified: p50 %.1f us, p99 %.1f us, maximum %.1f us%s\n\n",
		elapsed_ns / 1e9, statistics.latency.p50_ns / 1e3, statistics.latency.p99_ns / 1e3,
		statistics.latency.max_ns / 1e3, on_terminal() ? "\033[K" : "");
	printed_at = elapsed_ns;
	fflush(stdout);
}
