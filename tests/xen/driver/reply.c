/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* reply.c: the replies that any event takes, given to one of each kind. */
#include <inttypes.h>

#include "tests/xen/driver/tests.h"

#define MSR_LSTAR 0xc0000082
#define READ_SIZE 3 /* mov rax, [rdi] */
#define LIMIT_NS UINT64_C(5000000000)

/* A kind, and the command that raises it. */
static const struct kind {
	const char *name;
	struct rs_watch_options options;
	unsigned int command;
	uint64_t a, b;
} kinds[] = {
	{ "CR3", { .kind = RS_CR, .cr.which = RS_CR3 }, MB_WRITE_CR3, MB_ROOT_A, 0 },
	{ "MSR", { .kind = RS_MSR, .msr.index = MSR_LSTAR }, MB_WRMSR, MSR_LSTAR, 0x1000 },
	{ "INT3", { .kind = RS_BREAKPOINT }, MB_INT3, 0, 0 },
	{ "page", { .kind = RS_PAGE, .page.first_gfn = MB_DATA >> 12 }, MB_READ, MB_DATA, 0 },
	{ "CPUID", { .kind = RS_CPUID }, MB_CPUID, 0, 0 },
	{ "descriptor", { .kind = RS_DESCRIPTOR }, MB_SGDT, 0, 0 },
	{ "debug", { .kind = RS_DEBUG }, MB_ICEBP, 0, 0 },
	{ "guest request", { .kind = RS_GUEST_REQUEST }, MB_REQUEST, 0, 0 },
};
#define KIND_COUNT (sizeof(kinds) / sizeof(*kinds))

static void watch_kind(struct bed *bed, const struct kind *kind)
{
	/* A write of what is there already would be no event. */
	bed_run(bed, MB_WRITE_CR3, MB_TABLES, 0, NULL);
	bed_watch(bed, kind->options);
}

/* The command once, its first event answered so; what follows, as RS_CONTINUE says. */
static void run_kind(struct bed *bed, const struct kind *kind, bed_answer *answer)
{
	bed->countdown = 1;
	bed_run(bed, kind->command, kind->a, kind->b, answer);
}

static bool is_first(struct bed *bed)
{
	bool first = bed->countdown;

	bed->countdown = 0;
	return first;
}

static bool saw(const struct bed *bed, unsigned int index, enum rs_kind kind)
{
	return index < bed->seen && bed_event(bed, index)->kind == kind;
}

static struct rs_reply inject_gp(struct bed *bed, const struct rs_event *event)
{
	return is_first(bed) ? rs_reply_inject(13, RS_INJECT_HARDWARE_EXCEPTION, 0, 0, 0)
			     : RS_CONTINUE;
}

static void reply_inject(struct bed *bed)
{
	for (size_t i = 0; i < KIND_COUNT; i++) {
		uint64_t before = bed_get(bed, MB_GP);

		watch_kind(bed, &kinds[i]);
		run_kind(bed, &kinds[i], inject_gp);
		check(saw(bed, 0, kinds[i].options.kind) && bed_get(bed, MB_GP) == before + 1,
		      "%s: a #GP in its place (%u events)", kinds[i].name, bed->seen);
		bed_unwatch_all(bed);
	}
}

static struct rs_reply ask_for_ours(struct bed *bed, const struct rs_event *event)
{
	if (!is_first(bed))
		return RS_CONTINUE;
	return rs_reply_with_next_interrupt(
		rs_reply_inject(MB_VECTOR_B, RS_INJECT_EXTERNAL, RS_NO_ERROR_CODE, 0, 0));
}

static void reply_interrupt(struct bed *bed)
{
	/* Sets the guest's interrupt controller going. */
	bed_run(bed, MB_SELF_IPI, MB_VECTOR_A, 0, NULL);
	for (size_t i = 0; i < KIND_COUNT; i++) {
		uint64_t before = bed_get(bed, MB_IRQ);

		watch_kind(bed, &kinds[i]);
		bed_watch_kind(bed, RS_INTERRUPT);
		run_kind(bed, &kinds[i], ask_for_ours);
		check(saw(bed, 0, kinds[i].options.kind) && saw(bed, 1, RS_INTERRUPT) &&
			      bed_event(bed, 1)->interrupt.vector == MB_VECTOR_B &&
			      bed_get(bed, MB_IRQ) == before + 1,
		      "%s: an interrupt, and the next one is that (%u events, vector %#x)",
		      kinds[i].name, bed->seen, bed_event(bed, 1)->interrupt.vector);
		bed_unwatch_all(bed);
	}
}

/* Which way is right past that kind, and to the view in bed->flag. */
static struct rs_reply to_view(struct bed *bed, const struct rs_event *event)
{
	struct rs_reply reply = event->kind == RS_PAGE ? RS_RESUME : RS_CONTINUE;

	return is_first(bed) ? rs_reply_with_view(reply, bed->flag) : RS_CONTINUE;
}

