/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* interrupt.c: the next interrupt, asked for and reported. */
#include <inttypes.h>

#include "tests/xen/driver/tests.h"

static struct rs_reply next_after_int3(struct bed *bed, const struct rs_event *event)
{
	if (event->kind == RS_INTERRUPT)
		return RS_CONTINUE;
	return rs_reply_with_next_interrupt(RS_GIVE_BACK);
}

static struct rs_reply next_of_ours(struct bed *bed, const struct rs_event *event)
{
	if (event->kind == RS_INTERRUPT)
		return RS_CONTINUE;
	return rs_reply_with_next_interrupt(
		rs_reply_inject(MB_VECTOR_B, RS_INJECT_EXTERNAL, RS_NO_ERROR_CODE, 0, 0));
}

static void interrupt(struct bed *bed)
{
	uint64_t irqs = bed_get(bed, MB_IRQ), breakpoints = bed_get(bed, MB_BP);

	bed_run(bed, MB_SELF_IPI, MB_VECTOR_A, 0, NULL);
	check(bed->seen == 0 && bed_get(bed, MB_IRQ) == irqs + 1,
	      "the guest interrupts itself, unseen");
	bed_watch_kind(bed, RS_GUEST_REQUEST);
	bed_watch_kind(bed, RS_BREAKPOINT);
	bed_watch_kind(bed, RS_INTERRUPT);
	bed_run(bed, MB_INT3, 0, 0, next_after_int3);
	check(bed->seen == 2 && bed_event(bed, 1)->kind == RS_INTERRUPT &&
		      bed_event(bed, 1)->interrupt.vector == 3 &&
		      bed_get(bed, MB_BP) == breakpoints + 1,
	      "a breakpoint given back: %u events, vector %u, type %u", bed->seen,
	      bed_event(bed, 1)->interrupt.vector, bed_event(bed, 1)->interrupt.type);
	bed_run(bed, MB_REQUEST, 0, 0, next_of_ours);
	check(bed->seen == 2 && bed_event(bed, 1)->kind == RS_INTERRUPT &&
		      bed_event(bed, 1)->interrupt.vector == MB_VECTOR_B &&
		      bed_event(bed, 1)->interrupt.type == RS_INJECT_EXTERNAL &&
		      bed_get(bed, MB_IRQ) == irqs + 2,
	      "an interrupt of ours: %u events, vector %#x; the guest's handler got %" PRIu64,
	      bed->seen, bed_event(bed, 1)->interrupt.vector, bed_get(bed, MB_IRQ) - irqs);
}

const struct test tests_of_interrupt[] = {
	{ .name = "interrupt", .run = interrupt, .about = "the next interrupt" },
	{ 0 },
};
