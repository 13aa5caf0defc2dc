/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* breakpoint.c: INT3 and every way on from it. */
#include <inttypes.h>
#include <string.h>

#include "tests/xen/driver/tests.h"

static bool at_int3(struct bed *bed)
{
	const struct rs_event *event = bed_event(bed, 0);

	return bed_saw_one(bed, RS_BREAKPOINT, 0) &&
	       event->breakpoint.gfn == bed_get(bed, MB_MARK) >> 12 &&
	       event->breakpoint.insn_length == 1 && event->breakpoint.type == 6;
}

static struct rs_reply emulate_nops(struct bed *bed, const struct rs_event *event)
{
	memset(rs_answer_instruction(event), 0x90, RS_INSTRUCTION_SIZE);
	return rs_reply_emulate(RS_REPLY_INSTRUCTION);
}

/* Whether the guest's own handler got `count` breakpoints from the next INT3. */
static void hit(struct bed *bed, bed_answer *answer, unsigned int count, const char *what)
{
	uint64_t before = bed_get(bed, MB_BP);

	bed_run(bed, MB_INT3, 0, 0, answer);
	check(at_int3(bed) && bed_get(bed, MB_BP) == before + count,
	      "%s: %u events, the guest's own handler got %" PRIu64, what, bed->seen,
	      bed_get(bed, MB_BP) - before);
}

static void int3(struct bed *bed)
{
	bed_watch_kind(bed, RS_BREAKPOINT);
	hit(bed, bed_continue, 1, "continue: it is the guest's");
	hit(bed, bed_give_back, 1, "given back");
	hit(bed, bed_skip, 0, "skipped by setting RIP");
	hit(bed, emulate_nops, 0, "a nop is emulated in its place");
	hit(bed, bed_continue, 1, "continue, once more");
}

static void int3_refused(struct bed *bed)
{
	bed_watch_kind(bed, RS_BREAKPOINT);
	bed->expected_refusals = 2;
	hit(bed, bed_emulate, 1, "emulated without bytes: refused, given back");
	hit(bed, bed_deny, 1, "denied: refused, given back");
}

static struct rs_reply to_register(struct bed *bed, const struct rs_event *event)
{
	struct rs_registers *registers = rs_answer_registers(event);

	registers->rip += event->breakpoint.insn_length;
	registers->r15 = bed->value;
	return RS_SET_REGISTERS;
}

/* r15 is the guest's own pointer to its mailbox: set to the same, it goes on. */
static void int3_registers(struct bed *bed)
{
	bed_watch_kind(bed, RS_BREAKPOINT);
	bed->value = MB_BOXES;
	hit(bed, to_register, 0, "all registers written back");
	check(guest_lives(&bed->guest), "the guest has its registers");
}

static struct rs_reply noncanonical(struct bed *bed, const struct rs_event *event)
{
	struct rs_registers *registers = rs_answer_registers(event);

	if (bed->flag)
		registers->rflags = 0;
	else
		registers->rip = UINT64_C(1) << 62;
	return RS_SET_REGISTERS;
}

static void int3_bad_registers(struct bed *bed)
{
	bed_watch_kind(bed, RS_BREAKPOINT);
	bed->expected_refusals = 2;
	bed->flag = 0;
	hit(bed, noncanonical, 1, "a RIP that no processor takes: refused, given back");
	bed->flag = 1;
	hit(bed, noncanonical, 1, "such RFLAGS: refused, given back");
}

static void int3_unwatched(struct bed *bed)
{
	uint64_t before = bed_get(bed, MB_BP);

	bed_run(bed, MB_INT3, 0, 0, NULL);
	check(bed->seen == 0 && bed_get(bed, MB_BP) == before + 1,
	      "the guest has its breakpoints for itself");
}

static struct rs_reply inject_ud(struct bed *bed, const struct rs_event *event)
{
	return rs_reply_inject(6, RS_INJECT_HARDWARE_EXCEPTION, RS_NO_ERROR_CODE, 0, 0);
}

static struct rs_reply inject_gp(struct bed *bed, const struct rs_event *event)
{
	return rs_reply_inject(13, RS_INJECT_HARDWARE_EXCEPTION, 0, 0, 0);
}

