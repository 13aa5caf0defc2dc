/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ring_threads.c: Xen, a taker and a putter on three threads at once.
 *
 * Xen's end keeps up to eight requests in flight and counts the answers by vCPU. The taker
 * hands each request to the putter through a queue; the putter answers in batches of 1
 * to 3. Every message carries a number that must come back whole. ThreadSanitizer sees
 * each edge (configure --enable-sanitizer=thread).
 */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "ring/atomics.h"
#include "ring/ring.h"
#include "tests/unit/tap.h"

#define MESSAGES 20000u
#define QUEUE 64u

static struct {
	_Alignas(4096) uint8_t page[4096];
	struct rs_ring ring;
	/* taker to putter */
	uint32_t queue[QUEUE];
	uint32_t queue_in __attribute__((aligned(64)));
	uint32_t queue_out __attribute__((aligned(64)));
	uint32_t torn, faults, refused, wrong;
} bed;

static struct rs_ring_page *page_of_bed(void)
{
	return (struct rs_ring_page *)bed.page;
}

/* A message all of whose words say the same. */
static void fill(uint8_t *message, uint32_t number)
{
	struct rs_message_head head = { .version = 7, .vcpu_id = number % 8 };

	for (size_t at = sizeof(head); at < 400; at += sizeof(number))
		memcpy(message + at, &number, sizeof(number));
	memcpy(message, &head, sizeof(head));
}

static bool is_whole(const uint8_t *message, uint32_t *number)
{
	uint8_t wanted[400];

	memcpy(number, message + sizeof(struct rs_message_head), sizeof(*number));
	fill(wanted, *number);
	return !memcmp(message, wanted, sizeof(wanted));
}

static uint8_t *slot_of(uint32_t index)
{
	return page_of_bed()->slots + index % 8 * 400;
}

static void *play_xen(void *unused)
{
	uint32_t req_prod = 0, rsp_cons = 0, number;
	uint8_t message[400];

	(void)unused;
	while (rsp_cons < MESSAGES) {
		while (rs_load_acquire(&page_of_bed()->rsp_prod) != rsp_cons) { /* X2 */
			memcpy(message, slot_of(rsp_cons), sizeof(message));
			rsp_cons++;
			bed.wrong += !is_whole(message, &number);
		}
		if (req_prod < MESSAGES && req_prod - rsp_cons < 8) {
			fill(slot_of(req_prod), req_prod);
			rs_store_release(&page_of_bed()->req_prod, ++req_prod); /* X1 */
		} else {
			sched_yield();
		}
	}
	return NULL;
}

static void *take_all(void *unused)
{
	uint8_t message[400];
	struct rs_ring_fault fault;
	uint32_t number, in = 0;

	(void)unused;
	while (in < MESSAGES) {
		int taken = rs_ring_take(&bed.ring, message, &fault);

		bed.faults += fault.kind != RS_RING_SOUND;
		if (taken <= 0) {
			sched_yield();
			continue;
		}
		bed.torn += !is_whole(message, &number) || number != in;
		while (in - rs_load_acquire(&bed.queue_out) == QUEUE)
			sched_yield();
		bed.queue[in % QUEUE] = number;
		rs_store_release(&bed.queue_in, ++in);
	}
	return NULL;
}

static void *put_all(void *unused)
{
	uint8_t message[400];
	uint32_t out = 0;

	(void)unused;
	while (out < MESSAGES) {
		uint32_t waiting = rs_load_acquire(&bed.queue_in) - out;
		uint32_t batch = waiting > 3 ? out % 3 + 1 : waiting;

		if (!batch)
			sched_yield();
		for (uint32_t i = 0; i < batch; i++) {
			fill(message, bed.queue[out % QUEUE]);
			bed.refused += rs_ring_put(&bed.ring, message) != 0;
			rs_store_release(&bed.queue_out, ++out);
		}
		rs_ring_push(&bed.ring);
	}
	return NULL;
}

int main(void)
{
	void *(*const bodies[])(void *) = { play_xen, take_all, put_all };
	pthread_t threads[3];

	rs_ring_init(&bed.ring, bed.page, 400, 7, 8);
	for (int i = 0; i < 3; i++)
		if (pthread_create(&threads[i], NULL, bodies[i], NULL))
			return 99;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	tap_ok(bed.torn == 0, "each of %u requests is taken whole and in order", MESSAGES);
	tap_ok(bed.faults == 0, "no fault is seen where none is");
	tap_ok(bed.refused == 0, "each answer finds its slot");
	tap_ok(bed.wrong == 0, "each answer reaches Xen whole");
	tap_ok(rs_ring_owed(&bed.ring) == 0, "nothing is owed");
	return tap_done();
}
