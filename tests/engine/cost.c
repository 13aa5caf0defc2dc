/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cost.c: a storm of events on a page in memory, for counting instructions.
 *
 *	valgrind --tool=callgrind --toggle-collect=rs_worker_visit \
 *		tests/engine/cost KIND BATCH ROUNDS
 *
 * Xen's end is a few lines in main, and the notify an empty function: the difference between
 * two numbers of rounds is what the engine executes for so many events. KIND is a number of enum rs_kind.
 */
#include <stdio.h>
#include <stdlib.h>

#include "engine/private.h"
#include "engine/rcu.h"
#include "tests/engine/message.h"

#define VERSION 7
#define SIZE 400

static struct rs_ring_page page __attribute__((aligned(4096)));
static struct rs_engine engine;
static uint64_t events;

static int notify(void *context)
{
	return 0;
}

static const struct rs_doorbell_calls calls = { .notify = notify };

static struct rs_reply on_event(const struct rs_event *event, void *user)
{
	events++;
	return *(const struct rs_reply *)user;
}

static struct rs_reply reply;

static void make_engine(enum rs_kind kind)
{
	static struct rs_rule watch;
	uint64_t key = kind == RS_PAGE ? TEST_GFN : kind == RS_CR ? RS_CR3 : kind == RS_MSR ?
		       0xc0000082 : 0;
	struct rs_table_entry entry = { .kind = kind, .first = key,
					.last = kind == RS_BREAKPOINT ? UINT64_MAX : key,
					.order = 1, .rule = &watch };

	engine.vcpu_count = RS_RING_SLOTS;
	engine.layout = rs_layout_find(VERSION);
	engine.worker_count = 1;
	engine.can_step = true;
	engine.wake_ticks = engine.notify_ticks = UINT64_MAX;
	pthread_mutex_init(&engine.control, NULL);
	pthread_mutex_init(&engine.burial, NULL);
	if (rs_engine_allocate(&engine))
		exit(1);
	rs_ring_init(&engine.ring, &page, SIZE, VERSION, RS_RING_SLOTS);
	rs_doorbell_init(&engine.doorbell, &calls, NULL, -1, 0);
	rs_straight_open(&engine);
	engine.ring.mirror = &engine.record->req_cons;
	watch.options = (struct rs_watch_options){ .kind = kind, .handler = on_event,
						   .user = &reply };
	reply = kind == RS_BREAKPOINT ? RS_GIVE_BACK : kind == RS_PAGE ? RS_EMULATE : RS_CONTINUE;
	/* Giving back would ask Xen, which is not here. */
	if (kind == RS_BREAKPOINT)
		reply = RS_RESUME;
	rs_table_add(engine.table, &entry);
}

int main(int argc, char **argv)
{
	enum rs_kind kind = argc > 1 ? (enum rs_kind)atoi(argv[1]) : RS_CR;
	uint32_t batch = argc > 2 ? (uint32_t)atoi(argv[2]) : 1;
	uint64_t rounds = argc > 3 ? strtoull(argv[3], NULL, 10) : 1000;
	static struct test_message requests[RS_RING_SLOTS];
	struct rs_worker *worker;

	rs_rcu_enter();
	make_engine(kind);
	worker = &engine.workers[0];
	for (uint32_t i = 0; i < RS_RING_SLOTS; i++)
		test_request(&requests[i], VERSION, kind, i);
	for (uint64_t round = 0; round < rounds; round++) {
		for (uint32_t i = 0; i < batch; i++) {
			uint32_t slot = (page.req_prod + i) % RS_RING_SLOTS;

			memcpy(page.slots + slot * SIZE, requests[slot].bytes, SIZE);
		}
		page.req_prod += batch;
		if (rs_worker_visit(worker) != (int)batch)
			return 1;
	}
	printf("%lu events\n", (unsigned long)events);
	return events != rounds * batch;
}