static struct rs_reply inject_pf(struct bed *bed, const struct rs_event *event)
{
	return rs_reply_inject(14, RS_INJECT_HARDWARE_EXCEPTION, 2, 0, 0xdead000);
}

static void inject(struct bed *bed)
{
	static const struct {
		bed_answer *answer;
		unsigned int counter;
		const char *name;
	} kinds[] = {
		{ inject_ud, MB_UD, "#UD" },
		{ inject_gp, MB_GP, "#GP, with its error code" },
		{ inject_pf, MB_PF, "#PF" },
	};

	bed_watch_kind(bed, RS_BREAKPOINT);
	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		uint64_t before = bed_get(bed, kinds[i].counter);

		bed_run(bed, MB_INT3, 0, 0, kinds[i].answer);
		check(at_int3(bed) && bed_get(bed, kinds[i].counter) == before + 1 &&
			      bed_get(bed, MB_FAULT_RIP) == bed_get(bed, MB_MARK),
		      "%s: the guest got %" PRIu64 ", at %#" PRIx64, kinds[i].name,
		      bed_get(bed, kinds[i].counter) - before, bed_get(bed, MB_FAULT_RIP));
	}
}

/* -- breakpoints that the engine places -- */

static bool bed_watch_code(struct bed *bed, uint64_t address, enum rs_place place)
{
	return bed_watch(bed, (struct rs_watch_options){
				      .kind = RS_BREAKPOINT,
				      .breakpoint = { .address = address, .place = place } });
}

/* Called, it is hit once, and does what it always does. */
static void call_hit(struct bed *bed, uint64_t function, uint64_t value, unsigned int wanted)
{
	bed_run(bed, MB_CALL, function, 0, NULL);
	check(bed->seen == wanted && bed_get(bed, MB_RESULT0) == value &&
		      (!wanted || rs_event_rip(bed_event(bed, 0)) == function),
	      "%#" PRIx64 ": %u hits, returns %#" PRIx64, function, bed->seen,
	      bed_get(bed, MB_RESULT0));
}

static uint64_t read_guest(struct bed *bed, uint64_t address)
{
	bed_run(bed, MB_READ, address, 0, NULL);
	return bed_get(bed, MB_RESULT0);
}

static void hidden(struct bed *bed)
{
	uint64_t bp = bed_get(bed, MB_BP), code = read_guest(bed, MB_STUB_0), written;

	if (!bed_watch_code(bed, MB_STUB_0, RS_PLACE_LINEAR) ||
	    !bed_watch_code(bed, MB_STUB_1, RS_PLACE_PHYSICAL))
		return;
	call_hit(bed, MB_STUB_0, MB_VALUE, 1);
	call_hit(bed, MB_HIGH + MB_STUB_0, MB_VALUE, 0);
	call_hit(bed, MB_STUB_1, MB_VALUE + 1, 1);
	call_hit(bed, MB_HIGH + MB_STUB_1, MB_VALUE + 1, 1);
	written = read_guest(bed, MB_STUB_0);
	check(written == code && bed->seen == 0, "the guest reads its own code: %#" PRIx64,
	      written);
	/* mov eax, imm32; ret: the number is one higher, then as it was. */
	written = code + 0x100;
	bed_run(bed, MB_WRITE, MB_STUB_0, written, NULL);
	check(read_guest(bed, MB_STUB_0) == written, "it writes there");
	call_hit(bed, MB_STUB_0, MB_VALUE + 1, 1);
	bed_run(bed, MB_WRITE, MB_STUB_0, code, NULL);
	call_hit(bed, MB_STUB_0, MB_VALUE, 1);
	bed_run(bed, MB_LOOP_CALL, 50, MB_STUB_0, NULL);
	check(bed->seen == 50, "called fifty times: %u hits", bed->seen);
	bed_unwatch_all(bed);
	call_hit(bed, MB_STUB_0, MB_VALUE, 0);
	call_hit(bed, MB_STUB_1, MB_VALUE + 1, 0);
	check(bed_get(bed, MB_BP) == bp, "the guest's own handler got none of them");
	bed_watch_code(bed, MB_STUB_2, RS_PLACE_LINEAR);
	call_hit(bed, MB_STUB_2, MB_VALUE + 2, 1);
}

