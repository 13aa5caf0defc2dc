/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* instruction.c: CPUID, descriptor tables, guest requests, VM exits, I/O. */
#include <inttypes.h>

#include "tests/xen/driver/release.h"
#include "tests/xen/driver/tests.h"

#define SEED 0x5eedc0de
#define EXIT_CPUID 10 /* SDM volume 3, appendix C */
#define PORT 0x1234

static struct rs_reply change_rbx(struct bed *bed, const struct rs_event *event)
{
	rs_answer_registers(event)->rbx = SEED;
	return RS_SET_REGISTERS;
}

static void cpuid(struct bed *bed)
{
	static const uint32_t leaves[][2] = {
		{ 0, 0 }, { 1, 0 }, { 0xd, 1 }, { 0x40000000, 0 }, { 0x80000002, 0 }
	};

	for (unsigned int i = 0; i < sizeof(leaves) / sizeof(*leaves); i++) {
		const struct rs_event *event;
		uint64_t results[4], rbx;
		bool same;

		bed_run(bed, MB_CPUID, leaves[i][0], leaves[i][1], NULL);
		for (unsigned int r = 0; r < 4; r++)
			results[r] = bed_get(bed, MB_RESULT0 + 8 * r);
		bed_watch_kind(bed, RS_CPUID);
		bed_run(bed, MB_CPUID, leaves[i][0], leaves[i][1], bed_continue);
		event = bed_event(bed, 0);
		same = true;
		for (unsigned int r = 0; r < 4; r++)
			same &= bed_get(bed, MB_RESULT0 + 8 * r) == results[r];
		check(bed_saw_one(bed, RS_CPUID, 0) && event->cpuid.leaf == leaves[i][0] &&
			      event->cpuid.subleaf == leaves[i][1] &&
			      event->cpuid.insn_length == 2 && same &&
			      rs_event_rax(event) == results[0],
		      "leaf %#x, %u: the same results as unwatched", leaves[i][0], leaves[i][1]);
		bed_run(bed, MB_CPUID, leaves[i][0], leaves[i][1], change_rbx);
		rbx = bed_get(bed, MB_RESULT1);
		check(bed->seen == 1 && rbx == SEED && bed_get(bed, MB_RESULT0) == results[0],
		      "leaf %#x: ebx changed to %#" PRIx64, leaves[i][0], rbx);
		bed_unwatch_all(bed);
	}
}

static void descriptor(struct bed *bed)
{
	static const struct {
		unsigned int command;
		enum rs_descriptor which;
		bool is_write;
		const char *name;
	} accesses[] = {
		{ MB_SGDT, RS_GDTR, false, "sgdt" }, { MB_SIDT, RS_IDTR, false, "sidt" },
		{ MB_SLDT, RS_LDTR, false, "sldt" }, { MB_STR, RS_TR, false, "str" },
		{ MB_LGDT, RS_GDTR, true, "lgdt" },  { MB_LIDT, RS_IDTR, true, "lidt" },
	};

	for (unsigned int i = 0; i < sizeof(accesses) / sizeof(*accesses); i++) {
		const struct rs_event *event;
		uint64_t results[2];

		bed_run(bed, accesses[i].command, 0, 0, NULL);
		results[0] = bed_get(bed, MB_RESULT0);
		results[1] = bed_get(bed, MB_RESULT1);
		bed_watch_kind(bed, RS_DESCRIPTOR);
		for (unsigned int way = 0; way < 2; way++) {
			bed_run(bed, accesses[i].command, 0, 0, way ? bed_emulate : bed_continue);
			event = bed_event(bed, 0);
			check(bed_saw_one(bed, RS_DESCRIPTOR, 0) &&
				      event->descriptor.which == accesses[i].which &&
				      event->descriptor.is_write == accesses[i].is_write &&
				      bed_get(bed, MB_RESULT0) == results[0] &&
				      bed_get(bed, MB_RESULT1) == results[1],
			      "%s, %s: %u events", accesses[i].name, way ? "emulate" : "continue",
			      bed->seen);
		}
		bed_unwatch_all(bed);
	}
}

static void request(struct bed *bed)
{
	for (unsigned int asynchronous = 0; asynchronous < 2; asynchronous++) {
		const struct rs_event *event;

		bed_watch(bed, (struct rs_watch_options){ .kind = RS_GUEST_REQUEST,
							  .asynchronous = asynchronous });
		bed_run(bed, MB_REQUEST, 0, 0, NULL);
		event = bed_event(bed, 0);
		check(bed_saw_one(bed, RS_GUEST_REQUEST, 0) &&
			      event->synchronous == !asynchronous &&
			      rs_event_rdi(event) == 24 && bed_get(bed, MB_RESULT0) == 0,
		      "%ssynchronous: %u events, the hypercall gave %" PRIu64,
		      asynchronous ? "a" : "", bed->seen, bed_get(bed, MB_RESULT0));
		bed_unwatch_all(bed);
	}
}

#if XEN_RELEASE >= 417
/* Where in the log the exit for CPUID is, or what stands behind the log. */
static unsigned int find_cpuid_exit(struct bed *bed)
{
	unsigned int i = 0;

	while (i < bed->seen && i < BED_LOG_MAX && bed_event(bed, i)->vmexit.reason != EXIT_CPUID)
		i++;
	return i;
}
#endif

static void vmexit(struct bed *bed)
{
#if XEN_RELEASE >= 417
	uint64_t limit = now_ns() + UINT64_C(5000000000);

	if (!bed_watch_kind(bed, RS_VMEXIT))
		return;
	/* The guest's own polling exits too: the ring is never empty until nobody watches. */
	bed->answer = NULL;
	bed_start(bed, 0, MB_CPUID, 1, 0);
	while (bed->seen < find_cpuid_exit(bed) + 2 && now_ns() < limit && !bed->error)
		bed->error = rs_engine_step(bed->engine, 1) < 0;
	bed_unwatch_all(bed);
	check(guest_is_done(&bed->guest, 0) && bed_event(bed, find_cpuid_exit(bed))->kind ==
						       RS_VMEXIT,
	      "the exit for CPUID is among %u events", bed->seen);
	bed_settle(bed);
#else
	check_skip("Xen 4.17 is the first release with it", "asynchronous exits");
#endif
}

static void io(struct bed *bed)
{
#if XEN_RELEASE >= 418
	const struct rs_event *event;

	if (!bed_watch_kind(bed, RS_IO))
		return;
	bed_run(bed, MB_OUT, PORT, 0x56, bed_continue);
	event = bed_event(bed, 0);
	check(bed_saw_one(bed, RS_IO, 0) && event->io.port == PORT && event->io.bytes == 1 &&
		      !event->io.in && !event->io.string,
	      "out, continue: %u events", bed->seen);
	bed_run(bed, MB_OUT, PORT, 0x57, bed_skip);
	check(bed->seen >= 1, "out again, registers set: %u events", bed->seen);
#else
	check_skip("Xen 4.18 is the first release with it", "out");
#endif
}

const struct test tests_of_instruction[] = {
	{ .name = "cpuid", .run = cpuid, .about = "CPUID, as it is and changed" },
	{ .name = "descriptor", .run = descriptor, .about = "six accesses to descriptor tables" },
	{ .name = "request", .run = request, .about = "the guest asks" },
	{ .name = "vmexit", .run = vmexit, .about = "all VM exits" },
	{ .name = "io", .run = io, .about = "an I/O instruction" },
	{ 0 },
};
