/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * round.c: one visit to the ring: see, copy, look up, handle, put, notify; then count.
 *
 * Every request that is taken leads to exactly one response, whatever it is. All responses
 * of a round, eight at most, are published by one push and one notify. Whatever can wait
 * comes after the notify, when the guest runs already: a hundred instructions before it
 * cost more than they take, because Xen puts the vCPU to sleep meanwhile.
 */
#include <inttypes.h>
#include <string.h>

#include "engine/decode.h"
#include "engine/dispatch.h"
#include "engine/private.h"
#include "engine/settle.h"
#include "ring/atomics.h"
#include "xen/error.h"
#include "xen/vcpu.h"

/* What the ring has seen wrong, for the log. A request may have come with it. */
static void report_fault(struct rs_engine *engine, const struct rs_ring_fault *fault)
{
	rs_count(&engine->counters.faults, 1);
	rs_count(&engine->counters.lost, fault->lost);
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
	struct rs_message_head *head = (struct rs_message_head *)turn->message;

	if (fault->kind == RS_RING_WRONG_VERSION) {
		memset(turn->message + sizeof(*head), 0, sizeof(turn->message) - sizeof(*head));
		head->reason = RS_UNKNOWN;
	}
	rs_event_read(&turn->event, turn->message, engine->layout);
	rs_answer_init(&turn->answer, &turn->event);
}

/* To whoever records what goes over the ring. */
static void show(const struct rs_engine *engine, enum rs_message_way way, const void *message)
{
	if (engine->on_message)
		engine->on_message(way, message, engine->layout, engine->on_message_user);
}

/* Takes up to eight requests. Returns how many. */
static uint32_t take(struct rs_engine *engine)
{
	uint32_t count = 0;

	while (count < RS_RING_SLOTS) {
		struct rs_turn *turn = &engine->turns[count];
		struct rs_ring_fault fault;
		int taken = rs_ring_take(&engine->ring, turn->message, &fault);

		if (fault.kind != RS_RING_SOUND)
			report_fault(engine, &fault);
		if (taken <= 0)
			break;
		show(engine, RS_MESSAGE_REQUEST, turn->message);
		read_event(engine, turn, &fault);
		count++;
	}
	return count;
}

static struct rs_answer_rules rules_of(struct rs_engine *engine, const struct rs_lane *lane,
				       const struct rs_event *event)
{
	uint16_t view = rs_load_relaxed(&engine->pages.view);
	struct rs_answer_rules rules = {
		.holds_writes = rs_load_relaxed(&engine->holds_writes),
		.can_step = engine->can_step,
		/* Who has just stepped was stepping, whoever had asked for it. */
		.stepping = lane->stepping || event->kind == RS_SINGLESTEP,
	};

	if (event->flags & RS_FLAG_ALTERNATE_P2M)
		rules.views = 1U | 1U << view | (event->view < 32 ? 1U << event->view : 0);
	if (engine->draining)
		rules.stepping = false;
	return rules;
}

static void refuse(struct rs_engine *engine, const struct rs_event *event, const char *reason)
{
	rs_count(&engine->counters.refused, 1);
	rs_log(&engine->log, RS_LOG_ERROR, "domain %u, vCPU %u: reply to a %s event refused: %s",
	       engine->domain, event->vcpu, rs_reason_name(event->reason), reason);
}

/* From a settled reply to the response; false if Xen would not honour it. */
static bool build(struct rs_engine *engine, struct rs_lane *lane, struct rs_turn *turn,
		  const struct rs_reply *reply)
{
	struct rs_answer_rules rules = rules_of(engine, lane, &turn->event);
	bool stepping;
	const char *refusal =
		rs_answer_build(&turn->answer, &turn->event, reply, &rules, &stepping);

	if (refusal) {
		refuse(engine, &turn->event, refusal);
		return false;
	}
	lane->stepping = stepping;
	return true;
}

/* The safe default in place of a reply that was refused. */
static void build_default(struct rs_engine *engine, struct rs_lane *lane, struct rs_turn *turn)
{
	struct rs_reply reply = RS_CONTINUE;

	turn->answer.data = RS_ANSWER_EMPTY;
	rs_settle(engine, lane, &turn->event, &reply);
	if (!build(engine, lane, turn, &reply))
		rs_answer_resume(&turn->answer, &turn->event);
}

