/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ring.h: the vm_event page that Xen and we share, seen from our end.
 *
 * Xen pushes requests, we take them; we put responses and push them, Xen consumes them
 * when it is notified. Both travel in the same eight slots: response number i overwrites
 * request number i, in slot i modulo 8. The indices run freely through 2^32.
 *
 * Of a message this folder knows the size and the head (version, flags, reason, vCPU) and
 * nothing of what an event means.
 *
 * Who may call what: takers are serialised among themselves, and so are putters (put,
 * push and the notify after it are one critical section: see doorbell.h). A taker and a
 * putter may run at once, on two threads, without a lock between them. Nothing here
 * blocks, allocates or makes a system call.
 *
 * Orderings, by label (X: Xen, xen/common/vm_event.c):
 *   X1  vm_event_put_request: write barrier, then stores req_prod
 *   X2  vm_event_get_response: reads rsp_prod, then the slot
 *   T1  take acquires X1: the slot is whole before we copy it
 *   T2  take releases req_cons to P1: our copy is made before the slot is overwritten
 *   P1  put acquires T2
 *   P2  push releases our responses to X2
 */
#ifndef RS_RING_RING_H
#define RS_RING_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ring/atomics.h"

#define RS_RING_PAGE_SIZE 4096
#define RS_RING_HEADER_SIZE 64
/* Eight in every release: (4096 - 64) / 384 or 400, rounded down to a power of two. */
#define RS_RING_SLOTS 8
/* Room for a message of any version that we know. */
#define RS_RING_MESSAGE_SIZE_MAX 400

/* What every message of every version begins with (xen/vm_event.h). */
struct rs_message_head {
	uint32_t version;
	uint32_t flags;
	uint32_t reason;
	uint32_t vcpu_id;
};

/* Xen's struct vm_event_sring (xen/io/ring.h), whatever the size of a message. */
struct rs_ring_page {
	uint32_t req_prod;
	uint32_t req_event; /* Xen ignores it and notifies on every request */
	uint32_t rsp_prod;
	uint32_t rsp_event;
	uint8_t pad[RS_RING_HEADER_SIZE - 16];
	uint8_t slots[RS_RING_PAGE_SIZE - RS_RING_HEADER_SIZE];
};

_Static_assert(offsetof(struct rs_ring_page, rsp_prod) == 8, "Xen fixes the indices");
_Static_assert(offsetof(struct rs_ring_page, slots) == 64, "Xen fixes the first slot");
_Static_assert(sizeof(struct rs_ring_page) == RS_RING_PAGE_SIZE, "the ring is one page");

struct rs_ring {
	/* Set once by rs_ring_init. */
	struct rs_ring_page *page;
	uint32_t message_size;
	uint32_t version;
	uint32_t vcpu_count;
	/* The takers' line. The putters read req_cons. */
	uint32_t req_cons __attribute__((aligned(64)));
	uint32_t *mirror; /* gets req_cons before anybody goes by it; NULL: none */
	uint32_t reported; /* the last producer index that take has refused */
	bool has_reported;
	/* The putters' line. The takers read rsp_pushed. */
	uint32_t rsp_prod __attribute__((aligned(64)));
	uint32_t rsp_pushed;
};

/* What can be wrong with what Xen's end shows us. */
enum rs_ring_fault_kind {
	RS_RING_SOUND,
	/*
	 * More requests in flight than there are slots, so Xen has been answered too often
	 * and `lost` requests were overwritten unread. We go on with the newest eight.
	 */
	RS_RING_OVERRUN,
	/*
	 * The producer index went backwards or leapt. Nothing is taken until it makes
	 * sense again; each bad value is reported once.
	 */
	RS_RING_JUMP,
	/* Taken, but its version is not the ring's: answer it as far as it can be read. Its
	 * vCPU has not been checked. */
	RS_RING_WRONG_VERSION,
	/* Taken, but the domain has no such vCPU: likewise. */
	RS_RING_WRONG_VCPU,
};

struct rs_ring_fault {
	enum rs_ring_fault_kind kind;
	uint32_t index;    /* of the request, or our next one if none was taken */
	uint32_t found;    /* the producer index, version or vCPU that Xen's end shows */
	uint32_t expected; /* index: the greatest possible; version: ours; vCPU: their number */
	uint32_t lost;     /* RS_RING_OVERRUN: requests that nobody can read any more */
};

/*
 * Starts an empty ring on a fresh page: does what Xen's SHARED_RING_INIT and
 * BACK_RING_INIT do. xc_monitor_enable leaves that to its caller, who holds the domain
 * paused around both. The page stays the caller's and must outlive the ring.
 *
 * -EPROTONOSUPPORT: a message size that is not that of the version (6: 384, 7: 400).
 * -EINVAL: no vCPU, or a page that is not aligned to 8 bytes.
 */
