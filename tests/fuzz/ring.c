/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ring.c: bytes become a ring page, and what both ends do with it.
 *
 * Input: a struct setup, then OPERATIONS bytes, one operation each, then what lies in the
 * slots. Xen's end may do anything at all to the page; ours must keep to its promises.
 */
#include <errno.h>
#include <string.h>

#include <ringside/event.h>

#include "ring/ring.h"
#include "tests/fuzz/fuzz.h"

#define OPERATIONS 64

struct setup {
	uint8_t version; /* 6 or 7, by its lowest bit */
	uint8_t vcpu_count;
	uint8_t owed; /* at the start */
	uint8_t pad;
	uint32_t req_cons;
};

struct bed {
	_Alignas(4096) uint8_t page[4096];
	struct rs_ring ring;
	/* What must come of it: by index, free-running. */
	uint32_t req_cons, rsp_prod, rsp_pushed;
};

static struct rs_ring_page *page_of(struct bed *bed)
{
	return (struct rs_ring_page *)bed->page;
}

/* A message that the ring calls sound decodes, and every accessor stays inside it. */
static void check_sound(const struct bed *bed, const void *message)
{
	struct rs_event event;

	FUZZ_MUST(!rs_decode(message, bed->ring.message_size, bed->ring.version, &event));
	FUZZ_MUST(event.vcpu < bed->ring.vcpu_count);
	FUZZ_MUST((unsigned int)event.kind < RS_KIND_COUNT);
	FUZZ_MUST(event.layout->version == bed->ring.version);
	(void)(rs_event_rip(&event) + rs_event_gs(&event).base + rs_event_npt_base(&event) +
	       rs_event_vmtrace_pos(&event) + rs_event_shadow_gs(&event));
}

static int take(struct bed *bed)
{
	/* On the heap and of its exact size: a sanitizer sees a byte too much. */
	void *message = malloc(bed->ring.message_size);
	struct rs_ring_fault fault;
	int taken = rs_ring_take(&bed->ring, message, &fault);

	switch (taken) {
	case 1:
		bed->req_cons++;
		FUZZ_MUST(fault.kind == RS_RING_SOUND || fault.kind == RS_RING_WRONG_VERSION ||
			  fault.kind == RS_RING_WRONG_VCPU);
		if (fault.kind == RS_RING_SOUND)
			check_sound(bed, message);
		break;
	case 0:
		FUZZ_MUST(fault.kind == RS_RING_SOUND);
		break;
	default:
		FUZZ_MUST(taken == -EPROTO);
		FUZZ_MUST(fault.kind == RS_RING_OVERRUN || fault.kind == RS_RING_JUMP);
		FUZZ_MUST(fault.kind == RS_RING_OVERRUN || !fault.lost);
		FUZZ_MUST(fault.lost <= RS_RING_SLOTS);
		bed->req_cons += fault.lost;
		break;
	}
	FUZZ_MUST(bed->ring.req_cons == bed->req_cons);
	free(message);
	return taken;
}

static void put(struct bed *bed)
{
	uint8_t message[RS_RING_MESSAGE_SIZE_MAX] = { 0 };
	int error = rs_ring_put(&bed->ring, message);

	FUZZ_MUST(error == (bed->rsp_prod == bed->req_cons ? -EAGAIN : 0));
	bed->rsp_prod += !error;
	FUZZ_MUST(rs_ring_owed(&bed->ring) == bed->req_cons - bed->rsp_prod);
}

static void push(struct bed *bed)
{
	uint32_t before = page_of(bed)->rsp_prod;
	uint32_t count = rs_ring_push(&bed->ring);

	FUZZ_MUST(count == bed->rsp_prod - bed->rsp_pushed);
	FUZZ_MUST(page_of(bed)->rsp_prod == (count ? bed->rsp_prod : before));
	bed->rsp_pushed = bed->rsp_prod;
}

static void look(struct bed *bed)
{
	uint8_t message[RS_RING_MESSAGE_SIZE_MAX];
	uint32_t pending = rs_ring_pending(&bed->ring);

	FUZZ_MUST(pending <= RS_RING_SLOTS);
	FUZZ_MUST(!rs_ring_peek(&bed->ring, message) || pending);
}

/* What an engine does with a batch: bounded, whatever Xen's end shows. */
static void answer_all(struct bed *bed)
{
	unsigned int rounds = 0;

	while (take(bed)) {
		put(bed);
		FUZZ_MUST(++rounds <= 2 * RS_RING_SLOTS + 1);
	}
	while (rs_ring_owed(&bed->ring) && rounds--)
		put(bed);
	push(bed);
	FUZZ_MUST(!rs_ring_pending(&bed->ring));
}

static void operate(struct bed *bed, uint8_t operation)
{
	struct rs_ring_page *page = page_of(bed);

	switch (operation & 7) {
	case 0:
		take(bed);
		break;
	case 1:
		put(bed);
		break;
	case 2:
		push(bed);
		break;
	case 3:
		look(bed);
		break;
	case 4:
		page->req_prod++;
		break;
	case 5:
		page->req_prod += (uint32_t)((int8_t)operation >> 3);
		break;
	case 6:
		page->slots[operation * 37 % sizeof(page->slots)] ^= operation;
		page->rsp_prod ^= operation >> 7;
		break;
	default:
		answer_all(bed);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bed bed;
	struct setup setup;
	uint32_t version, start;

	if (size < sizeof(setup) + OPERATIONS)
		return 0;
	memcpy(&setup, data, sizeof(setup));
	memset(&bed, 0, sizeof(bed));
	version = 6 + (setup.version & 1);
	start = setup.req_cons - setup.owed % 9;
	memcpy(page_of(&bed)->slots, data + sizeof(setup) + OPERATIONS,
	       size - sizeof(setup) - OPERATIONS < sizeof(page_of(&bed)->slots)
		       ? size - sizeof(setup) - OPERATIONS
		       : sizeof(page_of(&bed)->slots));
	page_of(&bed)->req_prod = setup.req_cons;
	page_of(&bed)->rsp_prod = start;
	bed.req_cons = setup.req_cons;
	bed.rsp_prod = bed.rsp_pushed = start;
	if (rs_ring_attach(&bed.ring, bed.page, version == 6 ? 384 : 400, version,
			   setup.vcpu_count, setup.req_cons, start)) {
		FUZZ_MUST(!setup.vcpu_count);
		return 0;
	}
	for (size_t i = 0; i < OPERATIONS; i++)
		operate(&bed, data[sizeof(setup) + i]);
	return 0;
}