/* What a vCPU that the engine steps past something wants before anything else. */
static void merge_step(struct rs_reply *reply, const struct rs_reply *own)
{
	if (own->flags & RS_REPLY_SWITCH_VIEW && !(reply->flags & RS_REPLY_SWITCH_VIEW))
		*reply = rs_reply_with_view(*reply, own->view);
}

static struct rs_reply ask(struct rs_engine *engine, struct rs_lane *lane, struct rs_turn *turn)
{
	bool step = turn->event.kind == RS_SINGLESTEP && lane->detour != RS_DETOUR_NONE;
	struct rs_reply own, reply;

	if (step && rs_settle_step(engine, lane, &turn->event, &own))
		return own;
	reply = rs_dispatch(engine, &turn->event);
	if (turn->event.synchronous && (turn->event.kind == RS_SINGLESTEP ||
					reply.action == RS_ACTION_STEP))
		lane->user_stepping = reply.action == RS_ACTION_STEP;
	rs_settle(engine, lane, &turn->event, &reply);
	if (step)
		merge_step(&reply, &own);
	return reply;
}

/* An exception for the vCPU, queued before it resumes. */
static void inject(struct rs_engine *engine, const struct rs_turn *turn)
{
	const struct rs_injection *injection = &turn->answer.injection;

	if (!injection->wanted)
		return;
	/*
	 * One that is queued already is taken first; then the instruction runs again, and what
	 * it raises is reported again. Only a debug exception does not come back.
	 */
	if (rs_xen_vcpu_inject(engine->xen, engine->domain, turn->event.vcpu, injection->vector,
			       injection->type, injection->error_code, injection->insn_length,
			       injection->extra))
		rs_log(&engine->log, RS_LOG_WARNING, "vCPU %u: vector %u was not injected: %s",
		       turn->event.vcpu, injection->vector, rs_error_text());
}

static void remember(struct rs_lane *lane, const struct rs_turn *turn)
{
	lane->emulating = turn->event.kind == RS_PAGE &&
			  rs_answer_flags(&turn->answer) & RS_FLAG_EMULATE;
	if (lane->emulating)
		lane->gfn = turn->event.page.gfn;
}

static void handle(struct rs_engine *engine, struct rs_turn *turn)
{
	struct rs_lane *lane = rs_engine_lane(engine, turn->event.vcpu);
	struct rs_reply reply;

	/* No such vCPU: the response frees the slot, and that is all it can do. */
	if (!lane)
		return;
	if (engine->draining)
		rs_settle_drain(engine, &turn->event, &reply);
	else
		reply = ask(engine, lane, turn);
	if (!build(engine, lane, turn, &reply))
		build_default(engine, lane, turn);
	inject(engine, turn);
	remember(lane, turn);
}

static int put(struct rs_engine *engine, uint32_t count)
{
	int error;

	for (uint32_t i = 0; i < count; i++) {
		error = rs_ring_put(&engine->ring, engine->turns[i].answer.message);
		if (error)
			return rs_fail(error, "domain %u: the ring has no slot for an answer that "
					      "is owed: it is corrupt", engine->domain);
		show(engine, RS_MESSAGE_RESPONSE, engine->turns[i].answer.message);
	}
	rs_ring_push(&engine->ring);
	error = rs_doorbell_notify(&engine->doorbell);
	if (error)
		return rs_fail(error, "domain %u: Xen cannot be notified (%s)", engine->domain,
			       strerror(-error));
	return 0;
}

static void count_round(struct rs_engine *engine, uint32_t count, uint64_t seen)
{
	struct rs_counters *counters = &engine->counters;

	rs_histogram_add(&counters->latency, rs_ticks() - seen, count);
	rs_count(&counters->requests, count);
	rs_count(&counters->answers, count);
	rs_count(&counters->notifies, 1);
	if (count > counters->batch_max)
		rs_store_relaxed(&counters->batch_max, count);
	for (uint32_t i = 0; i < count; i++) {
		const struct rs_event *event = &engine->turns[i].event;

		rs_count(&counters->events[event->kind], 1);
		rs_count(&counters->asynchronous, !event->synchronous);
	}
}

int rs_round(struct rs_engine *engine)
{
	uint64_t seen = rs_ticks();
	uint32_t count = take(engine);
	int error;

	if (!count)
		return 0;
	for (uint32_t i = 0; i < count; i++)
		handle(engine, &engine->turns[i]);
	error = put(engine, count);
	if (error)
		return error;
	count_round(engine, count, seen);
	return (int)count;
}
