/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* registers.c: writes to control registers and MSRs, seen and denied. */
#include <inttypes.h>

#include "tests/xen/driver/tests.h"

#define CR0_TS 0x8
#define CR0_WP 0x10000
#define CR4_TSD 0x4
#define CR4_PGE 0x80
#define CR4_PCE 0x100
#define MSR_SYSENTER_EIP 0x176
#define MSR_LSTAR 0xc0000082
#define MSR_GS_BASE 0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102

/* What rbp and r9 were: the registers of the message are the guest's. */
static bool has_pattern(const struct rs_event *event)
{
	return rs_event_rbp(event) == MB_PATTERN + 5 && rs_event_r9(event) == MB_PATTERN + 9;
}

/* Writes values[0] .. values[2]; before it is what the register held. */
static void write_three(struct bed *bed, enum rs_cr which, unsigned int command,
			const uint64_t *values, uint64_t before)
{
	for (unsigned int i = 0; i < 3; i++) {
		const struct rs_event *event;

		bed_run(bed, command, values[i], 0, bed_continue);
		event = bed_event(bed, 0);
		check(bed_saw_one(bed, RS_CR, 0) && event->synchronous &&
			      event->cr.which == which && event->cr.new_value == values[i] &&
			      event->cr.old_value == before && has_pattern(event),
		      "%#" PRIx64 " to %#" PRIx64 " (%u events, old %#" PRIx64 ", new %#" PRIx64
		      ")",
		      before, values[i], bed->seen, event->cr.old_value, event->cr.new_value);
		before = values[i];
	}
}

static bool watch_cr(struct bed *bed, enum rs_cr which)
{
	return bed_watch(bed, (struct rs_watch_options){ .kind = RS_CR,
							 .cr = { .which = which } });
}

static void cr0(struct bed *bed)
{
	static const uint64_t values[] = { MB_CR0 | CR0_TS, MB_CR0 | CR0_WP, MB_CR0 };

	watch_cr(bed, RS_CR0);
	write_three(bed, RS_CR0, MB_WRITE_CR0, values, MB_CR0);
}

static void cr3(struct bed *bed)
{
	static const uint64_t values[] = { MB_ROOT_A, MB_ROOT_B, MB_TABLES };

	watch_cr(bed, RS_CR3);
	write_three(bed, RS_CR3, MB_WRITE_CR3, values, MB_TABLES);
	check(rs_event_cr3(bed_event(bed, 0)) == MB_ROOT_B,
	      "the message's registers hold the old CR3");
}

static void cr4(struct bed *bed)
{
	static const uint64_t values[] = { MB_CR4 | CR4_PCE, MB_CR4 | CR4_TSD, MB_CR4 };
	struct rs_watch_options masked = {
		.kind = RS_CR, .cr = { .which = RS_CR4, .ignored_bits = CR4_PGE }
	};

	watch_cr(bed, RS_CR4);
	write_three(bed, RS_CR4, MB_WRITE_CR4, values, MB_CR4);
	bed_unwatch_all(bed);

	bed_watch(bed, masked);
	bed_run(bed, MB_WRITE_CR4, MB_CR4 | CR4_PGE, 0, NULL);
	check(bed->seen == 0, "PGE, ignored, is silent (%u events)", bed->seen);
	bed_run(bed, MB_WRITE_CR4, MB_CR4 | CR4_PGE | CR4_TSD, 0, NULL);
	check(bed_saw_one(bed, RS_CR, 0) &&
		      bed_event(bed, 0)->cr.old_value == (MB_CR4 | CR4_PGE),
	      "TSD beside it reports");
	bed_run(bed, MB_WRITE_CR4, MB_CR4, 0, NULL);
}

static void xcr0(struct bed *bed)
{
	/* Before the guest's first xsetbv Xen says 0, though the processor has 1. */
	static const uint64_t values[] = { 3, 7, 1 };
	uint64_t before = 0;

	if (bed_get(bed, MB_RESULT3) == 0)
		bed_run(bed, MB_WRITE_XCR0, 1, 0, NULL);
	before = 1;
	watch_cr(bed, RS_XCR0);
	for (unsigned int i = 0; i < 3; i++) {
		const struct rs_event *event;

		bed_run(bed, MB_WRITE_XCR0, values[i], 0, NULL);
		event = bed_event(bed, 0);
		check(bed->seen == 1 && event->kind == RS_CR && event->cr.which == RS_XCR0 &&
			      event->cr.new_value == values[i] && event->cr.old_value == before,
		      "%" PRIu64 " to %" PRIu64, before, values[i]);
		before = values[i];
	}
}

