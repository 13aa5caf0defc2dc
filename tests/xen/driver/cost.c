/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cost.c: what one event costs the guest, by its own TSC.
 *
 * In the emulator a tick is an instruction, of anybody: Xen, dom0's kernel, the engine. So these
 * numbers say how much is done until the vCPU goes on, and hardly change between two runs.
 */
#include <inttypes.h>
#include <string.h>

#include "tests/xen/driver/tests.h"

#define ROUNDS 500

static void measure(struct bed *bed, const char *name, unsigned int command, uint64_t b,
		    bed_answer *answer, unsigned int events)
{
	bed_run(bed, command, ROUNDS, b, answer);
	check(bed->seen >= events && bed->seen <= events + 1,
	      "%s: %" PRIu64 " ticks, least %" PRIu64 " (%u events)", name,
	      bed_get(bed, MB_RESULT0) / ROUNDS, bed_get(bed, MB_RESULT1), bed->seen);
	bed_unwatch_all(bed);
}

static struct rs_reply nop(struct bed *bed, const struct rs_event *event)
{
	memset(rs_answer_instruction(event), 0x90, RS_INSTRUCTION_SIZE);
	return rs_reply_emulate(RS_REPLY_INSTRUCTION);
}

static void cost_events(struct bed *bed)
{
	measure(bed, "two looks at the TSC", MB_LOOP_NOTHING, 0, NULL, 0);
	measure(bed, "CPUID, unwatched", MB_LOOP_CPUID, 0, NULL, 0);
	bed_watch_kind(bed, RS_GUEST_REQUEST);
	measure(bed, "guest request", MB_LOOP_REQUEST, 0, NULL, ROUNDS);
	bed_watch(bed, (struct rs_watch_options){ .kind = RS_GUEST_REQUEST,
						  .asynchronous = true });
	measure(bed, "guest request, asynchronous", MB_LOOP_REQUEST, 0, NULL, ROUNDS);
	bed_watch(bed, (struct rs_watch_options){ .kind = RS_CR, .cr = { .which = RS_CR3 } });
	measure(bed, "CR3", MB_LOOP_CR3, 0, NULL, ROUNDS);
	bed_watch(bed, (struct rs_watch_options){ .kind = RS_MSR,
						  .msr = { .index = 0xc0000082 } });
	measure(bed, "MSR", MB_LOOP_MSR, 0, NULL, ROUNDS);
	bed_watch_kind(bed, RS_CPUID);
	measure(bed, "CPUID", MB_LOOP_CPUID, 0, NULL, ROUNDS);
	bed_watch_kind(bed, RS_BREAKPOINT);
	measure(bed, "INT3, skipped", MB_LOOP_INT3, 0, bed_skip, ROUNDS);
	bed_watch_kind(bed, RS_BREAKPOINT);
	measure(bed, "INT3, emulated", MB_LOOP_INT3, 0, nop, ROUNDS);
	bed_watch_kind(bed, RS_BREAKPOINT);
	measure(bed, "INT3, given back", MB_LOOP_INT3, 0, bed_give_back, ROUNDS);
}

static void cost_pages(struct bed *bed)
{
	bed_watch_page(bed, MB_DATA, 0);
	measure(bed, "read, fast step", MB_LOOP_READ, MB_DATA, bed_fast_step, ROUNDS);
	bed_watch_page(bed, MB_DATA, 0);
	measure(bed, "read, emulated in a view", MB_LOOP_READ, MB_DATA, bed_emulate, ROUNDS);
	bed_watch_page(bed, MB_DATA, RS_ACCESS_R);
	measure(bed, "write, emulated in a view", MB_LOOP_WRITE, MB_DATA + 0x600, bed_emulate,
		ROUNDS);
}

static void cost_host(struct bed *bed)
{
	bed_watch_page(bed, MB_DATA, 0);
	measure(bed, "read, emulated in the host's map", MB_LOOP_READ, MB_DATA, bed_emulate,
		ROUNDS);
}

const struct test tests_of_cost[] = {
	{ .name = "cost", .run = cost_events, .about = "ticks for each kind of event" },
	{ .name = "cost-pages", .run = cost_pages, .about = "ticks for page faults",
	  .page_method = RS_PAGE_METHOD_ALTP2M },
	{ .name = "cost-host", .run = cost_host, .about = "ticks for page faults",
	  .page_method = RS_PAGE_METHOD_HOST },
	{ 0 },
};
