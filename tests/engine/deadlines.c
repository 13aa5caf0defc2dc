/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * deadlines.c: handlers that do not return, events that are kept and forgotten.
 *
 *	fakexen --vcpus 4 --report FILE -- tests/engine/deadlines SCENARIO [WORKERS]
 *
 * deadlines.sh runs the scenarios and looks at the model's report.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "guests/map.h"
#include "ring/atomics.h"
#include "tests/engine/bed.h"
#include "tests/engine/scenario.h"
#include "tests/unit/tap.h"

#define DEADLINE_MS 50
#define VCPUS 4
#define FORGOTTEN 40 /* more than the engine remembers */

static uint32_t stuck_at;  /* as a mask of vCPUs: whose next handler does not return */
static uint32_t stuck;     /* whose does not */
static uint32_t released;
static enum rs_action late_action;

static uint64_t missed(void)
{
	struct rs_statistics statistics;

	rs_engine_statistics(engine, &statistics);
	return statistics.deadlines_missed;
}

static uint64_t passed_over(void)
{
	struct rs_statistics statistics;

	rs_engine_statistics(engine, &statistics);
	return statistics.passed_over;
}

/* Until a number that grows has come to `wanted`; false when patience ends. */
static bool await(uint64_t (*number)(void), uint64_t wanted)
{
	double end = now() + PATIENCE;

	while (number() < wanted && now() < end)
		sleep_us(1000);
	return number() >= wanted;
}

/* Each was answered, by whomever: the deadline may be about to. */
static bool all_settled(void)
{
	struct rs_statistics statistics;
	double end = now() + PATIENCE;

	do {
		sleep_us(1000);
		rs_engine_statistics(engine, &statistics);
	} while (statistics.requests != statistics.answers && now() < end);
	return all_answered();
}

static uint64_t count_stuck(void)
{
	return (uint64_t)__builtin_popcount(rs_load_acquire(&stuck));
}

/* Does the guest make progress on each of its vCPUs? */
static bool all_go_on(uint32_t vcpus)
{
	double end = now() + PATIENCE;
	bool all = true;

	for (uint32_t vcpu = 0; vcpu < vcpus; vcpu++) {
		uint64_t before = guest_counter_of(vcpu, SLOT_LOOPS);

		while (guest_counter_of(vcpu, SLOT_LOOPS) < before + 3 && now() < end)
			sleep_us(1000);
		all &= guest_counter_of(vcpu, SLOT_LOOPS) >= before + 3;
	}
	return all;
}

static struct rs_event late_events[VCPUS_MAX];

static struct rs_reply get_stuck(const struct rs_event *event, void *user)
{
	struct rs_reply reply = RS_CONTINUE;
	struct rs_event *late = &late_events[event->vcpu];
	uint32_t bit = 1U << event->vcpu;

	enter(event);
	if (rs_and_acq_rel(&stuck_at, ~bit) & bit) {
		*late = *event;
		rs_or_acq_rel(&stuck, bit);
		while (!rs_load_acquire(&released))
			sleep_us(1000);
		/* Its event is what it was. */
		if (late->serial != event->serial || late->vcpu != event->vcpu ||
		    rs_event_rip(late) != rs_event_rip(event))
			lanes[event->vcpu].out_of_order++;
		/* No answer holds this any more. */
		if (event->kind == RS_CPUID)
			rs_answer_registers(event)->rip = 0;
		reply.action = late_action;
	}
	leave(event);
	return reply;
}

static void watch_writes(rs_handler handler)
{
	watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3, .handler = handler });
}

static void attach_with(enum rs_at_deadline at_deadline)
{
	options.deadline_ms = DEADLINE_MS;
	options.at_deadline = at_deadline;
	attach();
}

/* Some handlers do not return, and are all that is late. */
static void get_some_stuck(uint32_t vcpus)
{
	uint64_t count = (uint64_t)__builtin_popcount(vcpus);

	rs_store_release(&stuck_at, vcpus);
	tap_ok(await(count_stuck, count), "some handlers do not return");
	tap_ok(await(missed, count), "which is noticed");
}

