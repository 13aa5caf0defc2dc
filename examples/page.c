/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * page.c: reports who writes to one page of a guest, in a loop of the program's own: it
 * steps the engine, and prints a summary every second.
 *
 *	page DOMAIN GFN
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <ringside/ringside.h>

static volatile sig_atomic_t stopped;
static struct rs_engine *engine;

static void on_signal(int number)
{
	stopped = 1;
	rs_engine_stop(engine);
}

static struct rs_reply on_write(const struct rs_event *event, void *user)
{
	uint64_t *last_rip = user;

	*last_rip = rs_event_rip(event);
	return RS_CONTINUE;
}

static void print_summary(uint64_t last_rip)
{
	struct rs_statistics statistics;

	rs_engine_statistics(engine, &statistics);
	printf("%" PRIu64 " writes, the last from %#" PRIx64 "; answered within %" PRIu64
	       " ns (p50), %" PRIu64 " ns (p99)\n",
	       statistics.events[RS_PAGE], last_rip, statistics.latency.p50_ns,
	       statistics.latency.p99_ns);
}

/* One second of events. */
static int run_a_second(void)
{
	struct timespec now, end;
	int result = 0;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec++;
	do {
		result = rs_engine_step(engine, 100);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (result >= 0 && !stopped &&
		 (now.tv_sec < end.tv_sec ||
		  (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec)));
	return result < 0 ? result : 0;
}

int main(int argc, char **argv)
{
	uint64_t last_rip = 0;
	int error;

	if (argc != 3) {
		fprintf(stderr, "usage: page DOMAIN GFN\n");
		return 2;
	}
	error = rs_engine_attach(&engine, argv[1], NULL);
	if (error)
		return rs_perror("attach", error);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	error = rs_watch(engine, &(struct rs_watch_options){
		.kind = RS_PAGE,
		.page = { .first_gfn = strtoull(argv[2], NULL, 0),
			  .access = RS_ACCESS_R | RS_ACCESS_X },
		.handler = on_write,
		.user = &last_rip }, NULL);
	while (!error && !stopped) {
		error = run_a_second();
		print_summary(last_rip);
	}
	if (error)
		rs_perror("page", error);
	/* A second one must not stop what is being freed. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	rs_engine_detach(engine);
	return error != 0;
}
