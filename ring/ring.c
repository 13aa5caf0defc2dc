/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ring.c: takes requests from the vm_event page and puts responses on it. */
#include "ring/ring.h"

#include <errno.h>
#include <string.h>

#include "ring/atomics.h"

static uint32_t message_size_of(uint32_t version)
{
	switch (version) {
	case 6:
		return 384;
	case 7:
		return 400;
	default:
		return 0;
	}
}

_Static_assert(RS_RING_SLOTS * RS_RING_MESSAGE_SIZE_MAX <= RS_RING_PAGE_SIZE - RS_RING_HEADER_SIZE,
	       "eight of the longest messages fit");

int rs_ring_attach(struct rs_ring *ring, void *page, uint32_t message_size, uint32_t version,
		   uint32_t vcpu_count, uint32_t req_cons, uint32_t rsp_prod)
{
	if (!message_size || message_size != message_size_of(version))
		return -EPROTONOSUPPORT;
	if (!page || (uintptr_t)page % 8 || !vcpu_count || req_cons - rsp_prod > RS_RING_SLOTS)
		return -EINVAL;
	*ring = (struct rs_ring){
		.page = page,
		.message_size = message_size,
		.version = version,
		.vcpu_count = vcpu_count,
		.req_cons = req_cons,
		.rsp_prod = rsp_prod,
		.rsp_pushed = rsp_prod,
	};
	return 0;
}

int rs_ring_init(struct rs_ring *ring, void *page, uint32_t message_size, uint32_t version,
		 uint32_t vcpu_count)
{
	int error = rs_ring_attach(ring, page, message_size, version, vcpu_count, 0, 0);

	if (error)
		return error;
	memset(ring->page->pad, 0, sizeof(ring->page->pad));
	rs_store_relaxed(&ring->page->req_prod, 0u);
	rs_store_relaxed(&ring->page->rsp_prod, 0u);
	rs_store_relaxed(&ring->page->req_event, 1u);
	/* No partner: Xen cannot look before the caller's unpause, a hypercall. */
	rs_store_release(&ring->page->rsp_event, 1u);
	return 0;
}

/* What we can explain: up to one ring of requests overwritten, because of surplus answers. */
static bool is_jump(const struct rs_ring *ring, uint32_t pushed)
{
	return pushed - ring->req_cons > 2 * RS_RING_SLOTS;
}

/*
 * Xen pushes a request only into a slot whose response it has consumed. rsp_pushed may be
 * read late but never too early: Xen consumed a response after our push of it and before
 * X1, which T1 has acquired.
 */
static bool is_overrun(const struct rs_ring *ring, uint32_t pushed)
{
	return pushed - rs_load_relaxed(&ring->rsp_pushed) > RS_RING_SLOTS;
}

static bool is_reported(const struct rs_ring *ring, uint32_t pushed)
{
	return rs_load_relaxed(&ring->has_reported) && rs_load_relaxed(&ring->reported) == pushed;
}

/* Fills in *fault and moves past what is lost; the next take goes on from there. */
static int report(struct rs_ring *ring, uint32_t pushed, struct rs_ring_fault *fault)
{
	uint32_t pending = pushed - ring->req_cons;

	rs_store_relaxed(&ring->reported, pushed);
	rs_store_relaxed(&ring->has_reported, true);
	*fault = (struct rs_ring_fault){
		.kind = RS_RING_JUMP,
		.index = ring->req_cons,
		.found = pushed,
		.expected = rs_load_relaxed(&ring->rsp_pushed) + RS_RING_SLOTS,
	};
	if (is_jump(ring, pushed))
		return -EPROTO;
	fault->kind = RS_RING_OVERRUN;
	if (pending > RS_RING_SLOTS) {
		fault->lost = pending - RS_RING_SLOTS;
		rs_ring_consume(ring, pushed - RS_RING_SLOTS);
	}
	return -EPROTO;
}

/* Of the copy, never of the page: Xen's end may change that at any time. */
static void check_head(const struct rs_ring *ring, const void *message, uint32_t index,
		       struct rs_ring_fault *fault)
{
	struct rs_message_head head;

	memcpy(&head, message, sizeof(head));
	if (head.version != ring->version)
		*fault = (struct rs_ring_fault){ .kind = RS_RING_WRONG_VERSION,
						 .index = index,
						 .found = head.version,
						 .expected = ring->version };
	else if (head.vcpu_id >= ring->vcpu_count)
		*fault = (struct rs_ring_fault){ .kind = RS_RING_WRONG_VCPU,
						 .index = index,
						 .found = head.vcpu_id,
						 .expected = ring->vcpu_count };
}

int rs_ring_take(struct rs_ring *ring, void *message, struct rs_ring_fault *fault)
{
	/* T1: acquires X1 (Xen's push), so the slot is whole before we copy it. */
	uint32_t pushed = rs_load_acquire(&ring->page->req_prod);
	uint32_t index = ring->req_cons;

	*fault = (struct rs_ring_fault){ .kind = RS_RING_SOUND };
	if (pushed == index)
		return 0;
	if (is_jump(ring, pushed) || is_overrun(ring, pushed)) {
		if (!is_reported(ring, pushed))
			return report(ring, pushed, fault);
		if (is_jump(ring, pushed))
			return 0;
	}
	/* P2, X2, X1, T1: what lay in the slot before, Xen had consumed. */
	rs_tsan_acquire(&ring->page->rsp_prod);
	memcpy(message, rs_ring_slot(ring, index), ring->message_size);
	rs_compiler_barrier();
	/* T2: releases our copy to P1, so that it is made before a put overwrites the slot. */
	rs_ring_consume(ring, index + 1);
	check_head(ring, message, index, fault);
	return 1;
}

uint32_t rs_ring_pending_odd(const struct rs_ring *ring, uint32_t pushed)
{
	return is_reported(ring, pushed) ? 0 : RS_RING_SLOTS;
}

int rs_ring_peek(const struct rs_ring *ring, void *message)
{
	/* T1: acquires X1. */
	uint32_t pushed = rs_load_acquire(&ring->page->req_prod);
	uint32_t pending = pushed - ring->req_cons;

	if (!pending || pending > RS_RING_SLOTS)
		return 0;
	memcpy(message, rs_ring_slot(ring, ring->req_cons), ring->message_size);
	rs_compiler_barrier();
	return 1;
}

int rs_ring_put(struct rs_ring *ring, const void *message)
{
	return rs_ring_put_head(ring, message, ring->message_size);
}

int rs_ring_put_head(struct rs_ring *ring, const void *message, uint32_t size)
{
	uint32_t index = ring->rsp_prod;

	/* P1: acquires T2: the request has been copied out of the slot we overwrite. */
	if (index == rs_load_acquire(&ring->req_cons))
		return -EAGAIN;
	memcpy(rs_ring_slot(ring, index), message, size);
	rs_store_relaxed(&ring->rsp_prod, index + 1);
	return 0;
}

uint32_t rs_ring_owed(const struct rs_ring *ring)
{
	return rs_load_relaxed(&ring->req_cons) - rs_load_relaxed(&ring->rsp_prod);
}

const char *rs_ring_fault_name(enum rs_ring_fault_kind kind)
{
	switch (kind) {
	case RS_RING_SOUND:
		return "sound";
	case RS_RING_OVERRUN:
		return "overrun";
	case RS_RING_JUMP:
		return "producer index jumped";
	case RS_RING_WRONG_VERSION:
		return "wrong message version";
	case RS_RING_WRONG_VCPU:
		return "no such vCPU";
	}
	return "unknown fault";
}
