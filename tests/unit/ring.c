/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ring.c: the shared page, with Xen's end played by a few lines as in vm_event.c. */
#include "ring/ring.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/tap.h"

#define VCPUS 64

/* Xen's end: its indices are its own, the page only shows them. */
struct xen {
	_Alignas(4096) uint8_t page[4096];
	uint32_t message_size;
	uint32_t version;
	uint32_t req_prod;
	uint32_t rsp_cons;
};

static struct rs_ring_page *page_of(struct xen *xen)
{
	return (struct rs_ring_page *)xen->page;
}

static uint8_t *slot_of(struct xen *xen, uint32_t index)
{
	return xen->page + 64 + index % 8 * xen->message_size;
}

static void fill(uint8_t *message, uint32_t size, uint32_t version, uint32_t vcpu, uint8_t seed)
{
	struct rs_message_head head = { .version = version, .vcpu_id = vcpu };

	memset(message, seed, size);
	memcpy(message, &head, sizeof(head));
}

static bool is_filled(const uint8_t *message, uint32_t size, uint32_t version, uint32_t vcpu,
		      uint8_t seed)
{
	uint8_t wanted[RS_RING_MESSAGE_SIZE_MAX];

	fill(wanted, size, version, vcpu, seed);
	return !memcmp(message, wanted, size);
}

static void xen_push(struct xen *xen, uint32_t vcpu)
{
	fill(slot_of(xen, xen->req_prod), xen->message_size, xen->version, vcpu,
	     (uint8_t)xen->req_prod);
	page_of(xen)->req_prod = ++xen->req_prod;
}

/* Consumes one response; its vCPU, or -1 if there is none. */
static int xen_consume(struct xen *xen)
{
	struct rs_message_head head;

	if (page_of(xen)->rsp_prod == xen->rsp_cons)
		return -1;
	memcpy(&head, slot_of(xen, xen->rsp_cons++), sizeof(head));
	return (int)head.vcpu_id;
}

static int answer(struct rs_ring *ring, uint32_t vcpu)
{
	uint8_t message[RS_RING_MESSAGE_SIZE_MAX];

	fill(message, ring->message_size, ring->version, vcpu, 0);
	return rs_ring_put(ring, message);
}

static void start_at(struct xen *xen, struct rs_ring *ring, uint32_t version, uint32_t index)
{
	memset(xen, 0, sizeof(*xen));
	xen->version = version;
	xen->message_size = version == 6 ? 384 : 400;
	xen->req_prod = xen->rsp_cons = index;
	page_of(xen)->req_prod = page_of(xen)->rsp_prod = index;
	rs_ring_attach(ring, xen->page, xen->message_size, version, VCPUS, index, index);
}

static void test_init(void)
{
	static struct xen xen;
	struct rs_ring ring;
	struct rs_ring_page *page = page_of(&xen);
	uint8_t message[RS_RING_MESSAGE_SIZE_MAX];
	struct rs_ring_fault fault;

	memset(xen.page, 0xaa, sizeof(xen.page));
	tap_ok(rs_ring_init(&ring, xen.page, 400, 7, 4) == 0, "a ring of version 7 starts");
	tap_ok(page->req_prod == 0 && page->rsp_prod == 0 && page->req_event == 1 &&
		       page->rsp_event == 1,
	       "its indices are 0 and its event indices 1, as SHARED_RING_INIT leaves them");
	tap_ok(rs_ring_take(&ring, message, &fault) == 0 && fault.kind == RS_RING_SOUND &&
		       rs_ring_pending(&ring) == 0 && rs_ring_peek(&ring, message) == 0,
	       "an empty ring gives nothing");
	tap_ok(answer(&ring, 0) == -EAGAIN, "and takes no response");
	tap_ok(rs_ring_push(&ring) == 0, "and has nothing to push");
	tap_ok(rs_ring_init(&ring, xen.page, 384, 6, 1) == 0, "a ring of version 6 starts");
	tap_ok(rs_ring_init(&ring, xen.page, 400, 6, 1) == -EPROTONOSUPPORT &&
		       rs_ring_init(&ring, xen.page, 312, 3, 1) == -EPROTONOSUPPORT &&
		       rs_ring_init(&ring, xen.page, 0, 5, 1) == -EPROTONOSUPPORT &&
		       rs_ring_init(&ring, xen.page, 400, 8, 1) == -EPROTONOSUPPORT,
	       "an unknown version, or a wrong size, is refused");
	tap_ok(rs_ring_init(&ring, xen.page, 400, 7, 0) == -EINVAL &&
		       rs_ring_init(&ring, NULL, 400, 7, 1) == -EINVAL &&
		       rs_ring_init(&ring, xen.page + 4, 400, 7, 1) == -EINVAL &&
		       rs_ring_attach(&ring, xen.page, 400, 7, 1, 9, 0) == -EINVAL &&
		       rs_ring_attach(&ring, xen.page, 400, 7, 1, 0, 1) == -EINVAL,
	       "no vCPU, no page, a crooked page or impossible indices are refused");
}