static void scenario_stuck(void)
{
	struct rs_statistics statistics;
	uint32_t before;
	pthread_t thread;

	attach_with(RS_AT_DEADLINE_CONTINUE);
	late_action = RS_ACTION_DENY;
	watch_writes(get_stuck);
	thread = start();
	wait_for(100);
	get_some_stuck(1);
	tap_ok(all_go_on(VCPUS), "the guest goes on, on each vCPU");
	before = sum_events();
	tap_ok(wait_for(before + 100), "handlers of other vCPUs run");
	tap_ok(TAP_SAME(rs_load_relaxed(&lanes[0].inside), 1) && await(passed_over, 3),
	       "that one's events are passed over");
	before = lanes[0].events;
	rs_store_release(&released, 1);
	while (rs_load_acquire(&lanes[0].events) < before + 5)
		sleep_us(1000);
	rs_engine_statistics(engine, &statistics);
	tap_ok(statistics.refused >= 1, "it returns, its reply is refused, and it is asked again");
	tap_ok(stop(thread) && in_order() && TAP_SAME(statistics.faults, 0), "in order");
	detach("stuck");
}

/*
 * While it is awaited, before any deadline: that is nobody else's affair. The time that others take is the
 * machine's; that none of them waits for it, or is answered in its handler's place, is not.
 */
static void scenario_others(void)
{
	struct rs_statistics statistics;
	pthread_t thread;
	uint32_t before;

	options.deadline_ms = 3600000;
	options.at_deadline = RS_AT_DEADLINE_CONTINUE;
	attach();
	watch_writes(get_stuck);
	thread = start();
	wait_for(100);
	rs_store_release(&stuck_at, 1);
	tap_ok(await(count_stuck, 1), "a handler does not return");
	before = sum_events();
	tap_ok(wait_for(before + 1000), "those of other vCPUs do, a thousand times");
	tap_ok(TAP_SAME(rs_load_relaxed(&lanes[0].inside), 1), "and it still has not");
	rs_store_release(&released, 1);
	tap_ok(stop(thread) && in_order() && all_settled(), "in order, each answered");
	rs_engine_statistics(engine, &statistics);
	tap_ok(TAP_SAME(statistics.deadlines_missed, 0) && TAP_SAME(statistics.passed_over, 0) &&
		       TAP_SAME(statistics.requests, sum_events()), "each by its own handler");
	detach("others");
}

/* All that there are. */
static void scenario_all_stuck(void)
{
	pthread_t thread;

	attach_with(RS_AT_DEADLINE_CONTINUE);
	watch_writes(get_stuck);
	watch((struct rs_watch_options){ .kind = RS_CPUID, .handler = get_stuck });
	thread = start();
	wait_for(100);
	get_some_stuck((1U << options.workers) - 1);
	tap_ok(all_go_on(VCPUS), "though each worker is stuck the guest goes on");
	tap_ok(rs_engine_detach(engine) == -ETIMEDOUT, "detaching: %s", rs_error_text());
	tap_ok(all_go_on(VCPUS), "and still does");
	rs_store_release(&released, 1);
	detach("all stuck");
	pthread_join(thread, NULL);
	tap_ok(in_order(), "in order");
}

/* An asynchronous event's: its answer has gone, and its vCPU's next event waits. */
static void scenario_asynchronous(void)
{
	pthread_t thread;

	attach_with(RS_AT_DEADLINE_CONTINUE);
	watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3, .handler = get_stuck,
					 .asynchronous = true });
	watch((struct rs_watch_options){ .kind = RS_CPUID, .handler = count_event });
	thread = start();
	wait_for(100);
	get_some_stuck(1);
	tap_ok(all_go_on(VCPUS), "the guest goes on, on each vCPU");
	rs_store_release(&released, 1);
	tap_ok(stop(thread) && in_order() && all_settled(), "in order, each answered");
	detach("asynchronous");
}

static void scenario_tell(void)
{
	pthread_t thread;

	attach_with(RS_AT_DEADLINE_TELL);
	/* No other handler runs, which might be late on a busy machine. */
	watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3, .handler = get_stuck,
					 .vcpus = { 1 } });
	thread = start();
	get_some_stuck(1);
	sleep_us(2 * DEADLINE_MS * 1000);
	tap_ok(TAP_SAME(missed(), 1) && TAP_SAME(passed_over(), 0), "it is told once, and no more");
	rs_store_release(&released, 1);
	tap_ok(stop(thread) && in_order() && all_settled(), "in order, each answered");
	detach("tell");
}

static struct rs_event forgotten[FORGOTTEN];
static uint32_t forgotten_count;

static struct rs_reply forget(const struct rs_event *event, void *user)
{
	uint32_t count = rs_load_relaxed(&forgotten_count);

	enter(event);
	leave(event);
	if (event->vcpu || count == FORGOTTEN)
		return RS_CONTINUE;
	forgotten[count] = *event;
	rs_store_release(&forgotten_count, count + 1);
	return RS_LATER;
}

static uint64_t count_forgotten(void)
{
	return rs_load_acquire(&forgotten_count);
}

