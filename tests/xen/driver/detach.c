/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * detach.c: leaving in the middle of things. The runner detaches when a test returns, and
 * checks that the guest lives; what the command did is looked at here, after a detach of our own.
 */
#include <inttypes.h>

#include "tests/xen/driver/tests.h"

/* Detaches with a request on the ring that nobody has seen, and lets the command end. */
static bool leave(struct bed *bed)
{
	uint64_t limit = now_ns() + UINT64_C(2000000000);
	int error;

	/* The command has begun, then a little for the request to come. */
	while (!bed_get(bed, MB_MARK) && now_ns() < limit)
		sleep_ms(1);
	sleep_ms(20);
	error = rs_engine_detach(bed->engine);
	bed->engine = NULL;
	check(!error, "detach%s%s", error ? ": " : "", error ? rs_strerror(error) : "");
	while (!guest_is_done(&bed->guest, 0) && now_ns() < limit)
		sleep_ms(1);
	return check(guest_is_done(&bed->guest, 0) && guest_lives(&bed->guest),
		     "the command ends, and the guest runs on");
}

static void detach_cr3(struct bed *bed)
{
	uint64_t before;

	bed_watch(bed, (struct rs_watch_options){ .kind = RS_CR, .cr = { .which = RS_CR3 } });
	bed_start(bed, 0, MB_WRITE_CR3, MB_ROOT_A, 0);
	leave(bed);
	before = now_ns();
	if (!bed_attach(bed, NULL))
		return;
	bed_watch(bed, (struct rs_watch_options){ .kind = RS_CR, .cr = { .which = RS_CR3 } });
	bed_run(bed, MB_WRITE_CR3, MB_TABLES, 0, NULL);
	check(bed->seen == 1 && bed_event(bed, 0)->cr.old_value == MB_ROOT_A,
	      "the write had taken place (attached again after %" PRIu64 " us)",
	      (now_ns() - before) / 1000);
}

static void detach_denied(struct bed *bed)
{
	bed_watch(bed, (struct rs_watch_options){ .kind = RS_CR, .deny = true,
						  .cr = { .which = RS_CR3 } });
	bed_start(bed, 0, MB_WRITE_CR3, MB_ROOT_A, 0);
	leave(bed);
	if (!bed_attach(bed, NULL))
		return;
	bed_watch(bed, (struct rs_watch_options){ .kind = RS_CR, .cr = { .which = RS_CR3 } });
	bed_run(bed, MB_WRITE_CR3, MB_TABLES, 0, NULL);
	check(bed->seen == 1 && bed_event(bed, 0)->cr.old_value == MB_ROOT_A,
	      "a write that was held back took place too");
}

static void detach_int3(struct bed *bed)
{
	uint64_t before = bed_get(bed, MB_BP);

	bed_watch_kind(bed, RS_BREAKPOINT);
	bed_start(bed, 0, MB_INT3, 0, 0);
	leave(bed);
	check(bed_get(bed, MB_BP) == before + 1, "the guest got its breakpoint once (%" PRIu64
	      ")", bed_get(bed, MB_BP) - before);
}

static void detach_cpuid(struct bed *bed)
{
	uint64_t signature;

	bed_run(bed, MB_CPUID, 1, 0, NULL);
	signature = bed_get(bed, MB_RESULT0);
	bed_watch_kind(bed, RS_CPUID);
	bed_start(bed, 0, MB_CPUID, 1, 0);
	leave(bed);
	check(bed_get(bed, MB_RESULT0) == signature, "its result is right: %#" PRIx64,
	      bed_get(bed, MB_RESULT0));
}

