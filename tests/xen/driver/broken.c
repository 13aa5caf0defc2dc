/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * broken.c: a test that is broken on purpose. It runs only when it is named, and the lab has to
 * notice: tests/xen/broken.sh.
 */
#include "tests/xen/driver/bare.h"
#include "tests/xen/driver/tests.h"

/* One CR3 write, and its request. */
static bool ask(struct bed *bed, struct bare *bare, uint64_t root, vm_event_request_t *request)
{
	guest_start(&bed->guest, 0, MB_WRITE_CR3, root, 0);
	return bare_take(bare, request);
}

/* The first request is answered and the second is not: its vCPU waits, and so do we. */
static void answer_left_out(struct bed *bed)
{
	struct bare bare;
	vm_event_request_t request;
	vm_event_response_t answer;

	if (!bare_open(&bare, &bed->guest, 0) || !bare_switch(&bare, RS_CR, RS_CR3, true))
		return;
	if (!ask(bed, &bare, MB_ROOT_A, &request))
		return;
	answer = bare_answer_to(&request);
	bare_answer(&bare, &answer);
	check(guest_lives(&bed->guest), "an answer is given, and the guest runs on");
	if (!ask(bed, &bare, MB_TABLES, &request))
		return;
	while (!guest_is_done(&bed->guest, 0))
		sleep_ms(10);
	check(false, "the guest runs on without an answer");
}

const struct test tests_of_broken[] = {
	{ .name = "answer-left-out", .run = answer_left_out, .unattached = true,
	  .own_guest = true, .only_by_name = true, .about = "broken on purpose: it has to hang" },
	{ 0 },
};