/* Each way past a breakpoint and past a fault, on instructions that are trusted to the emulator. */
static void ways(struct bed *bed)
{
	static const struct {
		enum rs_way way;
		const char *name;
		unsigned int steps; /* reported, of one breakpoint and one fault */
	} all[] = {
		{ RS_WAY_EMULATE, "emulate", 0 },
		{ RS_WAY_FAST_STEP, "fast step", 0 },
		{ RS_WAY_STEP, "step", 2 },
	};

	for (unsigned int i = 0; i < sizeof(all) / sizeof(*all); i++) {
		uint64_t steps = bed_statistics(bed).events[RS_SINGLESTEP];

		bed_watch(bed, (struct rs_watch_options){
				       .kind = RS_BREAKPOINT, .way = all[i].way,
				       .breakpoint = { MB_STUB_2, RS_PLACE_PHYSICAL } });
		bed_watch(bed, (struct rs_watch_options){
				       .kind = RS_PAGE, .way = all[i].way,
				       .page = { .first_gfn = MB_DATA >> 12 } });
		call_hit(bed, MB_STUB_2, MB_VALUE + 2, 1);
		check(read_guest(bed, MB_DATA) == MB_DATA_0 && bed->seen == 1,
		      "%s: past a fault, with %u events", all[i].name, bed->seen);
		steps = bed_statistics(bed).events[RS_SINGLESTEP] - steps;
		check(steps == all[i].steps, "%s: %" PRIu64 " steps reported", all[i].name, steps);
		bed_unwatch_all(bed);
	}
}

/* Each of three addresses is hit once, without a further event, until it is armed again. */
static void once(struct bed *bed)
{
	static const uint64_t addresses[] = { MB_STUB_2, MB_STUB_0, MB_STUB_1 };
	uint8_t map[3] = { 0 };
	struct rs_coverage_options options = {
		.addresses = addresses, .count = 3, .place = RS_PLACE_PHYSICAL, .map = map,
		.map_size = sizeof(map) };
	struct rs_coverage *coverage;
	int error = rs_coverage_open(bed->engine, &options, &coverage);
	bool good = true;

	if (!check(!error, "three breakpoints that go when they are hit: %s",
		   error ? rs_error_text() : "placed"))
		return;
	for (unsigned int round = 1; round <= 2; round++) {
		uint64_t events = bed_statistics(bed).events[RS_BREAKPOINT];

		for (unsigned int again = 0; again < 2; again++)
			for (unsigned int i = 0; i < 3; i++) {
				bed_run(bed, MB_CALL, addresses[i], 0, NULL);
				good &= bed_get(bed, MB_RESULT0) ==
					MB_VALUE + (addresses[i] - MB_STUB_0) / 0x40;
			}
		events = bed_statistics(bed).events[RS_BREAKPOINT] - events;
		check(good && events == 3 && map[0] == round && map[1] == round && map[2] == round,
		      "each is hit once: %" PRIu64 " events", events);
		check(rs_coverage_rearm(coverage) == 3, "armed again");
	}
	rs_coverage_close(coverage);
	bed_run(bed, MB_CALL, MB_STUB_0, 0, NULL);
	check(bed_get(bed, MB_RESULT0) == MB_VALUE, "closed");
}

const struct test tests_of_breakpoint[] = {
	{ .name = "int3", .run = int3, .about = "INT3: given back, skipped, emulated" },
	{ .name = "int3-refused", .run = int3_refused, .about = "replies that Xen would ignore" },
	{ .name = "int3-registers", .run = int3_registers, .about = "registers set" },
	{ .name = "int3-bad-registers", .run = int3_bad_registers,
	  .about = "registers that would crash the guest" },
	{ .name = "int3-unwatched", .run = int3_unwatched, .about = "nobody watches" },
	{ .name = "int3-hidden", .run = hidden, .about = "placed, and hidden by a view",
	  .page_method = RS_PAGE_METHOD_ALTP2M },
	{ .name = "int3-ways", .run = ways, .about = "the ways past breakpoints and faults",
	  .page_method = RS_PAGE_METHOD_ALTP2M },
	{ .name = "int3-once", .run = once, .about = "breakpoints that go when they are hit",
	  .page_method = RS_PAGE_METHOD_ALTP2M },
	{ .name = "inject", .run = inject, .about = "other exceptions in its place" },
	{ 0 },
};
