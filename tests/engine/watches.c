/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watches.c: watches made by the dozen, changed in place, limited and in each other's way, on
 * fakexen's default guest.
 *
 *	fakexen --vcpus 4 --report FILE -- tests/engine/watches SCENARIO [WORKERS [COUNT]]
 *
 * watches.sh runs the scenarios and looks at the model's report.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guests/map.h"
#include "ring/atomics.h"
#include "tests/engine/bed.h"
#include "tests/engine/scenario.h"
#include "tests/unit/tap.h"

#define MSR_LSTAR 0xc0000082
#define MSR_KERNEL_GS_BASE 0xc0000102
#define CR4_PCE 0x100
#define DATA_GFN (GUEST_DATA_PAGE >> 12)
#define CODE_GFN (GUEST_CODE_PAGE >> 12)

static uint32_t scale = 40; /* how many of whatever the scenario does */

/* -- changing -- */

static uint32_t strays;

static bool is_wanted(const struct rs_watch_options *wanted, const struct rs_event *event)
{
	if (wanted->vcpus[0] && !(wanted->vcpus[0] & 1U << event->vcpu))
		return false;
	switch (event->kind) {
	case RS_CR:
		return event->cr.which == (uint32_t)wanted->cr.which;
	case RS_MSR:
		return event->msr.index == wanted->msr.index;
	case RS_PAGE:
		return event->page.gfn >= wanted->page.first_gfn &&
		       event->page.gfn <= wanted->page.last_gfn;
	default:
		return true;
	}
}

/* Its user is what its watch asks for. */
static struct rs_reply check_wanted(const struct rs_event *event, void *user)
{
	enter(event);
	if (!is_wanted(user, event))
		rs_add_relaxed(&strays, 1);
	leave(event);
	return RS_CONTINUE;
}

static void try_change(struct rs_watch_options *wanted, size_t count, const char *name)
{
	struct rs_watch *made;
	pthread_t thread;
	bool good = true;

	for (size_t i = 0; i < count; i++) {
		wanted[i].handler = check_wanted;
		wanted[i].user = &wanted[i];
	}
	attach();
	made = watch(wanted[0]);
	thread = start();
	for (uint32_t i = 1; i < scale && good; i++) {
		int error = rs_watch_change(made, &wanted[i % count]);

		if (error)
			printf("# change: %s\n", rs_strerror(error));
		good = !error && wait_for(sum_events() + 20);
	}
	tap_ok(good && TAP_SAME(rs_load_relaxed(&strays), 0),
	       "%s: changed %u times, and what is wanted comes, nothing else", name, scale);
	tap_ok(stop(thread) && in_order() && all_answered(), "%s: in order, each answered", name);
	detach(name);
}

/* Until the guest has not reported anything for a while. */
static bool falls_silent(void)
{
	struct rs_statistics before, after;
	double end = now() + PATIENCE;

	do {
		rs_engine_statistics(engine, &before);
		sleep_us(50000);
		rs_engine_statistics(engine, &after);
	} while (after.requests != before.requests && now() < end);
	return after.requests == before.requests;
}

static void scenario_change(void)
{
	struct rs_watch_options registers[] = {
		{ .kind = RS_CR, .cr.which = RS_CR3 },
		{ .kind = RS_CR, .cr.which = RS_CR4 },
		{ .kind = RS_CR, .cr.which = RS_CR4, .asynchronous = true },
		{ .kind = RS_CR, .cr.which = RS_XCR0 },
	};
	struct rs_watch_options indices[] = {
		{ .kind = RS_MSR, .msr.index = MSR_LSTAR },
		{ .kind = RS_MSR, .msr.index = MSR_KERNEL_GS_BASE },
	};
	struct rs_watch_options vcpus[] = {
		{ .kind = RS_CPUID, .vcpus = { 1 << 1 } },
		{ .kind = RS_CPUID },
		{ .kind = RS_CPUID, .vcpus = { 1 << 0 } },
	};
	struct rs_watch_options pages[] = {
		{ .kind = RS_PAGE, .page = { .first_gfn = DATA_GFN, .last_gfn = DATA_GFN } },
		{ .kind = RS_PAGE, .page = { .first_gfn = DATA_GFN, .last_gfn = CODE_GFN,
					     .access = RS_ACCESS_R } },
		{ .kind = RS_PAGE, .page = { .first_gfn = CODE_GFN, .last_gfn = CODE_GFN,
					     .access = RS_ACCESS_R | RS_ACCESS_W } },
	};

	try_change(registers, 4, "CR3, CR4, CR4 asynchronous, XCR0");
	try_change(indices, 2, "two MSRs");
	try_change(vcpus, 3, "sets of vCPUs");
	try_change(pages, 3, "pages, by views");
	options.page_method = RS_PAGE_METHOD_HOST;
	try_change(pages, 3, "pages, by the host's map");
}

