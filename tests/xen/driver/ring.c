/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ring.c: a full ring, and two vCPUs on it. */
#include <inttypes.h>

#include "tests/xen/driver/bare.h"
#include "tests/xen/driver/tests.h"

#define REQUESTS 20
#define ROUNDS 200

/* Nobody answers at first: the ring fills, and the vCPU is blocked. */
static void ring_full(struct bed *bed)
{
	struct rs_statistics statistics;

	bed_watch(bed, (struct rs_watch_options){ .kind = RS_GUEST_REQUEST,
						  .asynchronous = true });
	bed->answer = NULL;
	bed_start(bed, 0, MB_LOOP_REQUEST, REQUESTS, 0);
	sleep_ms(50);
	check(!guest_is_done(&bed->guest, 0) && guest_stands(&bed->guest),
	      "the ring is full, and the vCPU waits");
	bed_finish(bed, 0);
	rs_engine_statistics(bed->engine, &statistics);
	check(bed->seen == REQUESTS && statistics.asynchronous == REQUESTS,
	      "all %u requests come (%u)", REQUESTS, bed->seen);
	check(statistics.batch_max >= 7 && statistics.batch_max <= 8,
	      "the first batch is the whole ring (%" PRIu64 ")", statistics.batch_max);
}

static bool start_second(struct bed *bed)
{
	if (!guest_get(&bed->guest, 1, MB_BEAT)) {
		bed_run(bed, MB_START_AP, 0, 0, NULL);
		if (bed_get(bed, MB_RESULT0) || bed_get(bed, MB_RESULT1))
			return check(false, "vCPU 1 starts (%" PRIi64 ", %" PRIi64 ")",
				     bed_get(bed, MB_RESULT0), bed_get(bed, MB_RESULT1));
	}
	return check(guest_vcpu_lives(&bed->guest, 1), "vCPU 1 runs");
}

/* Both ask before anybody looks: one round answers both, each as its own. */
static void two_vcpus(struct bed *bed)
{
	static const unsigned int commands[] = { MB_WRITE_CR3, MB_INT3, MB_CPUID, MB_REQUEST };
	uint64_t breakpoints;

	if (!start_second(bed))
		return;
	bed_watch(bed, (struct rs_watch_options){ .kind = RS_CR, .cr = { .which = RS_CR3 } });
	bed_watch_kind(bed, RS_BREAKPOINT);
	bed_watch_kind(bed, RS_CPUID);
	bed_watch_kind(bed, RS_GUEST_REQUEST);
	breakpoints = guest_get(&bed->guest, 1, MB_BP);
	for (unsigned int i = 0; i < 4; i++) {
		uint64_t value = i & 1 ? MB_TABLES : MB_ROOT_A;

		bed->answer = NULL;
		bed_start(bed, 0, MB_WRITE_CR3, value, 0);
		bed_start(bed, 1, commands[i], commands[i] == MB_CPUID ? 1 : MB_ROOT_B, 0);
		sleep_ms(20);
		bed_finish(bed, 0);
		bed_finish(bed, 1);
		check(bed->seen == 2 && bed_event(bed, 0)->vcpu + bed_event(bed, 1)->vcpu == 1,
		      "round %u: %u events, of vCPUs %u and %u", i, bed->seen,
		      bed_event(bed, 0)->vcpu, bed_event(bed, 1)->vcpu);
	}
	check(guest_get(&bed->guest, 1, MB_BP) == breakpoints + 1,
	      "vCPU 1 got its breakpoint, vCPU 0 nothing of it");
	bed_start(bed, 1, MB_WRITE_CR3, MB_TABLES, 0);
	bed_finish(bed, 1);
}

/* As fast as they can, for a while. */
static void two_racing(struct bed *bed)
{
	struct rs_statistics statistics;

	if (!start_second(bed))
		return;
	bed_watch(bed, (struct rs_watch_options){ .kind = RS_CR, .cr = { .which = RS_CR3 } });
	bed->answer = NULL;
	bed_start(bed, 0, MB_LOOP_CR3, ROUNDS, 0);
	bed_start(bed, 1, MB_LOOP_CR3, ROUNDS, 0);
	bed_finish(bed, 0);
	bed_finish(bed, 1);
	rs_engine_statistics(bed->engine, &statistics);
	/* The loop restores CR3 when it ends on another: one more write each. */
	check(bed->seen >= 2 * ROUNDS && bed->seen <= 2 * ROUNDS + 2 &&
		      statistics.events[RS_CR] == bed->seen,
	      "%u events, %" PRIu64 " notifies, batches of up to %" PRIu64, bed->seen,
	      statistics.notifies, statistics.batch_max);
}