/* `batch` requests in, the same out and answered, again and again until well past a wrap. */
static bool run_batches(uint32_t version, uint32_t start, uint32_t batch)
{
	static struct xen xen;
	struct rs_ring ring;
	struct rs_ring_fault fault;
	uint8_t message[RS_RING_MESSAGE_SIZE_MAX];
	bool good = true;

	start_at(&xen, &ring, version, start);
	for (uint32_t done = 0; done < 40; done += batch) {
		for (uint32_t i = 0; i < batch; i++)
			xen_push(&xen, (done + i) % VCPUS);
		good &= TAP_SAME(rs_ring_pending(&ring), batch);
		for (uint32_t i = 0; i < batch; i++) {
			uint32_t vcpu = (done + i) % VCPUS;

			good &= TAP_SAME(rs_ring_peek(&ring, message), 1);
			memset(message, 0, sizeof(message));
			good &= TAP_SAME(rs_ring_take(&ring, message, &fault), 1);
			good &= TAP_SAME(fault.kind, RS_RING_SOUND);
			good &= is_filled(message, xen.message_size, version, vcpu,
					  (uint8_t)(start + done + i));
		}
		good &= TAP_SAME(rs_ring_take(&ring, message, &fault), 0);
		good &= TAP_SAME(rs_ring_owed(&ring), batch);
		for (uint32_t i = 0; i < batch; i++)
			good &= TAP_SAME(answer(&ring, (done + i) % VCPUS), 0);
		good &= TAP_SAME(answer(&ring, 0), -EAGAIN);
		good &= TAP_SAME(xen_consume(&xen), -1);
		good &= TAP_SAME(rs_ring_push(&ring), batch);
		for (uint32_t i = 0; i < batch; i++)
			good &= TAP_SAME(xen_consume(&xen), (done + i) % VCPUS);
		good &= TAP_SAME(xen_consume(&xen), -1);
	}
	return good;
}

static void test_wraps(void)
{
	static const uint32_t starts[] = { 0, 0x7ffffff0, UINT32_MAX - 20 };

	for (uint32_t version = 6; version <= 7; version++) {
		for (uint32_t i = 0; i < 3; i++) {
			bool good = true;

			for (uint32_t slot = 0; slot < 8; slot++)
				for (uint32_t batch = 1; batch <= 8; batch++)
					good &= run_batches(version, starts[i] + slot, batch);
			tap_ok(good, "version %u: every slot, batches of 1 to 8, past index %#x",
			       version, starts[i] + 40);
		}
	}
}

static void test_order(void)
{
	static struct xen xen;
	struct rs_ring ring;
	struct rs_ring_fault fault;
	uint8_t message[RS_RING_MESSAGE_SIZE_MAX];
	bool good = true;

	start_at(&xen, &ring, 7, UINT32_MAX - 3);
	for (uint32_t vcpu = 0; vcpu < 8; vcpu++)
		xen_push(&xen, vcpu);
	for (uint32_t vcpu = 0; vcpu < 8; vcpu++)
		good &= TAP_SAME(rs_ring_take(&ring, message, &fault), 1);
	for (uint32_t vcpu = 8; vcpu-- > 0;)
		good &= TAP_SAME(answer(&ring, vcpu), 0);
	rs_ring_push(&ring);
	for (uint32_t vcpu = 8; vcpu-- > 0;)
		good &= TAP_SAME(xen_consume(&xen), vcpu);
	tap_ok(good, "answers in the order of their completion, across index 0");
}