static void cr_asynchronous(struct bed *bed)
{
	bed_watch(bed, (struct rs_watch_options){ .kind = RS_CR,
						  .asynchronous = true,
						  .cr = { .which = RS_CR3 } });
	bed_run(bed, MB_WRITE_CR3, MB_ROOT_A, 0, NULL);
	check(bed->seen == 1 && !bed_event(bed, 0)->synchronous &&
		      bed_event(bed, 0)->cr.new_value == MB_ROOT_A,
	      "CR3, and the guest does not wait");
	bed_run(bed, MB_WRITE_CR3, MB_TABLES, 0, bed_deny);
	bed->expected_refusals = 1;
	check(bed->seen == 1, "a reply to it is refused");
	bed_unwatch_all(bed);
	watch_cr(bed, RS_CR3);
	bed_run(bed, MB_WRITE_CR3, MB_ROOT_A, 0, NULL);
	check(bed->seen == 1 && bed_event(bed, 0)->cr.old_value == MB_TABLES,
	      "and had no effect");
	bed_run(bed, MB_WRITE_CR3, MB_TABLES, 0, NULL);
}

static void cr_unchanged(struct bed *bed)
{
	watch_cr(bed, RS_CR3);
	bed_run(bed, MB_WRITE_CR3, MB_TABLES, 0, NULL);
	check(bed->seen == 0, "a write that changes nothing is silent (%u events)", bed->seen);
	watch_cr(bed, RS_CR0);
	bed_run(bed, MB_WRITE_CR0, MB_CR0 | CR0_TS, 0, NULL);
	check(bed_saw_one(bed, RS_CR, 0) && bed_event(bed, 0)->cr.which == RS_CR0,
	      "two registers watched at once: the right one");
	bed_run(bed, MB_WRITE_CR0, MB_CR0, 0, NULL);
}

static struct rs_reply next_rip(struct bed *bed, const struct rs_event *event)
{
	struct rs_registers *registers = rs_answer_registers(event);

	registers->rip += 3; /* mov cr3, rdi */
	registers->r9 = bed->value;
	return RS_SET_REGISTERS;
}

static struct rs_reply bad_rip(struct bed *bed, const struct rs_event *event)
{
	rs_answer_registers(event)->rip = 1ULL << 63;
	return RS_SET_REGISTERS;
}

static void cr_set_registers(struct bed *bed)
{
	watch_cr(bed, RS_CR3);
	bed->value = 1;
	bed_run(bed, MB_WRITE_CR3, MB_ROOT_A, 0, next_rip);
	check(bed->seen == 1, "registers set, RIP moved on: once (%u events)", bed->seen);
	bed_run(bed, MB_WRITE_CR3, MB_TABLES, 0, NULL);
	check(bed->seen == 1 && bed_event(bed, 0)->cr.old_value == MB_ROOT_A,
	      "and the write took place");
	bed->expected_refusals = 1;
	bed_run(bed, MB_WRITE_CR3, MB_ROOT_A, 0, bad_rip);
	check(bed->seen == 1, "with a RIP that cannot be it is refused: no second run (%u events)",
	      bed->seen);
	bed_run(bed, MB_WRITE_CR3, MB_TABLES, 0, NULL);
}

/* Registers with which a second run of the instruction would be another write. */
static struct rs_reply set_old(struct bed *bed, const struct rs_event *event)
{
	struct rs_registers *registers = rs_answer_registers(event);

	if (event->kind == RS_CR)
		registers->rdi = registers->rax = event->cr.old_value;
	else if (event->kind == RS_MSR)
		registers->rax = (uint32_t)event->msr.old_value;
	registers->r9 = bed->value;
	return RS_SET_REGISTERS;
}

static void executed_cr(struct bed *bed, enum rs_cr which, unsigned int command, uint64_t value,
			uint64_t before)
{
	watch_cr(bed, which);
	bed_run(bed, command, value, 0, set_old);
	check(bed->seen == 1, "register %d: RIP left alone, and written once (%u events)", which,
	      bed->seen);
	bed_run(bed, command, before, 0, NULL);
	check(bed->seen == 1 && bed_event(bed, 0)->cr.old_value == value,
	      "and that took place: %#" PRIx64, bed_event(bed, 0)->cr.old_value);
	bed_unwatch_all(bed);
}