static struct rs_reply page_or_request(struct bed *bed, const struct rs_event *event)
{
	return event->kind == RS_PAGE && event->vcpu ? RS_EMULATE : RS_CONTINUE;
}

/* A fast step of one vCPU beside an emulation of the other, on one page. */
static void two_on_a_page(struct bed *bed)
{
	if (!start_second(bed))
		return;
	bed_watch_page(bed, MB_DATA, 0);
	bed->answer = page_or_request;
	bed_start(bed, 0, MB_LOOP_READ, ROUNDS / 2, MB_DATA);
	bed_start(bed, 1, MB_LOOP_READ, ROUNDS / 2, MB_DATA + 8);
	bed_finish(bed, 0);
	bed_finish(bed, 1);
	check(bed->seen == ROUNDS, "every read of both reports (%u)", bed->seen);
}

static bool wait_until_done(const struct bed *bed, unsigned int vcpu)
{
	for (unsigned int i = 0; i < 1000 && !guest_is_done(&bed->guest, vcpu); i++)
		sleep_ms(1);
	return guest_is_done(&bed->guest, vcpu);
}

/* The vCPU writes CR3: its request, taken and not yet answered. */
static bool ask(struct bed *bed, struct bare *bare, unsigned int vcpu, uint64_t root,
		vm_event_response_t *answer)
{
	vm_event_request_t request;

	guest_start(&bed->guest, vcpu, MB_WRITE_CR3, root, 0);
	if (!bare_take(bare, &request))
		return false;
	*answer = bare_answer_to(&request);
	return check(request.vcpu_id == vcpu && request.u.write_ctrlreg.new_value == root &&
			     !guest_is_done(&bed->guest, vcpu),
		     "vCPU %u asks for CR3 %#" PRIx64 ", and waits", request.vcpu_id,
		     (uint64_t)request.u.write_ctrlreg.new_value);
}

/* vCPU 0 asks first, and is answered last, after two requests of vCPU 1. */
static void answer_out_of_order(struct bed *bed, struct bare *bare)
{
	vm_event_response_t first, second;

	if (!ask(bed, bare, 0, MB_ROOT_A, &first) || !ask(bed, bare, 1, MB_ROOT_B, &second))
		return;
	bare_answer(bare, &second);
	check(wait_until_done(bed, 1) && !guest_is_done(&bed->guest, 0),
	      "the second is answered: its vCPU goes on, the first one's waits");
	if (!ask(bed, bare, 1, MB_TABLES, &second))
		return;
	bare_answer(bare, &second);
	check(wait_until_done(bed, 1) && !guest_is_done(&bed->guest, 0), "once more");
	bare_answer(bare, &first);
	check(wait_until_done(bed, 0) && !rs_ring_owed(&bare->ring),
	      "then the first: now vCPU 0 goes on");
	if (ask(bed, bare, 0, MB_TABLES, &first))
		bare_answer(bare, &first);
}

static void two_out_of_order(struct bed *bed)
{
	struct bare bare;

	if (!guest_get(&bed->guest, 1, MB_BEAT))
		guest_start(&bed->guest, 0, MB_START_AP, 0, 0);
	if (!check(wait_until_done(bed, 0) && guest_vcpu_lives(&bed->guest, 1), "vCPU 1 runs") ||
	    !bare_open(&bare, &bed->guest, 0))
		return;
	if (bare_switch(&bare, RS_CR, RS_CR3, true)) {
		answer_out_of_order(bed, &bare);
		bare_switch(&bare, RS_CR, RS_CR3, false);
	}
	bare_close(&bare);
	check(guest_lives(&bed->guest) && guest_vcpu_lives(&bed->guest, 1), "both run on");
}

const struct test tests_of_ring[] = {
	{ .name = "ring-full", .run = ring_full, .about = "nobody answers for a while" },
	{ .name = "two-vcpus", .run = two_vcpus, .about = "different events at once" },
	{ .name = "two-racing", .run = two_racing, .about = "hundreds of events of both" },
	{ .name = "two-out-of-order", .run = two_out_of_order, .unattached = true,
	  .about = "the first to ask is answered last" },
	{ .name = "two-on-a-page", .run = two_on_a_page, .about = "two ways past one page" },
	{ 0 },
};
