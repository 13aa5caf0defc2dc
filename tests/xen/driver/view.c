/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* view.c: events and replies while the guest is in a view. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

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

#define HOLE_GFN 0x80000 /* far above the guest's memory, below the ring */

/* Of the RAM from 1 MiB on: somebody else may have made the guest. */
static uint64_t end_of_memory(struct bed *bed)
{
	struct rs_guest *guest = rs_engine_guest(bed->engine);
	uint64_t begin, end;

	if (!guest || rs_guest_find_ram(guest, MB_BASE, &begin, &end)) {
		check(false, "the guest's memory ends somewhere: %s", rs_error_text());
		return 0;
	}
	return end >> 12;
}

/* Two views of the user's own: one vCPU moved by replies, faults only where it is closed. */
static void view_own(struct bed *bed)
{
	struct rs_view_probe found[4];
	struct rs_view_missing missing;
	struct rs_view *views[2];
	uint64_t data = MB_DATA >> 12, end = end_of_memory(bed);
	uint8_t access = 0;
	bool good;

	if (!check(!rs_view_create(bed->engine, NULL, &views[0]) &&
			   !rs_view_create(bed->engine, NULL, &views[1]), "two views"))
		return;
	check(!rs_view_set_access(views[0], data, data, 0, NULL) &&
		      !rs_view_set_access(views[1], data, data, RS_ACCESS_R, NULL),
	      "a page closed in one, and for writing in the other");
	good = !rs_probe_pages(bed->guest.name, rs_view_index(views[1]), data, 1, &access);
	check(good && access == RS_ACCESS_R, "Xen has it: %#x", access);
	good = rs_view_set_access(views[0], HOLE_GFN, HOLE_GFN, 0, NULL) == -EFAULT &&
	       !rs_view_set_access(views[0], data, end + 0x100, 0, &missing);
	check(good && missing.count > 0 && missing.first_gfn == end,
	      "what is no RAM is found: %" PRIu64 " pages from %#" PRIx64, missing.count,
	      missing.first_gfn);
	check(!rs_view_set_access(views[0], data + 1, end + 0x100,
				  RS_ACCESS_R | RS_ACCESS_W | RS_ACCESS_X, &missing),
	      "and opened again");
	bed_watch_kind(bed, RS_GUEST_REQUEST);
	for (unsigned int i = 0; i < 2; i++) {
		uint64_t faults = bed_statistics(bed).events[RS_PAGE];

		bed->flag = rs_view_index(views[i]);
		bed_run(bed, MB_REQUEST, 0, 0, switch_view);
		bed_run(bed, MB_READ, MB_DATA, 0, NULL);
		check(bed_get(bed, MB_RESULT0) == MB_DATA_0 &&
			      bed_statistics(bed).events[RS_PAGE] - faults == (i == 0),
		      "view %u: %s", rs_view_index(views[i]), i ? "it is read" : "a fault, and read");
	}
	check(rs_probe_views(bed->guest.name, found, 4) == 3, "three views, with view 0");
	check(rs_view_destroy(views[1]) == -EBUSY, "a view with a vCPU in it stays");
	check(!rs_view_switch(bed->engine, 0) && !rs_view_destroy(views[1]) &&
		      !rs_view_destroy(views[0]), "left and removed");
}

#define EPTP_LIST 12 /* more than Xen has views */
#define VMFUNC_OFFSET 7

/* xor eax, eax; mov ecx, INDEX; vmfunc; ud2 */
static void write_vmfunc(const struct bed *bed, uint8_t index)
{
	const uint8_t code[] = { 0x31, 0xc0, 0xb9, index, 0, 0, 0, 0x0f, 0x01, 0xd4, 0x0f, 0x0b };
	uint8_t *page = guest_map(bed->guest.domain, MB_AREA, 1);

	memcpy(page, code, sizeof(code));
	guest_unmap(page, 1);
}

/* The guest calls VMFUNC itself, to leave the view for each that there might be. */
static void leave_by_vmfunc(struct bed *bed, unsigned int command, const char *ring)
{
	uint64_t before = bed_get(bed, MB_UD);
	unsigned int left = 0, gone_on = 0;

	bed_watch_page(bed, MB_DATA, 0);
	for (uint8_t index = 0; index < EPTP_LIST; index++) {
		write_vmfunc(bed, index);
		bed_run(bed, command, MB_AREA, 0, NULL);
		gone_on += bed_get(bed, MB_FAULT_RIP) != MB_AREA + VMFUNC_OFFSET;
		bed_run(bed, MB_READ, MB_DATA, 0, NULL);
		left += !in_view(bed, rs_engine_view(bed->engine));
	}
	check(left == 0, "VMFUNC in %s, to each of %u views: the guest stays in its own", ring,
	      EPTP_LIST);
	check(bed_get(bed, MB_UD) == before + EPTP_LIST && gone_on == 0,
	      "it gets %" PRIu64 " #UD, at %u other instructions", bed_get(bed, MB_UD) - before,
	      gone_on);
}

static void view_vmfunc(struct bed *bed)
{
	leave_by_vmfunc(bed, MB_CALL, "ring 0");
}

static void view_vmfunc_user(struct bed *bed)
{
	const uint8_t hlt = 0xf4;
	uint8_t *page = guest_map(bed->guest.domain, MB_AREA, 1);
	uint64_t before = bed_get(bed, MB_GP);

	*page = hlt;
	guest_unmap(page, 1);
	bed_run(bed, MB_USER, MB_AREA, 0, NULL);
	if (!bed_get(bed, MB_MARK)) {
		check_skip("it is an older guest, which has no ring 3", "VMFUNC in ring 3");
		return;
	}
	check(bed_get(bed, MB_GP) == before + 1 && bed_get(bed, MB_FAULT_RIP) == MB_AREA,
	      "ring 3 is ring 3: HLT is a #GP there");
	leave_by_vmfunc(bed, MB_USER, "ring 3");
}

const struct test tests_of_view[] = {
	{ .name = "view-events", .run = view_events, .about = "every event names its view" },
	{ .name = "view-own", .run = view_own, .about = "views of the user's own" },
	{ .name = "view-vmfunc", .run = view_vmfunc, .about = "the guest's own VMFUNC" },
	{ .name = "view-vmfunc-user", .run = view_vmfunc_user,
	  .about = "the same by a program of the guest's" },
	{ .name = "view-breakpoint", .run = view_breakpoint, .about = "a breakpoint in a view" },
	{ 0 },
};
