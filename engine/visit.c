/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* visit.c: see visit.h. */
#include "engine/visit.h"

#include <string.h>

#include "engine/past.h"
#include "engine/rcu.h"
#include "engine/registers.h"
#include "ring/atomics.h"
#include "xen/error.h"

/* -- counting -- */

void rs_visit_learn(struct rs_engine *engine, struct rs_known *known, uint64_t ticks)
{
	struct rs_pace *pace = &known->rule->pace;

	rs_pace_change(pace, ticks, engine);
	known->quick_ticks = pace->held || pace->slow ? 0 : engine->notify_ticks;
}

/* Something ends before the visit does. */
static void split(struct rs_straight *straight)
{
	if (straight->is_split)
		return;
	straight->is_split = true;
	straight->first = straight->put = straight->begin;
	straight->began = straight->seen;
}

/* `count` handlers that have run, one after the other; they share the time evenly. */
static void count_stage(struct rs_engine *engine, struct rs_known *known, uint32_t count,
			uint64_t queued, uint64_t ticks)
{
	ticks /= count;
	rs_counters_stage(known->counters, queued, ticks, count);
	if (ticks >= known->quick_ticks)
		rs_visit_learn(engine, known, ticks);
}

/* The handlers of a split visit that have run until `now`. */
static void end_stage(struct rs_worker *worker, uint32_t index, uint64_t now)
{
	struct rs_straight *straight = &worker->straight;

	if (index == straight->first)
		return;
	count_stage(worker->engine, straight->last, index - straight->first,
		    straight->began - straight->seen, now - straight->began);
	straight->first = index;
	straight->began = now;
}

/* -- which watch -- */

void rs_visit_end_running(struct rs_worker *worker)
{
	struct rs_engine *engine = worker->engine;

	/* R2, R3: with one worker the handler that removed a watch was ours. */
	rs_store_release(&worker->running, (struct rs_rule *)NULL);
	if (rs_load_seq_cst(&engine->leaving))
		rs_rules_bury(engine);
}

/* Another watch's turn. */
static void change_rule(struct rs_worker *worker, uint32_t index, const struct rs_known *known)
{
	struct rs_straight *straight = &worker->straight;

	if (index != straight->begin) {
		split(straight);
		end_stage(worker, index, rs_ticks());
	}
	rs_visit_end_running(worker);
	rs_rcu_publish(&worker->running, known->rule); /* Q1, R1 */
}

/* Ours to read, and its vCPU waits. */
static inline bool is_sound(const struct rs_ring *ring, const struct rs_wire *wire)
{
	return wire->version == ring->version && wire->vcpu_id < ring->vcpu_count &&
	       wire->flags & RS_FLAG_VCPU_PAUSED;
}

/* The one watch that wants it, which runs from now on. Or NULL. */
static struct rs_known *look_again(struct rs_worker *worker, uint32_t index,
					 const struct rs_wire *wire)
{
	struct rs_known *known = rs_known_place(worker, wire);
	struct rs_known found, *it = known;

	if (!is_sound(&worker->engine->ring, wire))
		return NULL;
	if (!rs_known_is_of(worker, known, wire)) {
		it = &found;
		if (!rs_known_find(worker, it, wire))
			return NULL;
	}
	if (it->kind == RS_PAGE && !(wire->u.page.flags & it->wanted))
		return NULL;
	if (worker->running != it->rule)
		change_rule(worker, index, it);
	/* The last one's place, perhaps: it is not looked at any more. */
	if (it != known)
		*known = found;
	worker->straight.last = known;
	return rs_known_is_current(worker->engine->table, known) ? known : NULL;
}

/* -- to the ring -- */

/* What rs_turn_answer and rs_event_reply want to find in a turn. */
static void complete(const struct rs_worker *worker, struct rs_turn *turn, uint32_t index)
{
	turn->lane = &worker->engine->lanes[turn->event.vcpu];
	turn->index = index;
	turn->early = turn->stepped = false;
	turn->seen = worker->straight.seen;
	turn->began = worker->straight.is_split ? worker->straight.began : turn->seen;
	turn->ended = rs_ticks();
}

/* All that Xen sets of a vCPU, as it was asked for, and found sound. */
static void write_registers(struct rs_turn *turn)
{
	memcpy(turn->slot + RS_ANSWER_HEAD_SIZE, turn->answer.message + RS_ANSWER_HEAD_SIZE,
	       sizeof(struct rs_registers));
	rs_visit_write_flags(turn, RS_FLAG_VCPU_PAUSED | RS_FLAG_SET_REGISTERS);
	turn->answer.data = RS_ANSWER_EMPTY;
}

/* A reply that asks for more. */
static void write_other(const struct rs_worker *worker, struct rs_turn *turn, uint32_t index,
			const struct rs_reply *reply)
{
	complete(worker, turn, index);
	rs_turn_answer(worker->engine, turn, *reply);
	memcpy(turn->slot, turn->answer.message,
	       rs_answer_size(&turn->answer, worker->engine->layout));
	turn->answer.data = RS_ANSWER_EMPTY;
}

void rs_visit_note(struct rs_worker *worker, uint32_t index)
{
	struct rs_engine *engine = worker->engine;

	rs_ring_note(&engine->ring, index);
	engine->serials = worker->straight.serial;
}

int rs_visit_fail(struct rs_worker *worker, uint32_t index, int error)
{
	struct rs_engine *engine = worker->engine;

	rs_visit_note(worker, index);
	rs_fail(error, "domain %u: Xen cannot be notified (%s)", engine->domain, strerror(-error));
	rs_engine_fail(engine, error);
	return error;
}

