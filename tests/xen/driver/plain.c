/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plain.c: take all, answer all, notify; and four ways to wait for more. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "ring/atomics.h"
#include "tests/xen/driver/plain.h"
#include "xen/vcpu.h"

#define XEN_ACCESS_WAIT_MS 100

/* All requests that wait, up to `left`; returns how many, or -EPROTO. */
static int drain(struct plain *plain, unsigned int left)
{
	struct rs_ring *ring = &plain->bare.ring;
	vm_event_request_t request;
	vm_event_response_t answer;
	struct rs_ring_fault fault;
	unsigned int count = 0;
	int taken = 0;

	while (count < left && (taken = rs_ring_take(ring, &request, &fault)) > 0) {
		answer = bare_answer_to(&request);
		plain->answer(plain, &request, &answer);
		rs_ring_put(ring, &answer);
		count++;
	}
	if (taken < 0)
		return taken;
	if (rs_ring_push(ring))
		taken = rs_doorbell_notify(&plain->bare.doorbell);
	return taken < 0 ? taken : (int)count;
}

/* poll, read; with the port masked from then on. */
static int sleep_until_rung(struct plain *plain, int timeout_ms)
{
	const struct rs_doorbell_calls *calls = plain->bare.doorbell.calls;
	struct pollfd port = { .fd = calls->fd(&plain->bare.port), .events = POLLIN };
	int result = poll(&port, 1, timeout_ms);

	if (result <= 0)
		return result < 0 ? -errno : 0;
	result = calls->pending(&plain->bare.port);
	return result < 0 ? result : calls->unmask(&plain->bare.port);
}

static int wait_for_more(struct plain *plain)
{
	struct rs_ring *ring = &plain->bare.ring;

	switch (plain->waiting) {
	case PLAIN_SPIN:
		while (!rs_ring_pending(ring))
			rs_cpu_relax();
		return 0;
	case PLAIN_HYBRID: /* the doorbell was opened with PLAIN_LOOKS */
		return rs_doorbell_wait(&plain->bare.doorbell, ring, -1);
	case PLAIN_BLOCK:
		return rs_ring_pending(ring) ? 0 : sleep_until_rung(plain, -1);
	default:
		return sleep_until_rung(plain, XEN_ACCESS_WAIT_MS);
	}
}

int plain_run(struct plain *plain, unsigned int events)
{
	int result = 0;

	while (events && result >= 0) {
		result = wait_for_more(plain);
		if (result >= 0)
			result = drain(plain, events);
		if (result > 0)
			events -= (unsigned int)result;
	}
	return result < 0 ? result : 0;
}

void plain_continue(struct plain *plain, const vm_event_request_t *request,
		    vm_event_response_t *answer)
{
}

static void set_rip(const vm_event_request_t *request, vm_event_response_t *answer,
		    uint32_t insn_length)
{
	answer->flags |= VM_EVENT_FLAG_SET_REGISTERS;
	answer->data.regs.x86 = request->data.regs.x86;
	answer->data.regs.x86.rip += insn_length;
}

void plain_cpuid(struct plain *plain, const vm_event_request_t *request,
		 vm_event_response_t *answer)
{
	set_rip(request, answer, request->u.cpuid.insn_length);
}

void plain_skip(struct plain *plain, const vm_event_request_t *request,
		vm_event_response_t *answer)
{
	set_rip(request, answer, request->u.software_breakpoint.insn_length);
}

void plain_nop(struct plain *plain, const vm_event_request_t *request,
	       vm_event_response_t *answer)
{
	answer->flags |= VM_EVENT_FLAG_EMULATE | VM_EVENT_FLAG_SET_EMUL_INSN_DATA;
	memset(answer->data.emul.insn.data, 0x90, sizeof(answer->data.emul.insn.data));
}

void plain_give_back(struct plain *plain, const vm_event_request_t *request,
		     vm_event_response_t *answer)
{
	/* -EBUSY, as from any monitor: one is queued already, and delivered. */
	rs_xen_vcpu_inject(plain->bare.xen, plain->bare.domain, request->vcpu_id, 3, 6, UINT32_MAX,
			   request->u.software_breakpoint.insn_length, 0);
}

void plain_emulate(struct plain *plain, const vm_event_request_t *request,
		   vm_event_response_t *answer)
{
	answer->flags |= VM_EVENT_FLAG_EMULATE;
	answer->u.mem_access = request->u.mem_access;
}

void plain_fast_step(struct plain *plain, const vm_event_request_t *request,
		     vm_event_response_t *answer)
{
	answer->flags |= VM_EVENT_FLAG_ALTERNATE_P2M | VM_EVENT_FLAG_FAST_SINGLESTEP;
	answer->altp2m_idx = 0;
	answer->u.fast_singlestep.p2midx = plain->view;
}

void plain_step(struct plain *plain, const vm_event_request_t *request,
		vm_event_response_t *answer)
{
	bool stepped = request->reason == VM_EVENT_REASON_SINGLESTEP;

	answer->flags |= VM_EVENT_FLAG_ALTERNATE_P2M | VM_EVENT_FLAG_TOGGLE_SINGLESTEP;
	answer->altp2m_idx = stepped ? plain->view : 0;
}