/* A mask is widened and narrowed: what is ignored makes no event. */
static void scenario_mask(void)
{
	struct rs_watch_options wanted = { .kind = RS_CR, .handler = count_event,
					   .cr = { .which = RS_CR4, .ignored_bits = CR4_PCE } };
	struct rs_watch *made;
	pthread_t thread;

	attach();
	made = watch(wanted);
	thread = start();
	tap_ok(falls_silent() && TAP_SAME(sum_events(), 0), "an ignored bit makes no event");
	wanted.cr.ignored_bits = 0;
	tap_ok(!rs_watch_change(made, &wanted) && wait_for(50), "when it is wanted, it does");
	wanted.cr.ignored_bits = CR4_PCE;
	tap_ok(!rs_watch_change(made, &wanted) && falls_silent(), "ignored again, it does not");
	tap_ok(stop(thread) && all_answered(), "each answered");
	detach("mask");
}

static struct rs_watch *mine;
static uint32_t wrong_user, users_gone, changes;

static void on_gone(void *user)
{
	rs_add_relaxed(&users_gone, 1);
	*(uint32_t *)user = 0;
	free(user);
}

static uint32_t *make_user(uint32_t index)
{
	uint32_t *user = malloc(sizeof(*user));

	*user = index;
	return user;
}

/* Each handler makes its watch one of the other MSR, with another user: who comes after it. */
static struct rs_reply change_inside(const struct rs_event *event, void *user)
{
	struct rs_watch_options other = { .kind = RS_MSR, .handler = change_inside,
					  .gone = on_gone };

	enter(event);
	if (*(uint32_t *)user != event->msr.index)
		rs_add_relaxed(&wrong_user, 1);
	other.msr.index = event->msr.index == MSR_LSTAR ? MSR_KERNEL_GS_BASE : MSR_LSTAR;
	other.user = make_user(other.msr.index);
	if (rs_watch_change(mine, &other))
		rs_add_relaxed(&wrong_user, 1);
	else
		rs_add_relaxed(&changes, 1);
	leave(event);
	return RS_CONTINUE;
}

static void scenario_change_inside(void)
{
	pthread_t thread;

	attach();
	mine = watch((struct rs_watch_options){ .kind = RS_MSR, .handler = change_inside,
						.msr.index = MSR_LSTAR, .gone = on_gone,
						.user = make_user(MSR_LSTAR) });
	thread = start();
	tap_ok(wait_for(scale * 4), "%u times changed from inside its own handler", scale * 4);
	tap_ok(stop(thread) && TAP_SAME(wrong_user, 0) && all_answered(),
	       "each handler had the user that was made for its MSR");
	detach("change inside");
	/* The first one's, and that of each change. */
	tap_ok(TAP_SAME(users_gone, changes + 1), "and each user was told to go, once");
}

/* Its user is good while a handler may be called with it. */
static struct rs_reply check_user(const struct rs_event *event, void *user)
{
	enter(event);
	if (*(const uint32_t *)user != 0xfeed)
		rs_add_relaxed(&wrong_user, 1);
	leave(event);
	return RS_CONTINUE;
}

static uint32_t refusals;

static void *change_main(void *number)
{
	static const enum rs_kind kinds[] = { RS_CR, RS_MSR, RS_CPUID, RS_PAGE };
	unsigned int which = (unsigned int)(uintptr_t)number;
	uint32_t *user = make_user(0xfeed), *next;
	struct rs_watch_options wanted = { .kind = kinds[which], .handler = check_user };
	struct rs_watch *made;

	if (wanted.kind == RS_CR)
		wanted.cr.which = RS_CR3;
	if (wanted.kind == RS_MSR)
		wanted.msr.index = MSR_LSTAR;
	if (wanted.kind == RS_PAGE)
		wanted.page.first_gfn = DATA_GFN;
	wanted.user = user;
	if (rs_watch(engine, &wanted, &made))
		return NULL;
	for (uint32_t i = 0; i < scale * 2; i++) {
		next = make_user(0xfeed);
		wanted.user = next;
		wanted.vcpus[0] = i % 3;
		if (rs_watch_change(made, &wanted))
			rs_add_relaxed(&refusals, 1);
		/* Nobody runs with it any more. */
		*user = 0;
		free(user);
		user = next;
	}
	rs_unwatch(made);
	*user = 0;
	free(user);
	return NULL;
}