static void detach_page(struct bed *bed)
{
	bed_run(bed, MB_WRITE, MB_DATA + 0x500, 1, NULL);
	bed_watch_page(bed, MB_DATA, 0);
	bed_start(bed, 0, MB_WRITE, MB_DATA + 0x500, 2);
	leave(bed);
	guest_start(&bed->guest, 0, MB_READ, MB_DATA + 0x500, 0);
	sleep_ms(20);
	check(guest_is_done(&bed->guest, 0) && bed_get(bed, MB_RESULT0) == 2,
	      "the write took place: %" PRIu64, bed_get(bed, MB_RESULT0));
}

static void detach_descriptor(struct bed *bed)
{
	uint64_t base;

	bed_run(bed, MB_SGDT, 0, 0, NULL);
	base = bed_get(bed, MB_RESULT1);
	bed_watch_kind(bed, RS_DESCRIPTOR);
	bed_start(bed, 0, MB_SGDT, 0, 0);
	leave(bed);
	check(bed_get(bed, MB_RESULT1) == base, "its result is right: %#" PRIx64,
	      bed_get(bed, MB_RESULT1));
}

static struct rs_reply step_always(struct bed *bed, const struct rs_event *event)
{
	return RS_STEP;
}

/* In the middle of single-stepping that would never end. */
static void detach_stepping(struct bed *bed)
{
	bed_watch_kind(bed, RS_GUEST_REQUEST);
	bed_watch_kind(bed, RS_SINGLESTEP);
	bed->answer = step_always;
	bed_start(bed, 0, MB_REQUEST, 0, 0);
	for (unsigned int i = 0; i < 50 && bed->seen < 5; i++)
		rs_engine_step(bed->engine, 100) < 0 ? check(false, "step") : true;
	check(bed->seen == 5, "%u events: it steps", bed->seen);
	leave(bed);
}

static void detach_full(struct bed *bed)
{
	bed_watch(bed, (struct rs_watch_options){ .kind = RS_GUEST_REQUEST,
						  .asynchronous = true });
	bed_start(bed, 0, MB_LOOP_REQUEST, 20, 0);
	sleep_ms(50);
	check(!guest_is_done(&bed->guest, 0), "the ring is full");
	leave(bed);
}

/* Again and again, in the middle of a loop of events. */
static void detach_often(struct bed *bed)
{
	unsigned int good = 0;

	rs_engine_detach(bed->engine) ? check(false, "detach") : true;
	bed->engine = NULL;
	guest_start(&bed->guest, 0, MB_LOOP_CR3, 5000, 0);
	for (unsigned int i = 0; i < 5; i++) {
		struct rs_engine *engine;
		struct rs_watch_options options = { .kind = RS_CR, .cr = { .which = RS_CR3 } };

		if (rs_engine_attach(&engine, bed->guest.name, NULL))
			break;
		if (!rs_watch(engine, &options, NULL))
			for (unsigned int n = 0; n < 10; n++)
				if (rs_engine_step(engine, 10) < 0)
					break;
		if (rs_engine_detach(engine))
			break;
		good++;
	}
	check(good == 5, "five engines came and went: %u %s", good, rs_error_text());
	for (unsigned int i = 0; i < 3000 && !guest_is_done(&bed->guest, 0); i++)
		sleep_ms(1);
	check(guest_is_done(&bed->guest, 0) && guest_lives(&bed->guest), "the loop ends");
}

#define MIDDLE(test, function, text) \
	{ .name = "detach-" test, .run = function, .about = "in the middle of " text }

const struct test tests_of_detach[] = {
	MIDDLE("cr3", detach_cr3, "a CR3 write"),
	MIDDLE("denied", detach_denied, "one that is held back"),
	MIDDLE("int3", detach_int3, "a breakpoint"),
	MIDDLE("cpuid", detach_cpuid, "a CPUID"),
	MIDDLE("page", detach_page, "a page fault"),
	MIDDLE("descriptor", detach_descriptor, "a descriptor access"),
	MIDDLE("stepping", detach_stepping, "single-stepping"),
	MIDDLE("full", detach_full, "a full ring"),
	MIDDLE("often", detach_often, "a loop, five times"),
	{ 0 },
};