static void test_slot_not_taken(void)
{
	static struct xen xen;
	struct rs_ring ring;
	struct rs_ring_fault fault;
	uint8_t message[RS_RING_MESSAGE_SIZE_MAX];

	start_at(&xen, &ring, 7, 0);
	xen_push(&xen, 1);
	xen_push(&xen, 2);
	rs_ring_take(&ring, message, &fault);
	tap_ok(answer(&ring, 1) == 0, "a taken request's slot takes a response");
	tap_ok(answer(&ring, 1) == -EAGAIN, "the next, not taken, does not");
	tap_ok(is_filled(slot_of(&xen, 1), 400, 7, 2, 1), "and its request is still whole");
	tap_ok(rs_ring_take(&ring, message, &fault) == 1 && answer(&ring, 2) == 0,
	       "once taken it does");
}

static void test_two_pushes(void)
{
	static struct xen xen;
	struct rs_ring ring;
	struct rs_ring_fault fault;
	uint8_t message[RS_RING_MESSAGE_SIZE_MAX];

	start_at(&xen, &ring, 6, 6);
	for (uint32_t vcpu = 0; vcpu < 3; vcpu++)
		xen_push(&xen, vcpu);
	for (uint32_t vcpu = 0; vcpu < 3; vcpu++)
		rs_ring_take(&ring, message, &fault);
	answer(&ring, 0);
	tap_ok(rs_ring_push(&ring) == 1 && xen_consume(&xen) == 0 && xen_consume(&xen) == -1,
	       "a first push is consumed, and no more than it");
	answer(&ring, 1);
	answer(&ring, 2);
	tap_ok(xen_consume(&xen) == -1, "what is put and not pushed is not seen");
	tap_ok(rs_ring_push(&ring) == 2 && xen_consume(&xen) == 1 && xen_consume(&xen) == 2,
	       "a second push shows both");
	tap_ok(rs_ring_push(&ring) == 0 && xen_consume(&xen) == -1, "a third has nothing to show");
}

/* Xen, answered `surplus` times too often, overwrites as many unread requests. */
static bool overrun_by(uint32_t surplus, uint32_t start)
{
	static struct xen xen;
	struct rs_ring ring;
	struct rs_ring_fault fault;
	uint8_t message[RS_RING_MESSAGE_SIZE_MAX];
	bool good = true;

	start_at(&xen, &ring, 7, start);
	for (uint32_t i = 0; i < 8 + surplus; i++)
		xen_push(&xen, i);
	good &= rs_ring_pending(&ring) > 0;
	good &= TAP_SAME(rs_ring_take(&ring, message, &fault), -EPROTO);
	good &= TAP_SAME(fault.kind, RS_RING_OVERRUN);
	good &= TAP_SAME(fault.lost, surplus);
	good &= TAP_SAME(fault.found, start + 8 + surplus);
	good &= TAP_SAME(fault.expected, start + 8);
	for (uint32_t i = surplus; i < 8 + surplus; i++) {
		good &= TAP_SAME(rs_ring_take(&ring, message, &fault), 1);
		good &= TAP_SAME(fault.kind, RS_RING_SOUND);
		good &= is_filled(message, 400, 7, i, (uint8_t)(start + i));
	}
	good &= TAP_SAME(rs_ring_take(&ring, message, &fault), 0);
	return good;
}