static void scenario_change_by_many(void)
{
	pthread_t thread, changers[4];

	attach();
	watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR4,
					 .handler = count_event });
	thread = start();
	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&changers[i], NULL, change_main, (void *)i);
	for (unsigned int i = 0; i < 4; i++)
		pthread_join(changers[i], NULL);
	tap_ok(TAP_SAME(wrong_user, 0) && TAP_SAME(refusals, 0),
	       "four threads change their watches %u times while %u events fly", scale * 2,
	       sum_events());
	tap_ok(stop(thread) && in_order() && all_answered(), "in order, each answered");
	detach("change by many");
}

static void scenario_change_refused(void)
{
	struct rs_watch_options wanted = { .kind = RS_PAGE, .handler = count_event,
					   .page.first_gfn = DATA_GFN };
	struct rs_watch *made, *register_watch;
	pthread_t thread;

	attach();
	made = watch(wanted);
	register_watch = watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3,
							  .vcpus = { 1U << 31 } });
	thread = start();
	wanted.page.first_gfn = 0xfee00;
	tap_ok(rs_watch_change(made, &wanted) == -EFAULT, "to a page that is no RAM: %s",
	       rs_error_text());
	tap_ok(wait_for(sum_events() + 20), "the watch is as it was");
	wanted = (struct rs_watch_options){ .kind = RS_CPUID };
	tap_ok(rs_watch_change(register_watch, &wanted) == -EINVAL, "to another kind: %s",
	       rs_error_text());
	wanted = (struct rs_watch_options){ .kind = RS_MSR, .msr.index = 0x9000 };
	tap_ok(rs_watch_change(register_watch, &wanted) == -EINVAL, "to nonsense: %s",
	       rs_error_text());
	tap_ok(stop(thread) && all_answered(), "each answered");
	detach("change refused");
}

/* -- many at once -- */

/* MSRs side by side, all of the guest's pages of data, and a few of everything. */
static size_t fill(struct rs_watch_options *wanted)
{
	size_t count = 0;

	for (uint32_t i = 0; i < scale; i++)
		wanted[count++] = (struct rs_watch_options){ .kind = RS_MSR, .msr.index = i };
	for (uint32_t i = 0; i < scale; i++)
		wanted[count++] = (struct rs_watch_options){
			.kind = RS_PAGE, .page = { .first_gfn = DATA_GFN + scale - 1 - i } };
	wanted[count++] = (struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3 };
	wanted[count++] = (struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR4 };
	wanted[count++] = (struct rs_watch_options){ .kind = RS_CPUID };
	wanted[count++] = (struct rs_watch_options){ .kind = RS_BREAKPOINT };
	for (size_t i = 0; i < count; i++)
		wanted[i].handler = count_event;
	return count;
}

static void scenario_many(void)
{
	struct rs_watch_options *wanted = calloc(scale * 2 + 8, sizeof(*wanted));
	struct rs_watch **made = calloc(scale * 2 + 8, sizeof(struct rs_watch *));
	size_t count = fill(wanted);
	struct rs_statistics statistics;
	pthread_t thread;
	int error;

	attach();
	wanted[scale / 2].msr.index = 0x9000;
	error = rs_watch_many(engine, wanted, count, made);
	tap_ok(error == -EINVAL && !made[0] && strstr(rs_error_text(), "msr.index"),
	       "one that cannot be: %s", rs_error_text());
	wanted[scale / 2].msr.index = scale / 2;
	wanted[scale].page.first_gfn = 0xfee00;
	error = rs_watch_many(engine, wanted, count, made);
	tap_ok(error == -EFAULT && !made[0], "one that Xen cannot do: %s", rs_error_text());
	thread = start();
	tap_ok(falls_silent() && TAP_SAME(sum_events(), 0), "and none was made");
	wanted[scale].page.first_gfn = DATA_GFN + scale - 1;
	error = rs_watch_many(engine, wanted, count, made);
	tap_ok(!error && wait_for(200), "%zu watches made at once", count);
	rs_unwatch_many(made, count);
	rs_engine_statistics(engine, &statistics);
	tap_ok(statistics.events[RS_CR] && statistics.events[RS_PAGE] &&
	       statistics.events[RS_CPUID] && statistics.events[RS_BREAKPOINT],
	       "and events of each kind came");
	tap_ok(rs_watch_many(engine, wanted, 0, NULL) == 0, "none is as many as some");
	rs_unwatch_many(NULL, 0);
	tap_ok(stop(thread) && in_order() && all_answered(), "in order, each answered");
	detach("many");
	free(wanted);
	free(made);
}

