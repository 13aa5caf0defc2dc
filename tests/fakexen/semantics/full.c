/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* full.c: a full ring, and more vCPUs than it has slots: each of 12 writes CR3 all the time. */
#include <errno.h>
#include <string.h>

#include "tests/fakexen/semantics/dom0.h"

#define VCPUS 12u
#define SLOTS 8u

static bool watch(bool sync)
{
	return !xc_monitor_write_ctrlreg(xch, DOMAIN, VM_EVENT_X86_CR3, true, sync, 0, false);
}

/* Takes what is there until nothing more comes. */
static unsigned int take_all(vm_event_request_t *requests, unsigned int limit)
{
	unsigned int count = 0;

	while (count < limit && ring_take(&requests[count], 100))
		count++;
	return count;
}

/* Answers until every vCPU has gone on; false: one has not within 5 s or so. A request may be
 * late on a busy machine, so there is no time after which none can come. */
static bool answer_all(void)
{
	vm_event_request_t request;
	uint64_t before[VCPUS];

	for (unsigned int i = 0; i < VCPUS; i++)
		before[i] = guest_loops(i);
	for (int tries = 0; tries < 100; tries++) {
		unsigned int running = 0;

		while (ring_take(&request, 50))
			ring_answer(&request);
		for (unsigned int i = 0; i < VCPUS; i++)
			running += guest_loops(i) > before[i] + 1;
		if (running == VCPUS)
			break;
	}
	for (unsigned int i = 0; i < VCPUS; i++)
		if (!guest_runs(i))
			return false;
	return true;
}

static void sleepers(void)
{
	vm_event_request_t requests[VCPUS];
	bool seen[VCPUS] = { false };
	unsigned int count, freed = 0;

	tap_ok(watch(true) && take_all(requests, VCPUS) == SLOTS,
		"8 requests lie on the ring, whatever the number of vCPUs");
	tap_ok(FAILS(xc_monitor_disable(xch, DOMAIN), EBUSY),
		"disable while a vCPU sleeps on the wait queue: EBUSY");
	tap_ok(watch(true), "yet all sources are switched off");
	xc_monitor_write_ctrlreg(xch, DOMAIN, VM_EVENT_X86_CR3, false, true, 0, false);
	for (unsigned int i = SLOTS; i-- > 0; ) /* last first: the order is ours */
		ring_answer(&requests[i]);
	for (count = 0; count < SLOTS; count++)
		seen[requests[count].vcpu_id] = true;
	while (freed < VCPUS - SLOTS && ring_take(&requests[0], 2000)) {
		freed += !seen[requests[0].vcpu_id];
		ring_answer(&requests[0]);
	}
	tap_ok(freed == VCPUS - SLOTS, "the sleepers' requests come all the same");
	tap_ok(answer_all(), "and all answered, every vCPU runs");
	tap_ok(ring_close() && ring_open(), "then disable succeeds");
}

static void asynchronous(void)
{
	vm_event_request_t requests[VCPUS];

	tap_ok(watch(false) && take_all(requests, VCPUS) == SLOTS,
		"with 8 vCPUs or more each asynchronous event blocks its vCPU");
	xc_monitor_write_ctrlreg(xch, DOMAIN, VM_EVENT_X86_CR3, false, false, 0, false);
	for (unsigned int i = 0; i < SLOTS; i++)
		ring_answer(&requests[i]);
	tap_ok(answer_all(), "until answers are consumed");
}

static void leaked(void)
{
	vm_event_request_t requests[VCPUS];

	tap_ok(watch(true) && take_all(requests, VCPUS) == SLOTS, "again 8 requests");
	for (unsigned int i = 1; i < SLOTS; i++)
		ring_answer(&requests[i]);
	for (unsigned int i = 0; i < 40 && ring_take(&requests[1], 500); i++)
		ring_answer(&requests[1]);
	tap_ok(guest_stands(requests[0].vcpu_id), "a missing answer holds its vCPU and a slot");
	tap_ok(take_all(requests + 1, VCPUS - 1) == SLOTS - 1, "7 slots are left");
	xc_monitor_write_ctrlreg(xch, DOMAIN, VM_EVENT_X86_CR3, false, true, 0, false);
	for (unsigned int i = 0; i < SLOTS; i++)
		ring_answer(&requests[i]);
	tap_ok(answer_all(), "it may come late");
}

int main(int argc, char **argv)
{
	const char *const options[] = { "--vcpus", "12", "--guest", "cr3loop", NULL };

	(void)argc;
	dom0_enter(argv, options);
	*guest_word(GUEST_MAILBOX + HEADER_COMMAND) = LOOP_CR3;
	tap_ok(guest_runs(VCPUS - 1) && ring_open(), "12 vCPUs run and the ring is open");
	sleepers();
	asynchronous();
	leaked();
	return tap_done();
}