static void reply_view(struct bed *bed)
{
	for (size_t i = 0; i < KIND_COUNT; i++) {
		uint16_t view;

		/* One that stays: what makes the view. */
		bed_watch_page(bed, MB_AREA, 0);
		watch_kind(bed, &kinds[i]);
		if (kinds[i].options.kind != RS_GUEST_REQUEST)
			bed_watch_kind(bed, RS_GUEST_REQUEST);
		view = rs_engine_view(bed->engine);
		bed->flag = 0;
		run_kind(bed, &kinds[i], to_view);
		check(saw(bed, 0, kinds[i].options.kind) && bed_event(bed, 0)->view == view,
		      "%s: switched to view 0 (%u events)", kinds[i].name, bed->seen);
		bed->flag = view;
		bed->countdown = 1;
		bed_run(bed, MB_REQUEST, 0, 0, to_view);
		check(saw(bed, 0, RS_GUEST_REQUEST) && bed_event(bed, 0)->view == 0,
		      "%s: where the vCPU is now, and back", kinds[i].name);
		bed_unwatch_all(bed);
	}
}

/* One step, by the way that leads past that kind. */
static struct rs_reply step_past(struct bed *bed, const struct rs_event *event)
{
	if (!is_first(bed))
		return RS_CONTINUE;
	if (event->kind == RS_PAGE)
		return rs_reply_step_in(0);
	if (event->kind != RS_CPUID && event->kind != RS_BREAKPOINT)
		return RS_STEP;
	bed_skip(bed, event);
	return rs_reply_with_registers(RS_STEP);
}

static bool is_stepped(const struct bed *bed)
{
	unsigned int steps = 0;

	for (unsigned int i = 1; i < bed->seen; i++)
		steps += bed_event(bed, i)->kind == RS_SINGLESTEP;
	return steps == 1;
}

static void reply_step(struct bed *bed)
{
	for (size_t i = 0; i < KIND_COUNT; i++) {
		uint64_t limit = now_ns() + LIMIT_NS;

		/* INT1 is executed again, and so reports again: it is no way past it. */
		if (kinds[i].options.kind == RS_DEBUG)
			continue;
		watch_kind(bed, &kinds[i]);
		bed_watch_kind(bed, RS_SINGLESTEP);
		run_kind(bed, &kinds[i], step_past);
		/* The command may be done before its step is taken. */
		while (!is_stepped(bed) && !bed->error && now_ns() < limit)
			bed_settle(bed);
		check(saw(bed, 0, kinds[i].options.kind) && is_stepped(bed),
		      "%s: one step (%u events)", kinds[i].name, bed->seen);
		bed_unwatch_all(bed);
	}
}

static struct rs_reply set_result(struct bed *bed, const struct rs_event *event)
{
	struct rs_registers *registers;

	if (!is_first(bed))
		return RS_CONTINUE;
	registers = rs_answer_registers(event);
	if (event->kind == RS_PAGE)
		registers->rip += READ_SIZE;
	registers->rax = bed->value;
	return RS_SET_REGISTERS;
}

/* Of kinds whose command keeps what is in RAX. */
static void reply_registers(struct bed *bed)
{
	for (size_t i = 0; i < KIND_COUNT; i++) {
		enum rs_kind kind = kinds[i].options.kind;

		if (kind != RS_PAGE && kind != RS_CPUID && kind != RS_GUEST_REQUEST)
			continue;
		bed->value = 0x600d + i;
		watch_kind(bed, &kinds[i]);
		run_kind(bed, &kinds[i], set_result);
		check(saw(bed, 0, kind) && bed->seen == 1 &&
			      bed_get(bed, MB_RESULT0) == bed->value,
		      "%s: the guest goes on with %#" PRIx64 " (%u events)", kinds[i].name,
		      bed_get(bed, MB_RESULT0), bed->seen);
		bed_unwatch_all(bed);
	}
}

static struct rs_reply reset(struct bed *bed, const struct rs_event *event)
{
	return is_first(bed) ? rs_reply_with_vmtrace_reset(RS_CONTINUE)
			     : rs_reply_with_fork_reset(RS_CONTINUE);
}

/* Debian's Xen has no memory sharing, and Bochs' processor no traces. */
static void reply_reset(struct bed *bed)
{
	bed_watch_kind(bed, RS_GUEST_REQUEST);
	bed->countdown = 1;
	bed->expected_refusals = 2;
	bed_run(bed, MB_REQUEST, 0, 0, reset);
	check(bed->seen == 1, "no trace to be reset");
	bed_run(bed, MB_REQUEST, 0, 0, reset);
	check(bed->seen == 1, "and no fork");
}

const struct test tests_of_reply[] = {
	{ .name = "reply-inject", .run = reply_inject, .about = "an exception, at every kind" },
	{ .name = "reply-interrupt", .run = reply_interrupt,
	  .about = "an interrupt, and asking for the next, at every kind" },
	{ .name = "reply-view", .run = reply_view, .about = "another view, at every kind" },
	{ .name = "reply-step", .run = reply_step, .about = "single-stepping past every kind" },
	{ .name = "reply-registers", .run = reply_registers, .about = "registers set" },
	{ .name = "reply-reset", .run = reply_reset, .about = "what this Xen cannot reset" },
	{ 0 },
};