/* -- a limit -- */

static void scenario_limit(void)
{
	struct rs_watch_options wanted = { .kind = RS_CR, .cr.which = RS_CR3,
					   .handler = count_event, .calls_per_second_max = 20,
					   .at_limit = RS_AT_LIMIT_SWITCH_OFF };
	struct rs_statistics statistics;
	struct rs_watch_state state;
	struct rs_watch *made;
	double end = now() + PATIENCE;
	pthread_t thread;

	attach();
	made = watch(wanted);
	rs_watch_state(made, &state);
	tap_ok(state.on && !state.throttled, "a watch with a limit is on");
	thread = start();
	do {
		sleep_us(2000);
		rs_watch_state(made, &state);
	} while (state.on && now() < end);
	/* It is off while the last of the twenty may still be on the way into its handler. */
	tap_ok(!state.on && wait_for(20) && state.throttled >= 1,
	       "a storm switches it off, after %u calls", sum_events());
	rs_engine_statistics(engine, &statistics);
	tap_ok(falls_silent() && TAP_SAME(statistics.switched_off, 1),
	       "and the guest does not report any more");
	wanted.calls_per_second_max = 0;
	wanted.at_limit = RS_AT_LIMIT_SETTLE;
	tap_ok(!rs_watch_change(made, &wanted) && wait_for(sum_events() + 100),
	       "a change switches it on again");
	rs_watch_state(made, &state);
	tap_ok(state.on && state.throttled >= 1, "what was throttled stays counted");
	wanted.at_limit = RS_AT_LIMIT_SWITCH_OFF;
	tap_ok(rs_watch_change(made, &wanted) == -EINVAL, "no limit to switch off at: %s",
	       rs_error_text());
	tap_ok(stop(thread) && in_order() && all_answered(), "in order, each answered");
	rs_unwatch(made);
	detach("limit");
}

/* -- several of one event -- */

/* Three watches of one MSR: what each replies, and whether they were called one, two, three. */
static struct rs_reply replies[3];
static uint32_t called, out_of_turn;
static uint64_t called_for, first_value;
static bool value_changed;

static struct rs_reply take_turn(const struct rs_event *event, void *user)
{
	uint32_t number = (uint32_t)(uintptr_t)user;

	if (number == 0)
		enter(event);
	if (number != called % 3 || (number && event->serial != called_for))
		out_of_turn++;
	called_for = event->serial;
	called++;
	value_changed |= first_value && event->msr.old_value != first_value;
	first_value = event->msr.old_value;
	if (replies[number].flags & RS_REPLY_SET_REGISTERS)
		rs_answer_registers(event);
	if (number == 2)
		leave(event);
	return replies[number];
}

