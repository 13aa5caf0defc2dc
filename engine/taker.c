/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* taker.c: copies requests out, each into a turn of its own, and queues them by vCPU. */
#include "engine/taker.h"

#include <inttypes.h>
#include <string.h>

#include "engine/decode.h"
#include "engine/private.h"
#include "ring/atomics.h"
#include "xen/log.h"

/* What the ring has seen wrong, for the log. A request may have come with it. */
static void report_fault(struct rs_worker *worker, const struct rs_ring_fault *fault)
{
	struct rs_engine *engine = worker->engine;

	rs_count(&worker->counters, &worker->counters.faults, 1);
	rs_count(&worker->counters, &worker->counters.lost, fault->lost);
	rs_log(&engine->log, RS_LOG_ERROR,
	       "domain %u: the ring is corrupt (%s) at request %u: found %u, expected %u, "
	       "%u requests lost",
	       engine->domain, rs_ring_fault_name(fault->kind), fault->index, fault->found,
	       fault->expected, fault->lost);
}

/* A message of another version is answered as far as its head can be read. */
static void read_event(struct rs_engine *engine, struct rs_turn *turn,
		       const struct rs_ring_fault *fault)
{
	uint8_t *message = turn->record->message;
	struct rs_message_head *head = (struct rs_message_head *)message;

	if (fault->kind == RS_RING_WRONG_VERSION) {
		memset(message + sizeof(*head), 0, RS_RING_MESSAGE_SIZE_MAX - sizeof(*head));
		head->reason = RS_UNKNOWN;
	}
	rs_event_read(&turn->event, message, engine->layout);
	rs_answer_init(&turn->answer, &turn->event);
	turn->lane = turn->event.vcpu < engine->vcpu_count ? &engine->lanes[turn->event.vcpu]
							    : NULL;
	turn->event.serial = ++engine->serials;
	/* Plain: nobody knows of this event yet, and who answers its predecessor compares. */
	rs_store_relaxed(&turn->state, turn->event.serial);
}

/*
 * An asynchronous request wants its answer at once, since others may wait for its slot, and
 * its handler later: as long as there are turns enough for all that may still wait.
 */
static inline void answer_early(struct rs_worker *worker, struct rs_turn *turn, uint64_t others)
{
	turn->early = RS_TURN_IN_ORDER;
	if (turn->event.synchronous || !turn->lane ||
	    __builtin_popcountll(others) < RS_RING_SLOTS)
		return;
	turn->early = RS_TURN_EARLY;
	rs_store_relaxed(&turn->parts, 2);
	worker->finished |= 1ULL << turn->number;
}

/* One request into a turn; false if there is none. */
static bool take_one(struct rs_worker *worker, struct rs_turn *turn)
{
	struct rs_engine *engine = worker->engine;
	struct rs_record_turn *record = turn->record;
	struct rs_ring_fault fault;
	int taken;

	turn->index = engine->ring.req_cons;
	rs_store_relaxed(&record->request, turn->index | RS_RECORD_SET);
	/* After the number: with it the request is not taken yet, whatever the answer says. */
	rs_store_release(&record->answer, 0);
	taken = rs_ring_take(&engine->ring, record->message, &fault);
	if (fault.kind != RS_RING_SOUND)
		report_fault(worker, &fault);
	if (taken <= 0) {
		rs_store_relaxed(&record->request, 0);
		return false;
	}
	if (engine->on_message)
		engine->on_message(RS_MESSAGE_REQUEST, record->message, engine->layout,
				   engine->on_message_user);
	read_event(engine, turn, &fault);
	return true;
}

/* Up to `limit` requests, into free turns. *used gets them. */
static inline uint64_t take_some(struct rs_worker *worker, uint32_t limit, uint64_t *used)
{
	struct rs_engine *engine = worker->engine;
	/* F1 */
	uint64_t unused = rs_load_acquire(&engine->unused), ready = 0, seen = rs_ticks();
	uint32_t count;

	for (count = 0; count < limit && unused; count++) {
		struct rs_turn *turn = &engine->turns[__builtin_ctzll(unused)];

		if (!take_one(worker, turn))
			break;
		turn->seen = turn->began = turn->ended = seen;
		unused &= unused - 1;
		*used |= 1ULL << turn->number;
		answer_early(worker, turn, unused);
		if (!turn->lane || rs_lane_push(turn->lane, turn->number))
			ready |= 1ULL << turn->number;
	}
	worker->stamp = seen;
	rs_count(&worker->counters, &worker->counters.requests, count);
	return ready;
}

uint64_t rs_take(struct rs_worker *worker)
{
	struct rs_engine *engine = worker->engine;
	uint64_t used = 0, ready = 0;
	uint32_t pending;

	/* K1 */
	if (rs_load_relaxed(&engine->taking) || rs_exchange_acquire(&engine->taking, 1))
		return 0;
	pending = rs_ring_pending(&engine->ring);
	if (pending)
		ready = take_some(worker, pending, &used);
	if (used)
		rs_and_acq_rel(&engine->unused, ~used);
	rs_store_release(&engine->taking, 0); /* K2 */
	return ready;
}

void rs_turns_free(struct rs_engine *engine, uint64_t turns)
{
	rs_or_acq_rel(&engine->unused, turns); /* F2 */
}