static void executed_once(struct bed *bed)
{
	executed_cr(bed, RS_CR0, MB_WRITE_CR0, MB_CR0 | CR0_TS, MB_CR0);
	executed_cr(bed, RS_CR3, MB_WRITE_CR3, MB_ROOT_A, MB_TABLES);
	executed_cr(bed, RS_CR4, MB_WRITE_CR4, MB_CR4 | CR4_TSD, MB_CR4);
	bed_run(bed, MB_WRITE_XCR0, 1, 0, NULL);
	executed_cr(bed, RS_XCR0, MB_WRITE_XCR0, 3, 1);

	bed_run(bed, MB_WRMSR, MSR_LSTAR, 0x1000, NULL);
	bed_watch(bed, (struct rs_watch_options){ .kind = RS_MSR, .msr.index = MSR_LSTAR });
	bed_run(bed, MB_WRMSR, MSR_LSTAR, 0x2000, set_old);
	check(bed_saw_one(bed, RS_MSR, 0), "LSTAR: written once (%u events)", bed->seen);
	bed_run(bed, MB_RDMSR, MSR_LSTAR, 0, NULL);
	check(bed_get(bed, MB_RESULT0) == 0x2000, "and the guest reads %#" PRIx64,
	      bed_get(bed, MB_RESULT0));

	bed_watch_kind(bed, RS_GUEST_REQUEST);
	bed_run(bed, MB_REQUEST, 0, 0, set_old);
	check(bed_saw_one(bed, RS_GUEST_REQUEST, 0) && bed_get(bed, MB_RESULT0) == 0,
	      "a guest request: made once, and its result is 0 (%u events, result %#" PRIx64 ")",
	      bed->seen, bed_get(bed, MB_RESULT0));
}

static void msr(struct bed *bed)
{
	static const struct {
		uint32_t index;
		uint64_t value;
	} msrs[] = {
		{ MSR_SYSENTER_EIP, 0xffff8000deadb000 },
		{ MSR_LSTAR, 0xffffffff81a00010 },
		{ MSR_KERNEL_GS_BASE, 0x00007f1234567000 },
		{ MSR_GS_BASE, 0xffff88003f400000 },
	};

	for (unsigned int i = 0; i < sizeof(msrs) / sizeof(*msrs); i++) {
		bed_watch(bed, (struct rs_watch_options){ .kind = RS_MSR,
							  .msr = { .index = msrs[i].index } });
		for (unsigned int again = 0; again < 2; again++) {
			uint64_t value = again ? msrs[i].value ^ 0xff0 : msrs[i].value;
			const struct rs_event *event;

			bed_run(bed, MB_WRMSR, msrs[i].index, value, NULL);
			event = bed_event(bed, 0);
			check(bed_saw_one(bed, RS_MSR, 0) && event->msr.index == msrs[i].index &&
				      event->msr.new_value == value && has_pattern(event) &&
				      (!again || event->msr.old_value == msrs[i].value),
			      "%#x = %#" PRIx64 " (old %#" PRIx64 ")", msrs[i].index, value,
			      event->msr.old_value);
			bed_run(bed, MB_RDMSR, msrs[i].index, 0, NULL);
			check(bed_get(bed, MB_RESULT0) == value, "and the guest reads it back");
		}
		bed_unwatch_all(bed);
	}
}

static void deny_cr3(struct bed *bed)
{
	bed_watch(bed, (struct rs_watch_options){ .kind = RS_CR,
						  .deny = true,
						  .cr = { .which = RS_CR3 } });
	bed_run(bed, MB_WRITE_CR3, MB_ROOT_A, 0, bed_deny);
	check(bed_saw_one(bed, RS_CR, 0) && bed_event(bed, 0)->cr.new_value == MB_ROOT_A,
	      "CR3 is written, and denied");
	bed_run(bed, MB_WRITE_CR3, MB_ROOT_B, 0, bed_continue);
	check(bed->seen == 1 && bed_event(bed, 0)->cr.old_value == MB_TABLES,
	      "it kept %#" PRIx64, bed_event(bed, 0)->cr.old_value);
	bed_run(bed, MB_WRITE_CR3, MB_TABLES, 0, bed_continue);
	check(bed->seen == 1 && bed_event(bed, 0)->cr.old_value == MB_ROOT_B,
	      "what is allowed takes effect");
}