static void scenario_forgotten(void)
{
	pthread_t thread;
	struct rs_event *last = &forgotten[FORGOTTEN - 1];

	options.deadline_ms = 5;
	options.at_deadline = RS_AT_DEADLINE_CONTINUE;
	attach();
	watch((struct rs_watch_options){ .kind = RS_CPUID, .handler = forget });
	thread = start();
	tap_ok(await(count_forgotten, FORGOTTEN) && await(missed, FORGOTTEN),
	       "%d events are kept and forgotten, and each is answered at its deadline", FORGOTTEN);
	tap_ok(all_go_on(VCPUS), "the guest goes on, on each vCPU");
	rs_answer_registers(last)->rip = 0;
	tap_ok(TAP_SAME(rs_event_reply(last, rs_reply_with_registers(RS_CONTINUE)), -ETIMEDOUT),
	       "a late answer: %s", rs_error_text());
	tap_ok(TAP_SAME(rs_event_reply(last, RS_CONTINUE), -EALREADY), "once more: %s",
	       rs_error_text());
	tap_ok(TAP_SAME(rs_event_reply(&forgotten[0], RS_CONTINUE), -EALREADY),
	       "one that is not waited for any more: %s", rs_error_text());
	tap_ok(stop(thread) && in_order() && all_settled(), "in order, each answered");
	detach("forgotten");
}

/* It is late, and then it keeps its event. */
static void scenario_late_and_kept(void)
{
	pthread_t thread;
	uint32_t before;

	attach_with(RS_AT_DEADLINE_CONTINUE);
	late_action = RS_ACTION_LATER;
	watch((struct rs_watch_options){ .kind = RS_CPUID, .handler = get_stuck });
	thread = start();
	wait_for(100);
	get_some_stuck(1);
	tap_ok(TAP_SAME(rs_event_reply(&late_events[0], RS_CONTINUE), -ETIMEDOUT),
	       "while its handler is late: %s", rs_error_text());
	before = lanes[0].events;
	rs_store_release(&released, 1);
	while (rs_load_acquire(&lanes[0].events) < before + 5)
		sleep_us(1000);
	tap_ok(TAP_SAME(rs_event_reply(&late_events[0], RS_CONTINUE), -EALREADY),
	       "when that has returned: %s", rs_error_text());
	tap_ok(stop(thread) && in_order() && all_settled(), "in order, each answered");
	detach("late and kept");
}

/* It has replied itself, and then does not return. */
static struct rs_reply reply_and_stay(const struct rs_event *event, void *user)
{
	enter(event);
	if (event->vcpu == 0 && !rs_exchange_acquire(&stuck, 1)) {
		rs_answer_registers(event)->rbx = 0x1234;
		if (rs_event_reply(event, RS_CONTINUE))
			lanes[0].out_of_order++;
		while (!rs_load_acquire(&released))
			sleep_us(1000);
	}
	leave(event);
	return lanes[event->vcpu].events == 1 ? RS_LATER : RS_CONTINUE;
}

static void scenario_replied(void)
{
	pthread_t thread;

	attach_with(RS_AT_DEADLINE_CONTINUE);
	released = 0;
	watch((struct rs_watch_options){ .kind = RS_CPUID, .handler = reply_and_stay,
					 .vcpus = { 1 } });
	thread = start();
	tap_ok(await(count_stuck, 1) && await(missed, 1), "it is late, though it has replied");
	tap_ok(all_go_on(VCPUS), "the guest goes on, on each vCPU");
	rs_store_release(&released, 1);
	tap_ok(stop(thread) && in_order() && all_settled(), "in order, each answered");
	detach("replied");
}

static void scenario_options(void)
{
	struct rs_engine_options bad[] = {
		{ .at_deadline = RS_AT_DEADLINE_CONTINUE },
		{ .at_deadline = (enum rs_at_deadline)2, .deadline_ms = 1 },
		{ .deadline_ms = 3600001 },
	};

	for (unsigned int i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		tap_ok(rs_engine_attach(&engine, "guest1", &bad[i]) == -EINVAL, "%s",
		       rs_error_text());
}

static const struct scenario scenarios[] = {
	{ "stuck", scenario_stuck },
	{ "others", scenario_others },
	{ "all_stuck", scenario_all_stuck },
	{ "asynchronous", scenario_asynchronous },
	{ "tell", scenario_tell },
	{ "forgotten", scenario_forgotten },
	{ "late_and_kept", scenario_late_and_kept },
	{ "replied", scenario_replied },
	{ "options", scenario_options },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	options.workers = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 2;
	return scenario_run(scenarios, argc, argv);
}