int rs_ring_init(struct rs_ring *ring, void *page, uint32_t message_size, uint32_t version,
		 uint32_t vcpu_count);

/*
 * Goes on with a ring that is in use, where the next request is number req_cons and the
 * next response number rsp_prod. Writes nothing to the page. Errors as above; -EINVAL too
 * for indices that no ring can have.
 */
int rs_ring_attach(struct rs_ring *ring, void *page, uint32_t message_size, uint32_t version,
		   uint32_t vcpu_count, uint32_t req_cons, uint32_t rsp_prod);

/*
 * Copies the oldest request out to message (message_size bytes; looked at after the copy
 * only) and consumes it. 1: one was taken. 0: none waits. -EPROTO: none was taken this time,
 * because the producer index is corrupt: go on calling, that is reported once. In every
 * case *fault says what was wrong, or SOUND: a request that was taken with a fault still
 * wants its one response.
 */
int rs_ring_take(struct rs_ring *ring, void *message, struct rs_ring_fault *fault);

/*
 * How many requests wait, 0 to 8. Not 0 if rs_ring_take has a corruption to report.
 * Acquires X1. Exact for a taker; anybody may ask.
 */
static inline uint32_t rs_ring_pending(const struct rs_ring *ring);

/*
 * Copies the oldest request that waits without consuming it. 1 or 0; never a corrupt one:
 * leave those to rs_ring_take. A taker's call.
 */
int rs_ring_peek(const struct rs_ring *ring, void *message);

/*
 * Writes a response (message_size bytes) into the next slot; Xen sees it after the next
 * push. Responses may come in any order: Xen matches them by vCPU. -EAGAIN: refused,
 * since that slot's request was not taken yet, so the response answers nothing.
 */
int rs_ring_put(struct rs_ring *ring, const void *message);

/*
 * The same for a response of which only the first `size` bytes mean something: Xen reads the
 * rest of a response only if its flags say so. The slot's other bytes stay what they were.
 */
int rs_ring_put_head(struct rs_ring *ring, const void *message, uint32_t size);

/*
 * Publishes all responses put so far. Returns how many are new: 0 means that nobody needs
 * to be notified. A putter's call.
 */
static inline uint32_t rs_ring_push(struct rs_ring *ring)
{
	uint32_t count = ring->rsp_prod - ring->rsp_pushed;

	if (!count)
		return 0;
	/* Before P2, so that a taker never knows less than Xen: see is_overrun. */
	rs_store_relaxed(&ring->rsp_pushed, ring->rsp_prod);
	/* P2: releases our copies to X2, Xen's read in vm_event_get_response. */
	rs_store_release(&ring->page->rsp_prod, ring->rsp_prod);
	return count;
}

/* Responses owed: requests taken and not yet answered by a put. Either side may ask. */
uint32_t rs_ring_owed(const struct rs_ring *ring);

uint32_t rs_ring_pending_odd(const struct rs_ring *ring, uint32_t pushed);

static inline uint32_t rs_ring_pending(const struct rs_ring *ring)
{
	/* T1: acquires X1, for a caller that goes on to peek. The other one may be late, if
	 * somebody takes meanwhile. */
	uint32_t consumed = rs_load_relaxed(&ring->req_cons);
	uint32_t pushed = rs_load_acquire(&ring->page->req_prod);
	uint32_t pending = pushed - consumed;

	return pending <= RS_RING_SLOTS ? pending : rs_ring_pending_odd(ring, pushed);
}

/*
 * The pieces of take and put, for who is the only taker and the only putter, with no request under
 * way: that one copies (copy.h), checks the copy, and then consumes; and writes its answer
 * to the same slot.
 */
static inline uint8_t *rs_ring_slot(const struct rs_ring *ring, uint32_t index)
{
	return ring->page->slots + (size_t)(index % RS_RING_SLOTS) * ring->message_size;
}

/* Xen's to read, up to `index`; what put and push would note of it comes after the notify. */
static inline void rs_ring_show(const struct rs_ring *ring, uint32_t index)
{
	/* P2: releases our answers to X2. */
	rs_store_release(&ring->page->rsp_prod, index);
}

static inline void rs_ring_note(struct rs_ring *ring, uint32_t index)
{
	rs_store_release(&ring->req_cons, index);
	rs_store_relaxed(&ring->rsp_prod, index);
	rs_store_relaxed(&ring->rsp_pushed, index);
}

/* T2: releases what was done with the slot to P1; to the mirror's reader a copy earlier. */
static inline void rs_ring_consume(struct rs_ring *ring, uint32_t index)
{
	if (ring->mirror)
		rs_store_release(ring->mirror, index);
	rs_store_release(&ring->req_cons, index);
}

/* A short name of a fault's kind, for messages: "overrun". Never NULL. */
const char *rs_ring_fault_name(enum rs_ring_fault_kind kind);

#endif