static void deny_cr(struct bed *bed)
{
	static const struct {
		enum rs_cr which;
		unsigned int command;
		uint64_t value, kept;
	} writes[] = {
		{ RS_CR0, MB_WRITE_CR0, MB_CR0 | CR0_TS, MB_CR0 },
		{ RS_CR4, MB_WRITE_CR4, MB_CR4 | CR4_TSD, MB_CR4 },
	};

	for (unsigned int i = 0; i < 2; i++) {
		bed_watch(bed, (struct rs_watch_options){ .kind = RS_CR,
							  .deny = true,
							  .cr = { .which = writes[i].which } });
		bed_run(bed, writes[i].command, writes[i].value, 0, bed_deny);
		check(bed->seen == 1, "register %d is written, and denied", writes[i].which);
		bed_run(bed, writes[i].command, writes[i].value, 0, bed_continue);
		check(bed->seen == 1 && bed_event(bed, 0)->cr.old_value == writes[i].kept,
		      "it kept %#" PRIx64, bed_event(bed, 0)->cr.old_value);
		bed_run(bed, writes[i].command, writes[i].kept, 0, bed_continue);
		bed_unwatch_all(bed);
	}
}

static void deny_msr(struct bed *bed)
{
	bed_run(bed, MB_WRMSR, MSR_LSTAR, 0x1000, NULL);
	bed_watch(bed, (struct rs_watch_options){ .kind = RS_MSR,
						  .deny = true,
						  .msr = { .index = MSR_LSTAR } });
	bed_run(bed, MB_WRMSR, MSR_LSTAR, 0x2000, bed_deny);
	check(bed_saw_one(bed, RS_MSR, 0), "LSTAR is written, and denied");
	bed_run(bed, MB_RDMSR, MSR_LSTAR, 0, NULL);
	check(bed_get(bed, MB_RESULT0) == 0x1000, "the guest reads %#" PRIx64,
	      bed_get(bed, MB_RESULT0));
	bed_run(bed, MB_WRMSR, MSR_LSTAR, 0x3000, bed_continue);
	bed_run(bed, MB_RDMSR, MSR_LSTAR, 0, NULL);
	check(bed_get(bed, MB_RESULT0) == 0x3000, "what is allowed takes effect: %#" PRIx64,
	      bed_get(bed, MB_RESULT0));
}

static void deny_refused(struct bed *bed)
{
	bed->expected_refusals = 1;
	watch_cr(bed, RS_CR3);
	bed_run(bed, MB_WRITE_CR3, MB_ROOT_A, 0, bed_deny);
	check(bed->seen == 1, "a watch that was not made to deny cannot");
	bed_run(bed, MB_WRITE_CR3, MB_TABLES, 0, NULL);
	check(bed->seen == 1 && bed_event(bed, 0)->cr.old_value == MB_ROOT_A,
	      "the write has taken place");
}

const struct test tests_of_registers[] = {
	{ .name = "cr0", .run = cr0, .about = "writes to CR0" },
	{ .name = "cr3", .run = cr3, .about = "writes to CR3" },
	{ .name = "cr4", .run = cr4, .about = "writes to CR4, and ignored bits" },
	{ .name = "xcr0", .run = xcr0, .about = "xsetbv" },
	{ .name = "cr-asynchronous", .run = cr_asynchronous, .about = "nobody waits" },
	{ .name = "cr-unchanged", .run = cr_unchanged, .about = "writes of the same value" },
	{ .name = "cr-set-registers", .run = cr_set_registers,
	  .about = "registers set in answer to a CR write" },
	{ .name = "cr-once", .run = executed_once,
	  .about = "in answer to what was executed already, with RIP left to the engine" },
	{ .name = "msr", .run = msr, .about = "four MSRs, twice each" },
	{ .name = "deny-cr3", .run = deny_cr3, .about = "a CR3 write does not take place" },
	{ .name = "deny-cr", .run = deny_cr, .about = "nor one to CR0 or CR4" },
	{ .name = "deny-msr", .run = deny_msr, .about = "nor one to an MSR" },
	{ .name = "deny-refused", .run = deny_refused, .about = "not without being asked for" },
	{ 0 },
};