/* In the middle of a visit, or instead of its end: what is answered, to Xen. */
static int put_early(struct rs_worker *worker, uint32_t index)
{
	struct rs_straight *straight = &worker->straight;
	struct rs_engine *engine = worker->engine;
	uint32_t count = index - (straight->is_split ? straight->put : straight->begin);
	int error;

	rs_visit_note(worker, index);
	if (!count)
		return 0;
	split(straight);
	end_stage(worker, index, rs_ticks());
	rs_ring_show(&engine->ring, index);
	error = rs_doorbell_notify(&engine->doorbell);
	if (error)
		return rs_visit_fail(worker, index, error);
	straight->put = index;
	straight->began = rs_ticks();
	rs_counters_batch(&worker->counters, straight->began - straight->seen, count);
	return 0;
}

void rs_visit_end_split(struct rs_worker *worker, uint32_t end, uint64_t ended, uint64_t now)
{
	struct rs_straight *straight = &worker->straight;

	end_stage(worker, end, ended);
	rs_counters_batch(&worker->counters, now - straight->seen, end - straight->put);
	straight->is_split = false;
}

/* Before it is kept, when anybody may answer it: all that the general path wants to find. */
static int keep(struct rs_worker *worker, struct rs_turn *turn, uint32_t index,
		const struct rs_reply *reply)
{
	struct rs_engine *engine = worker->engine;
	int error = put_early(worker, index);

	rs_store_release(&engine->ring.req_cons, index + 1); /* T2 */
	complete(worker, turn, index);
	rs_answer_resume(&turn->answer, &turn->event);
	rs_visit_end_running(worker);
	rs_count(&worker->counters, &worker->counters.requests, 1);
	rs_and_acq_rel(&engine->unused, ~(1ULL << turn->number));
	rs_lane_push(turn->lane, turn->number);
	if (rs_turn_end(worker, turn, *reply))
		worker->finished |= 1ULL << turn->number;
	return error ? error : RS_KEPT;
}

/* -- the handler's reply -- */

/* Xen's emulation may come to nothing, and that be reported next. */
static bool write_emulation(struct rs_engine *engine, const struct rs_known *known,
			    struct rs_turn *turn)
{
	struct rs_lane *lane = &engine->lanes[turn->event.vcpu];
	bool is_asked = known->usual[0] != RS_ACTION_CONTINUE;

	if (!rs_past_is_plain(engine, &turn->event, is_asked))
		return false;
	lane->emulated = lane->events;
	lane->gfn = turn->event.page.gfn;
	rs_visit_write_flags(turn, RS_KNOWN_EMULATE);
	return true;
}

bool rs_visit_write_usual(struct rs_worker *worker, const struct rs_known *known,
			  struct rs_turn *turn)
{
	struct rs_engine *engine = worker->engine;

	if (known->flags == RS_KNOWN_EMULATE)
		return write_emulation(engine, known, turn);
	if (known->kind == RS_PAGE && !rs_past_is_single(engine, &turn->event))
		return false;
	return rs_visit_write_step(engine, turn);
}

int rs_visit_answer(struct rs_worker *worker, struct rs_turn *turn, uint64_t number,
		    struct rs_reply reply)
{
	struct rs_known *known = worker->straight.last;
	bool empty = turn->answer.data == RS_ANSWER_EMPTY;

	if (reply.action == RS_ACTION_LATER)
		return keep(worker, turn, (uint32_t)number, &reply);
	if (empty && !rs_known_is_usual(known, &reply)) {
		rs_known_expect(known, worker->engine, &turn->event, &reply);
		if (rs_known_is_usual(known, &reply) && rs_visit_write_usual(worker, known, turn))
			return RS_ANSWERED;
	}
	if (rs_known_is_skipped(turn, &reply))
		write_registers(turn);
	else
		write_other(worker, turn, (uint32_t)number, &reply);
	return RS_ANSWERED;
}

/* -- the rest of a visit -- */

struct rs_known *rs_visit_look_twice(struct rs_worker *worker, uint32_t index)
{
	struct rs_known *known = worker->straight.last;

	/* It may have become slow on the general path: it is learned here too, when it is quick again. */
	known->quick_ticks = 0;
	if (rs_load_relaxed(&known->rule->pace.held) && put_early(worker, index))
		return NULL;
	return rs_load_relaxed(&known->rule->pace.gone) ? &worker->straight.none : known;
}

int rs_visit_end_otherwise(struct rs_worker *worker, uint32_t index, int result)
{
	int handled = (int)(index - worker->straight.begin);

	if (result >= 0 && result != RS_KEPT)
		result = put_early(worker, index);
	worker->straight.is_split = false;
	/* Another thread may put its answer by now: nothing here is ours alone any more. */
	if (result == RS_KEPT)
		return rs_worker_visit_lanes(worker, handled + 1);
	rs_visit_end_running(worker);
	return result < 0 ? result : rs_worker_visit_lanes(worker, handled);
}

struct rs_known *rs_visit_prepare(struct rs_worker *worker, struct rs_turn *turn, uint32_t index)
{
	struct rs_known *known = look_again(worker, index, (const void *)turn->record->message);

	if (known && rs_load_relaxed(&known->rule->pace.held) && put_early(worker, index))
		known = NULL;
	if (!known)
		rs_store_relaxed(&turn->record->request, 0);
	return known;
}
