/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * life.c: the life of an engine on fakexen's default guest: it waits, is stopped, loses watches,
 * is not alone, and detaches.
 *
 *	fakexen --vcpus 4 --report FILE -- tests/engine/life SCENARIO
 *
 * model.sh runs the scenarios and looks at the model's report.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "guests/map.h"
#include "ring/atomics.h"
#include "tests/engine/bed.h"
#include "tests/engine/scenario.h"
#include "tests/unit/tap.h"

#define MSR_LSTAR 0xc0000082
#define DATA_GFN (GUEST_DATA_PAGE >> 12)
#define CODE_GFN (GUEST_CODE_PAGE >> 12)

static void *stop_soon(void *unused)
{
	sleep_us(100000);
	rs_engine_stop(engine);
	return NULL;
}

/* Some events later, or seconds, on a machine that is busy. */
static void *stop_busy(void *unused)
{
	wait_for(11);
	rs_engine_stop(engine);
	return NULL;
}

static void try_waiting(enum rs_waiting waiting, const char *name)
{
	pthread_t thread;
	int error;

	options.waiting = waiting;
	attach();
	pthread_create(&thread, NULL, stop_soon, NULL);
	error = rs_engine_run(engine);
	tap_ok(!error, "%s: an idle engine is stopped from another thread", name);
	pthread_join(thread, NULL);
	watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3,
					 .handler = count_event });
	pthread_create(&thread, NULL, stop_busy, NULL);
	error = rs_engine_run(engine);
	tap_ok(!error && sum_events() > 10, "%s: a busy one too, after %u events", name,
	       sum_events());
	pthread_join(thread, NULL);
	rs_engine_stop(engine);
	tap_ok(rs_engine_run(engine) == 0, "%s: a stop before the run ends it", name);
	detach(name);
}

static void scenario_waiting(void)
{
	try_waiting(RS_WAIT_ADAPTIVE, "adaptive");
	try_waiting(RS_WAIT_BLOCK, "block");
	try_waiting(RS_WAIT_SPIN, "spin");
}

static struct rs_watch *mine;
static uint32_t removed, failures;

static struct rs_reply remove_mine(const struct rs_event *event, void *user)
{
	rs_add_relaxed(&removed, 1);
	rs_unwatch(mine);
	return RS_CONTINUE;
}

/* A watch whose user data is wiped as soon as rs_unwatch has returned. */
static struct rs_reply check_user(const struct rs_event *event, void *user)
{
	if (*(const unsigned int *)user != 0xfeed)
		rs_add_relaxed(&failures, 1);
	return RS_CONTINUE;
}

static void add_and_remove(void)
{
	for (unsigned int i = 0; i < 200; i++) {
		unsigned int *user = malloc(sizeof(*user));
		struct rs_watch *made;
		struct rs_watch_options wanted[] = {
			{ .kind = RS_CR, .cr.which = RS_CR3 },
			{ .kind = RS_MSR, .msr.index = MSR_LSTAR },
			{ .kind = RS_BREAKPOINT },
			{ .kind = RS_PAGE, .page = { .first_gfn = DATA_GFN } },
		};

		*user = 0xfeed;
		wanted[i % 4].handler = check_user;
		wanted[i % 4].user = user;
		if (rs_watch(engine, &wanted[i % 4], &made))
			rs_add_relaxed(&failures, 1);
		sched_yield();
		rs_unwatch(made);
		*user = 0;
		free(user);
	}
}

/* Does the guest do a hundred rounds more? */
static bool runs_on(void)
{
	uint64_t loops = guest_counter(SLOT_LOOPS);
	double end = now() + PATIENCE;

	while (guest_counter(SLOT_LOOPS) < loops + 100 && now() < end)
		sleep_us(1000);
	return guest_counter(SLOT_LOOPS) >= loops + 100;
}

static void scenario_unwatch(void)
{
	pthread_t thread;

	attach();
	mine = watch((struct rs_watch_options){ .kind = RS_CPUID, .handler = remove_mine });
	watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3,
					 .handler = count_event });
	thread = start();
	tap_ok(wait_for(50) && TAP_SAME(rs_load_relaxed(&removed), 1),
	       "a handler removes its own watch, and is not called again");
	add_and_remove();
	tap_ok(TAP_SAME(failures, 0), "200 watches come and go while %u events fly", sum_events());
	tap_ok(runs_on() && guest_mishaps() == 0, "and the guest does not notice");
	tap_ok(stop(thread) && all_answered(), "each answered");
	detach("unwatch");
}

static void scenario_taken(void)
{
	struct rs_engine *second;
	pthread_t thread;
	int error;

	attach();
	error = rs_engine_attach(&second, "1", NULL);
	tap_ok(error == -EBUSY && !second, "a second agent gets EBUSY");
	tap_ok(strstr(rs_error_text(), "another agent"), "%s", rs_error_text());
	watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3,
					 .handler = count_event });
	thread = start();
	tap_ok(wait_for(50) && stop(thread), "and the first one goes on");
	detach("taken");
}

/* All kinds at once, and away, again and again. */
static void scenario_detach(void)
{
	static const enum rs_kind kinds[] = { RS_BREAKPOINT, RS_CPUID, RS_DESCRIPTOR,
					      RS_GUEST_REQUEST };
	pthread_t thread;
	bool good = true;

	for (unsigned int i = 0; i < 20; i++) {
		attach();
		for (unsigned int k = 0; k < 4; k++)
			watch((struct rs_watch_options){ .kind = kinds[k], .handler = count_event });
		watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3,
						 .handler = count_event });
		watch((struct rs_watch_options){ .kind = RS_MSR, .msr.index = MSR_LSTAR,
						 .handler = count_event });
		watch((struct rs_watch_options){ .kind = RS_PAGE, .handler = count_event,
						 .page = { .first_gfn = DATA_GFN, .last_gfn = CODE_GFN } });
		thread = start();
		good &= wait_for(10 + i * 7) && stop(thread) && guest_mishaps() == 0;
		if (rs_engine_detach(engine)) {
			printf("# detach: %s\n", rs_error_text());
			good = false;
		}
	}
	tap_ok(good, "20 times attached, stormed and detached");
	attach();
	tap_ok(runs_on() && guest_mishaps() == 0, "the guest is as it was");
	detach("detach");
}

static const struct scenario scenarios[] = {
	{ "waiting", scenario_waiting },
	{ "unwatch", scenario_unwatch },
	{ "taken", scenario_taken },
	{ "detach", scenario_detach },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	options.workers = 1;
	return scenario_run(scenarios, argc, argv);
}
