/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* step.c: single-stepping, asked for by a handler or from outside. */
#include <errno.h>
#include <inttypes.h>

#include "tests/xen/driver/tests.h"

#define STEPS 6
#define LIMIT_NS UINT64_C(5000000000)

static struct rs_reply count_down(struct bed *bed, const struct rs_event *event)
{
	if (event->kind == RS_SINGLESTEP)
		bed->countdown--;
	return bed->countdown ? RS_STEP : RS_CONTINUE;
}

/* The command is done before its last steps are taken. */
static void finish_steps(struct bed *bed)
{
	uint64_t limit = now_ns() + LIMIT_NS;

	while (bed->countdown && !bed->error && now_ns() < limit)
		bed_settle(bed);
}

/* Steps all the way, and the gfn is RIP's. */
static bool stepped(struct bed *bed)
{
	bool good = bed->seen == STEPS + 1;

	for (unsigned int i = 1; i < bed->seen; i++)
		good &= bed_event(bed, i)->kind == RS_SINGLESTEP &&
			bed_event(bed, i)->singlestep.gfn ==
				rs_event_rip(bed_event(bed, i)) >> 12;
	return good;
}

static void step_request(struct bed *bed)
{
	bed_watch_kind(bed, RS_GUEST_REQUEST);
	bed_watch_kind(bed, RS_SINGLESTEP);
	for (unsigned int again = 0; again < 2; again++) {
		bed->countdown = STEPS;
		bed_run(bed, MB_REQUEST, 0, 0, count_down);
		finish_steps(bed);
		check(stepped(bed), "%u steps after a guest request, round %u (%u events)", STEPS,
		      again, bed->seen);
	}
	bed_run(bed, MB_NOTHING, 0, 0, NULL);
	check(bed->seen == 0, "and none any more (%u events)", bed->seen);
}

static void step_cr(struct bed *bed)
{
	bed_watch(bed, (struct rs_watch_options){ .kind = RS_CR, .cr = { .which = RS_CR3 } });
	bed_watch_kind(bed, RS_SINGLESTEP);
	bed->countdown = STEPS;
	bed_run(bed, MB_WRITE_CR3, MB_ROOT_A, 0, count_down);
	finish_steps(bed);
	check(stepped(bed), "%u steps after a CR3 write (%u events)", STEPS, bed->seen);
	bed_run(bed, MB_WRITE_CR3, MB_TABLES, 0, NULL);
}

static struct rs_reply skip_and_step(struct bed *bed, const struct rs_event *event)
{
	if (event->kind == RS_SINGLESTEP)
		return RS_CONTINUE;
	rs_answer_registers(event)->rip += event->breakpoint.insn_length;
	return rs_reply_with_registers(RS_STEP);
}

/* Two replies in one: RIP moved past the INT3, and one step from there. */
static void step_breakpoint(struct bed *bed)
{
	bed_watch_kind(bed, RS_BREAKPOINT);
	bed_watch_kind(bed, RS_SINGLESTEP);
	bed_run(bed, MB_INT3, 0, 0, skip_and_step);
	check(bed->seen == 2 && bed_event(bed, 1)->kind == RS_SINGLESTEP &&
		      rs_event_rip(bed_event(bed, 1)) != bed_get(bed, MB_MARK) + 1,
	      "one step on from a breakpoint (%u events, RIP %#" PRIx64 ")", bed->seen,
	      rs_event_rip(bed_event(bed, 1)));
}

static void step_unwatched(struct bed *bed)
{
	bed_watch_kind(bed, RS_GUEST_REQUEST);
	bed->countdown = 1;
	bed_run(bed, MB_REQUEST, 0, 0, count_down);
	check(bed->seen == 1, "a step that nobody watches ends by itself (%u events)", bed->seen);
	bed_run(bed, MB_NOTHING, 0, 0, NULL);
	check(bed->seen == 0, "the guest goes on");
}

/* `count` events, all of them steps of that vCPU. */
static bool stepped_alone(struct bed *bed, unsigned int count, uint32_t vcpu)
{
	bool good = bed->seen == count;

	for (unsigned int i = 0; i < bed->seen; i++)
		good &= bed_event(bed, i)->kind == RS_SINGLESTEP && bed_event(bed, i)->vcpu == vcpu;
	return good;
}

/* Of a vCPU that has no event open: it polls, and a lap of that takes so many steps. */
#define LAP 8

static void step_alone(struct bed *bed)
{
	int error;

	bed_watch_kind(bed, RS_SINGLESTEP);
	bed->answer = count_down;
	for (unsigned int again = 0; again < 2; again++) {
		bed->seen = 0;
		bed->countdown = LAP;
		error = rs_engine_single_step(bed->engine, 0);
		finish_steps(bed);
		check(!error && stepped_alone(bed, LAP, 0),
		      "%u steps out of nothing, round %u (%u events): %s", LAP, again, bed->seen,
		      rs_strerror(error));
	}
	bed_run(bed, MB_NOTHING, 0, 0, NULL);
	check(bed->seen == 0, "and none any more (%u events)", bed->seen);
	error = rs_engine_single_step(bed->engine, rs_engine_vcpu_count(bed->engine));
	check(error == -ENOENT, "no vCPU behind the last: %s", rs_strerror(error));
}

/* One that the guest has not started steps when it does. */
static void step_starting(struct bed *bed)
{
	int error;

	bed_watch_kind(bed, RS_SINGLESTEP);
	bed->answer = count_down;
	bed->seen = 0;
	bed->countdown = STEPS;
	error = rs_engine_single_step(bed->engine, 1);
	bed_settle(bed);
	check(!error && bed->seen == 0, "a vCPU that does not run does not step (%u events): %s",
	      bed->seen, rs_strerror(error));
	bed_run(bed, MB_START_AP, 0, 0, count_down);
	finish_steps(bed);
	check(stepped_alone(bed, STEPS, 1) && guest_vcpu_lives(&bed->guest, 1),
	      "%u steps from its first instruction on (%u events)", STEPS, bed->seen);
}

const struct test tests_of_step[] = {
	{ .name = "step", .run = step_request, .about = "six steps after a guest request" },
	{ .name = "step-cr", .run = step_cr, .about = "after a CR3 write" },
	{ .name = "step-breakpoint", .run = step_breakpoint, .about = "after a breakpoint" },
	{ .name = "step-unwatched", .run = step_unwatched, .about = "nobody watches the step" },
	{ .name = "step-alone", .run = step_alone, .about = "of a vCPU that has no event open" },
	{ .name = "step-starting", .run = step_starting, .own_guest = true,
	  .about = "of a vCPU that is not started yet" },
	{ 0 },
};