static void test_overrun(void)
{
	static struct xen xen;
	struct rs_ring ring;
	struct rs_ring_fault fault;
	uint8_t message[RS_RING_MESSAGE_SIZE_MAX];
	bool good = true;

	for (uint32_t surplus = 1; surplus <= 8; surplus++)
		good &= overrun_by(surplus, 3) && overrun_by(surplus, UINT32_MAX - 6);
	tap_ok(good, "9 to 16 unconsumed: reported once, the lost counted, the newest 8 taken");

	start_at(&xen, &ring, 7, 0);
	xen_push(&xen, 0);
	rs_ring_take(&ring, message, &fault);
	for (uint32_t vcpu = 1; vcpu < 9; vcpu++)
		xen_push(&xen, vcpu);
	tap_ok(rs_ring_take(&ring, message, &fault) == -EPROTO && fault.kind == RS_RING_OVERRUN &&
		       fault.lost == 0,
	       "9 in flight, 8 of them unconsumed: reported, nothing lost");
	good = true;
	for (uint32_t vcpu = 1; vcpu < 9; vcpu++)
		good &= rs_ring_take(&ring, message, &fault) == 1 &&
			is_filled(message, 400, 7, vcpu, (uint8_t)vcpu);
	tap_ok(good, "and all 8 are taken");
}

static void test_jump(uint32_t distance, const char *name)
{
	static struct xen xen;
	struct rs_ring ring;
	struct rs_ring_fault fault;
	uint8_t message[RS_RING_MESSAGE_SIZE_MAX];

	start_at(&xen, &ring, 7, 2);
	page_of(&xen)->req_prod = 2 + distance;
	tap_ok(rs_ring_pending(&ring) > 0 && rs_ring_peek(&ring, message) == 0,
	       "%s: there is something to report, nothing to peek at", name);
	tap_ok(rs_ring_take(&ring, message, &fault) == -EPROTO && fault.kind == RS_RING_JUMP &&
		       fault.index == 2 && fault.found == 2 + distance && fault.expected == 10,
	       "%s: reported, with what was found and expected", name);
	tap_ok(rs_ring_pending(&ring) == 0 && rs_ring_take(&ring, message, &fault) == 0,
	       "%s: reported once, so that nobody spins on it", name);
	xen_push(&xen, 5);
	tap_ok(rs_ring_pending(&ring) == 1 && rs_ring_take(&ring, message, &fault) == 1 &&
		       fault.kind == RS_RING_SOUND && is_filled(message, 400, 7, 5, 2),
	       "%s: goes on when the index makes sense again", name);
}

static void test_wrong_head(void)
{
	static struct xen xen;
	struct rs_ring ring;
	struct rs_ring_fault fault;
	uint8_t message[RS_RING_MESSAGE_SIZE_MAX];
	struct rs_message_head head = { .version = 6, .vcpu_id = 1 };

	start_at(&xen, &ring, 7, 0);
	xen_push(&xen, 1);
	memcpy(slot_of(&xen, 0), &head, sizeof(head));
	tap_ok(rs_ring_take(&ring, message, &fault) == 1 && fault.kind == RS_RING_WRONG_VERSION &&
		       fault.index == 0 && fault.found == 6 && fault.expected == 7,
	       "a wrong version is taken and reported");
	xen_push(&xen, VCPUS);
	tap_ok(rs_ring_take(&ring, message, &fault) == 1 && fault.kind == RS_RING_WRONG_VCPU &&
		       fault.index == 1 && fault.found == VCPUS && fault.expected == VCPUS,
	       "a vCPU that the domain has not is taken and reported");
	xen_push(&xen, VCPUS - 1);
	tap_ok(rs_ring_take(&ring, message, &fault) == 1 && fault.kind == RS_RING_SOUND,
	       "its last vCPU is sound");
	tap_ok(answer(&ring, 1) == 0 && answer(&ring, VCPUS) == 0 && answer(&ring, 63) == 0 &&
		       rs_ring_push(&ring) == 3,
	       "each of them can be answered");
}

static void test_names(void)
{
	bool good = true;

	for (int kind = RS_RING_SOUND; kind <= RS_RING_WRONG_VCPU; kind++)
		good &= rs_ring_fault_name((enum rs_ring_fault_kind)kind)[0] != '\0';
	tap_ok(good, "each fault has a name");
}

int main(void)
{
	test_init();
	test_wraps();
	test_order();
	test_slot_not_taken();
	test_two_pushes();
	test_overrun();
	test_jump(17, "a leap by 17");
	test_jump(0x80000000u, "a leap half round");
	test_jump(UINT32_MAX, "a step backwards");
	test_wrong_head();
	test_names();
	return tap_done();
}
