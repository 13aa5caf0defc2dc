/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* view.c: events and replies while the guest is in a view. */
#include <inttypes.h>

#include "tests/xen/driver/tests.h"

static bool in_view(const struct bed *bed, uint16_t view)
{
	const struct rs_event *event = bed_event(bed, 0);

	return bed->seen == 1 && (event->flags & RS_FLAG_ALTERNATE_P2M) && event->view == view;
}

static struct rs_reply switch_view(struct bed *bed, const struct rs_event *event)
{
	return rs_reply_with_view(RS_CONTINUE, bed->flag);
}

static void view_events(struct bed *bed)
{
	uint16_t view;

	check(rs_engine_view(bed->engine) == 0, "no view before a page is watched");
	bed_watch_page(bed, MB_DATA, 0);
	bed_watch_kind(bed, RS_GUEST_REQUEST);
	bed_watch(bed, (struct rs_watch_options){ .kind = RS_CR, .cr = { .which = RS_CR3 } });
	view = rs_engine_view(bed->engine);
	check(view > 0, "then view %u", view);
	bed_run(bed, MB_WRITE_CR3, MB_ROOT_A, 0, NULL);
	check(in_view(bed, view), "a CR3 write names its view");
	bed->flag = 0;
	bed_run(bed, MB_REQUEST, 0, 0, switch_view);
	check(in_view(bed, view), "a guest request too; switched to view 0");
	bed_run(bed, MB_READ, MB_DATA, 0, NULL);
	check(bed->seen == 0 && bed_get(bed, MB_RESULT0) == MB_DATA_0,
	      "where the page is open (%u events)", bed->seen);
	bed->flag = view;
	bed_run(bed, MB_WRITE_CR3, MB_TABLES, 0, switch_view);
	check(in_view(bed, 0), "view 0 is named as well; switched back");
	bed_run(bed, MB_READ, MB_DATA, 0, NULL);
	check(in_view(bed, view), "where the page is closed");
	bed->flag = view + 5;
	bed->expected_refusals = 1;
	bed_run(bed, MB_REQUEST, 0, 0, switch_view);
	check(in_view(bed, view), "a view that does not exist is refused");
}

/*
 * It may come twice: Xen copies a page into the view when it is first touched, here the stack's
 * by the exception's frame, and lets the INT3 execute again. The guest gets one all the same.
 */
static void view_breakpoint(struct bed *bed)
{
	uint64_t before = bed_get(bed, MB_BP);

	bed_watch_page(bed, MB_DATA, 0);
	bed_watch_kind(bed, RS_BREAKPOINT);
	bed_run(bed, MB_INT3, 0, 0, bed_give_back);
	check((bed->seen == 1 || bed->seen == 2) && bed_event(bed, 0)->kind == RS_BREAKPOINT &&
		      bed_event(bed, 0)->view == rs_engine_view(bed->engine) &&
		      bed_get(bed, MB_BP) == before + 1,
	      "a breakpoint in a view, given back: %u events, the guest's handler got %" PRIu64,
	      bed->seen, bed_get(bed, MB_BP) - before);
}

const struct test tests_of_view[] = {
	{ .name = "view-events", .run = view_events, .about = "every event names its view" },
	{ .name = "view-breakpoint", .run = view_breakpoint, .about = "a breakpoint in a view" },
	{ 0 },
};
