/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* debug.c: debug exceptions: the trap flag, INT1, and a breakpoint register. */
#include <inttypes.h>

#include "tests/xen/driver/tests.h"

#define FLAG_TF 0x100 /* RFLAGS: trap */

static void one(struct bed *bed, unsigned int command, uint64_t offset, unsigned int type,
		const char *name)
{
	uint64_t before = bed_get(bed, MB_DB);
	const struct rs_event *event;

	bed_run(bed, command, 0, 0, bed_continue);
	event = bed_event(bed, 0);
	check(bed_saw_one(bed, RS_DEBUG, offset) && event->debug.type == type &&
		      bed_get(bed, MB_DB) == before + 1,
	      "%s, %ssynchronous: %u events, type %u, pending %#" PRIx64
	      "; the guest's handler got %" PRIu64,
	      name, event->synchronous ? "" : "a", bed->seen, event->debug.type,
	      event->debug.pending_dbg, bed_get(bed, MB_DB) - before);
}

/* The breakpoint register reports where its function begins, not at the mark. */
static void dr0(struct bed *bed)
{
	uint64_t before = bed_get(bed, MB_DB);
	const struct rs_event *event;

	bed_run(bed, MB_DR0, 0, 0, bed_continue);
	event = bed_event(bed, 0);
	check(bed->seen >= 1 && event->kind == RS_DEBUG && rs_event_rip(event) == MB_STUB_0 &&
		      bed_get(bed, MB_DB) >= before + 1,
	      "DR0, %ssynchronous: %u events; the guest's handler got %" PRIu64,
	      event->synchronous ? "" : "a", bed->seen, bed_get(bed, MB_DB) - before);
}

static void debug(struct bed *bed)
{
	for (unsigned int asynchronous = 0; asynchronous < 2; asynchronous++) {
		bed_watch(bed, (struct rs_watch_options){ .kind = RS_DEBUG,
							  .asynchronous = asynchronous });
		one(bed, MB_TRAP_FLAG, 1, RS_INJECT_HARDWARE_EXCEPTION, "TF");
		one(bed, MB_ICEBP, 0, RS_INJECT_PRIVILEGED_EXCEPTION, "icebp");
		dr0(bed);
		bed_unwatch_all(bed);
	}
}

static struct rs_reply stop_trapping(struct bed *bed, const struct rs_event *event)
{
	rs_answer_registers(event)->rflags &= ~(uint64_t)FLAG_TF;
	/* RS_CONTINUE, with RIP where it was, would give the exception back. */
	return rs_reply_with_registers(RS_RESUME);
}

/* What is kept from the guest must not come again: its cause has to go. */
static void debug_kept(struct bed *bed)
{
	uint64_t before = bed_get(bed, MB_DB);

	bed_watch_kind(bed, RS_DEBUG);
	bed_run(bed, MB_TRAP_FLAG, 0, 0, stop_trapping);
	check(bed->seen == 1 && bed_get(bed, MB_DB) == before,
	      "TF cleared: kept from the guest (%u events)", bed->seen);
	bed_run(bed, MB_ICEBP, 0, 0, bed_skip);
	check(bed->seen == 1 && bed_get(bed, MB_DB) == before,
	      "icebp skipped: kept from the guest (%u events)", bed->seen);
	bed_run(bed, MB_TRAP_FLAG, 0, 0, bed_give_back);
	check(bed->seen == 1 && bed_get(bed, MB_DB) == before + 1,
	      "and one given back (%u events)", bed->seen);
}

const struct test tests_of_debug[] = {
	{ .name = "debug", .run = debug, .about = "three causes, synchronous or not" },
	{ .name = "debug-kept", .run = debug_kept, .about = "kept from the guest" },
	{ 0 },
};
