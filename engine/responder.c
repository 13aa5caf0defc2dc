/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* responder.c: order, put, push, hand on, notify; then count. */
#include "engine/responder.h"

#include <string.h>

#include "engine/private.h"
#include "ring/atomics.h"
#include "xen/error.h"

#define PUTTING (1ULL << 63)

/* What is still to be counted of turns that are somebody else's already. */
struct batch {
	uint32_t count;
	struct rs_done done[RS_TURNS];
};

/* The numbers of a set of turns, in the order of their requests. Returns how many. */
static uint32_t order(const struct rs_engine *engine, uint64_t set, uint8_t *numbers)
{
	uint32_t count = 0;

	if (!(set & (set - 1))) {
		numbers[0] = (uint8_t)__builtin_ctzll(set);
		return 1;
	}
	for (; set; set &= set - 1) {
		uint8_t number = (uint8_t)__builtin_ctzll(set);
		uint32_t index = engine->turns[number].index, i;

		for (i = count++; i; i--) {
			if ((int32_t)(engine->turns[numbers[i - 1]].index - index) < 0)
				break;
			numbers[i] = numbers[i - 1];
		}
		numbers[i] = number;
	}
	return count;
}

static int put(struct rs_engine *engine, struct rs_turn *turn)
{
	uint32_t size = rs_answer_size(&turn->answer, engine->layout);
	uint64_t index = engine->ring.rsp_prod;
	int error;

	if (engine->on_message)
		size = rs_answer_complete(&turn->answer, engine->layout);
	error = rs_ring_put_head(&engine->ring, turn->answer.message, size);
	if (error)
		return rs_fail(error, "domain %u: the ring has no slot for an answer that is owed: "
				      "it is corrupt", engine->domain);
	/* For straight.h. Of an early one it is, and its handler may be looking. */
	if (turn->answer.data != RS_ANSWER_EMPTY)
		turn->answer.data = RS_ANSWER_EMPTY;
	rs_store_release(&turn->record->answer, index | RS_RECORD_SET);
	if (engine->on_message)
		engine->on_message(RS_MESSAGE_RESPONSE, turn->answer.message, engine->layout,
				   engine->on_message_user);
	return 0;
}

/* The handler of an early one may run at this moment. */
static void note(struct batch *batch, const struct rs_turn *turn)
{
	struct rs_done *done = &batch->done[batch->count++];

	done->kind = (uint8_t)turn->event.kind;
	done->asynchronous = !turn->event.synchronous;
	done->seen = done->began = done->ended = turn->seen;
	if (turn->early)
		return;
	done->began = turn->began;
	done->ended = turn->ended;
}

/* Before the notify: after it the vCPU's next request may come, and wants a turn and its lane. */
static uint64_t release(struct rs_engine *engine, const uint8_t *numbers, uint32_t count)
{
	uint64_t released = 0, ready = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct rs_turn *turn = &engine->turns[numbers[i]];
		int next = -1;

		if (turn->early == RS_TURN_EARLY) {
			if (rs_sub_acq_rel(&turn->parts, 1) == 1)
				released |= 1ULL << numbers[i];
			continue;
		}
		if (turn->lane)
			next = rs_lane_next(turn->lane);
		if (next >= 0)
			ready |= 1ULL << next;
		if (turn->early)
			rs_deadline_settled(turn);
		else
			released |= 1ULL << numbers[i];
	}
	if (released)
		rs_turns_free(engine, released);
	return ready;
}

static int put_all(struct rs_engine *engine, uint64_t turns, struct batch *batch, uint64_t *ready)
{
	uint8_t numbers[RS_TURNS];
	uint32_t count = order(engine, turns, numbers);
	int error = 0;

	for (uint32_t i = 0; i < count && !error; i++) {
		error = put(engine, &engine->turns[numbers[i]]);
		note(batch, &engine->turns[numbers[i]]);
	}
	rs_ring_push(&engine->ring);
	*ready |= release(engine, numbers, count);
	if (error)
		return error;
	error = rs_doorbell_notify(&engine->doorbell);
	if (error)
		return rs_fail(error, "domain %u: Xen cannot be notified (%s)", engine->domain,
			       strerror(-error));
	return 0;
}

/* Ours to put: our turns, and those that were posted; none if somebody puts already. */
static uint64_t begin(struct rs_responder *responder, uint64_t turns)
{
	uint64_t idle = 0;

	/* C2 */
	if (rs_compare_exchange_acq_rel(&responder->word, &idle, PUTTING))
		return turns;
	/* C1 */
	if (rs_or_acq_rel(&responder->word, turns | PUTTING) & PUTTING)
		return 0;
	/* C2: the putter has left just then. */
	return rs_exchange_acq_rel(&responder->word, PUTTING) & ~PUTTING;
}

/* Lets go, unless something was posted meanwhile: that is ours then. */
static uint64_t leave(struct rs_responder *responder)
{
	uint64_t ours = PUTTING;

	/* C3 */
	if (rs_compare_exchange_acq_rel(&responder->word, &ours, 0))
		return 0;
	/* C2 */
	return rs_exchange_acq_rel(&responder->word, PUTTING) & ~PUTTING;
}

int rs_responder_put(struct rs_engine *engine, struct rs_counters *counters, uint64_t turns,
		     uint64_t *ready)
{
	uint64_t mine = begin(&engine->responder, turns);
	int error = 0;

	while (mine) {
		struct batch batch;
		int result;

		batch.count = 0;
		result = put_all(engine, mine, &batch, ready);
		if (!error)
			error = result;
		mine = leave(&engine->responder);
		rs_counters_put(counters, batch.done, batch.count, rs_ticks());
	}
	return error;
}