static void scenario_order(void)
{
	struct rs_watch_options wanted = { .kind = RS_MSR, .msr.index = MSR_LSTAR, .deny = true,
					   .handler = take_turn };
	struct rs_watch *made[3];
	pthread_t thread;

	attach();
	for (uintptr_t i = 0; i < 3; i++) {
		replies[i] = RS_CONTINUE;
		wanted.user = (void *)i;
		made[i] = watch(wanted);
	}
	replies[1] = RS_DENY;
	thread = start();
	tap_ok(wait_for(20) && stop(thread) && TAP_SAME(out_of_turn, 0),
	       "three watches of one MSR: called in the order in which they were made");
	tap_ok(!value_changed, "the second one denies, and so it is");
	wanted.user = (void *)0;
	replies[2] = RS_SET_REGISTERS;
	first_value = called = 0;
	tap_ok(!rs_watch_change(made[0], &wanted), "the first one is changed");
	thread = start();
	tap_ok(wait_for(40) && stop(thread) && TAP_SAME(out_of_turn, 0),
	       "and keeps its place");
	tap_ok(!value_changed, "the third one replies differently, in vain");
	rs_unwatch(made[1]);
	replies[1] = RS_SET_REGISTERS;
	wanted.user = (void *)1;
	made[1] = made[2];
	tap_ok(!rs_watch_change(made[1], &wanted), "the second one goes");
	replies[2] = RS_CONTINUE;
	wanted.user = (void *)2;
	made[2] = watch(wanted);
	first_value = called = 0;
	thread = start();
	tap_ok(wait_for(60) && stop(thread) && TAP_SAME(out_of_turn, 0),
	       "one that is made later comes last");
	tap_ok(value_changed && all_answered(), "and now the MSR is written");
	detach("order");
}

/* -- what is counted of open events -- */

static struct rs_reply handle_slowly(const struct rs_event *event, void *user)
{
	enter(event);
	sleep_us(2000);
	leave(event);
	return RS_CONTINUE;
}

/* Sixteen vCPUs, eight slots. */
static void scenario_full(void)
{
	struct rs_event events[8], none;
	struct rs_statistics statistics;
	struct rs_watch *made;
	pthread_t thread;
	double end = now() + PATIENCE;
	uint32_t count = 0;
	uint64_t before;
	bool good = true;

	attach();
	made = watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3 });
	while (count < 8 && rs_engine_next(engine, &events[count], 5000) == 1)
		count++;
	rs_engine_statistics(engine, &statistics);
	/* The one that took the last slot, at least. */
	tap_ok(TAP_SAME(count, 8) && statistics.full >= 1 && statistics.full <= 8 &&
	       TAP_SAME(rs_engine_next(engine, &none, 50), 0),
	       "eight events are kept, and no more come");
	while (count)
		good &= !rs_event_reply(&events[--count], RS_CONTINUE);
	tap_ok(good && rs_engine_next(engine, &none, 5000) == 1 &&
	       !rs_event_reply(&none, RS_CONTINUE), "until they are answered");
	rs_unwatch(made);
	rs_engine_statistics(engine, &statistics);
	before = statistics.full;
	watch((struct rs_watch_options){ .kind = RS_CPUID, .handler = handle_slowly });
	thread = start();
	do {
		sleep_us(2000);
		rs_engine_statistics(engine, &statistics);
	} while (statistics.full == before && now() < end);
	tap_ok(statistics.full > before, "slow handlers have all slots, too");
	tap_ok(stop(thread) && in_order() && all_answered(), "in order, each answered");
	detach("full");
}

/* One vCPU that does not wait: its events queue up behind a slow handler. */
static void scenario_depth(void)
{
	struct rs_statistics statistics;
	struct rs_watch *made;
	pthread_t thread;
	double end = now() + PATIENCE;

	attach();
	made = watch((struct rs_watch_options){ .kind = RS_CPUID, .handler = count_event });
	thread = start();
	wait_for(20);
	rs_engine_statistics(engine, &statistics);
	tap_ok(TAP_SAME(statistics.lane_depth_max, 1), "who waits has one event open");
	rs_unwatch(made);
	watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3, .asynchronous = true,
					 .handler = handle_slowly });
	do {
		sleep_us(2000);
		rs_engine_statistics(engine, &statistics);
	} while (statistics.lane_depth_max < 4 && now() < end);
	tap_ok(statistics.lane_depth_max >= 4, "who does not, many: %lu",
	       (unsigned long)statistics.lane_depth_max);
	tap_ok(stop(thread) && in_order() && all_answered(), "in order, each answered");
	detach("depth");
}

static const struct scenario scenarios[] = {
	{ "change", scenario_change },
	{ "mask", scenario_mask },
	{ "change_inside", scenario_change_inside },
	{ "change_by_many", scenario_change_by_many },
	{ "change_refused", scenario_change_refused },
	{ "many", scenario_many },
	{ "limit", scenario_limit },
	{ "order", scenario_order },
	{ "full", scenario_full },
	{ "depth", scenario_depth },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	options.workers = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1;
	if (argc > 3)
		scale = (uint32_t)strtoul(argv[3], NULL, 10);
	return scenario_run(scenarios, argc, argv);
}
