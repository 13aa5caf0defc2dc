/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * turn.c: from the request to its answer.
 *
 * Every request that is taken leads to exactly one response, whatever it is.
 */
#include "engine/turn.h"

#include <stddef.h>

#include "engine/advance.h"
#include "engine/dispatch.h"
#include "engine/others.h"
#include "engine/past.h"
#include "engine/private.h"
#include "engine/settle.h"
#include "engine/trap.h"
#include "ring/atomics.h"
#include "xen/error.h"
#include "xen/memory.h"
#include "xen/vcpu.h"

struct rs_turn *rs_turn_of(const struct rs_event *event)
{
	if (!event->answer)
		return NULL;
	return (struct rs_turn *)((char *)event->answer - offsetof(struct rs_turn, answer));
}

static struct rs_answer_rules rules_of(struct rs_engine *engine, const struct rs_lane *lane,
				       const struct rs_event *event)
{
	struct rs_answer_rules rules = {
		.holds_writes = rs_load_relaxed(&engine->holds_writes),
		.can_step = engine->can_step,
		/* Who has just stepped was stepping, whoever had asked for it. */
		.stepping = lane->stepping || event->kind == RS_SINGLESTEP,
	};

	if (event->flags & RS_FLAG_ALTERNATE_P2M)
		rules.views = 1U | rs_load_relaxed(&engine->views.mask) |
			      (event->view < 32 ? 1U << event->view : 0);
	if (engine->draining)
		rules.stepping = false;
	return rules;
}

/* Asked of Xen when a handler first wants it. */
static __attribute__((cold)) bool can_reset_fork(struct rs_engine *engine)
{
	uint32_t known = rs_load_relaxed(&engine->fork_resets);

	if (!known) {
		known = 1 + rs_xen_memory_can_reset_forks(engine->xen);
		rs_store_relaxed(&engine->fork_resets, known);
	}
	return known == 2;
}

static void refuse(struct rs_engine *engine, const struct rs_event *event, const char *reason)
{
	rs_add_relaxed(&engine->refused, 1);
	rs_log(&engine->log, RS_LOG_ERROR, "domain %u, vCPU %u: reply to a %s event refused: %s",
	       engine->domain, event->vcpu, rs_reason_name(event->reason), reason);
}

/* From a settled reply to the response; false if Xen would not honour it. */
static bool build(struct rs_engine *engine, struct rs_turn *turn, const struct rs_reply *reply)
{
	struct rs_answer_rules rules = rules_of(engine, turn->lane, &turn->event);
	const char *refusal;
	bool stepping;

	if (reply->flags & (RS_REPLY_RESET_FORK_STATE | RS_REPLY_RESET_FORK_MEMORY))
		rules.can_reset_fork = can_reset_fork(engine);
	refusal = rs_answer_build(&turn->answer, &turn->event, reply, &rules, &stepping);
	if (refusal) {
		refuse(engine, &turn->event, refusal);
		return false;
	}
	turn->lane->stepping = stepping;
	return true;
}

/* The safe default in place of a reply that was refused. */
static void build_default(struct rs_engine *engine, struct rs_turn *turn)
{
	struct rs_reply reply = RS_CONTINUE;

	turn->answer.data = RS_ANSWER_EMPTY;
	rs_settle(engine, turn->lane, &turn->event, &reply);
	if (!build(engine, turn, &reply))
		rs_answer_resume(&turn->answer, &turn->event);
}

/* What a vCPU that the engine steps past something wants before anything else. */
static void merge_step(struct rs_reply *reply, const struct rs_reply *own)
{
	if (own->flags & RS_REPLY_SWITCH_VIEW && !(reply->flags & RS_REPLY_SWITCH_VIEW))
		*reply = rs_reply_with_view(*reply, own->view);
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
	if (turn->event.kind != RS_PAGE || !(rs_answer_flags(&turn->answer) & RS_FLAG_EMULATE))
		return;
	lane->emulated = lane->events;
	lane->gfn = turn->event.page.gfn;
}

static void respond(struct rs_engine *engine, struct rs_turn *turn, const struct rs_reply *reply)
{
	if (!build(engine, turn, reply))
		build_default(engine, turn);
	inject(engine, turn);
	remember(turn->lane, turn);
}

/* An emulation that must not be, or would not do what was asked for: the default instead. */
static void check_emulation(struct rs_engine *engine, struct rs_turn *turn, struct rs_reply *reply)
{
	const char *refusal = rs_past_refusal(engine, &turn->event, reply);

	if (!refusal)
		return;
	refuse(engine, &turn->event, refusal);
	turn->answer.data = RS_ANSWER_EMPTY;
	*reply = RS_CONTINUE;
}

void rs_turn_answer(struct rs_engine *engine, struct rs_turn *turn, struct rs_reply reply)
{
	const struct rs_event *event = &turn->event;

	/* Its answer has gone, and asks for nothing: nor may it now. */
	if (turn->early) {
		if (reply.action != RS_ACTION_CONTINUE || reply.flags)
			refuse(engine, event,
			       "the guest did not wait for it: the event is asynchronous");
		return;
	}
	if (event->synchronous &&
	    (event->kind == RS_SINGLESTEP || reply.action == RS_ACTION_STEP))
		turn->lane->user_stepping = reply.action == RS_ACTION_STEP;
	if (reply.flags & RS_REPLY_SET_REGISTERS)
		rs_advance(engine, event);
	if (reply.action == RS_ACTION_EMULATE)
		check_emulation(engine, turn, &reply);
	if (event->kind == RS_PAGE || event->kind == RS_BREAKPOINT)
		rs_others_report(engine, turn->lane, event, &reply);
	rs_settle(engine, turn->lane, event, &reply);
	if (turn->stepped)
		merge_step(&reply, &turn->own);
	respond(engine, turn, &reply);
}

void rs_turn_drain(struct rs_engine *engine, struct rs_turn *turn)
{
	struct rs_reply reply;

	if (turn->early)
		return;
	turn->answer.data = RS_ANSWER_EMPTY;
	rs_settle_drain(engine, &turn->event, &reply);
	respond(engine, turn, &reply);
}

/* Xen has seen to these, and RS_CONTINUE is the answer that rs_answer_init made. */
#define ANSWERED_KINDS (1U << RS_CR | 1U << RS_MSR | 1U << RS_GUEST_REQUEST | 1U << RS_VMEXIT)

static inline bool is_answered(const struct rs_turn *turn, const struct rs_reply *reply)
{
	return (reply->action == RS_ACTION_CONTINUE || reply->action == RS_ACTION_RESUME) &&
	       !reply->flags && ANSWERED_KINDS >> turn->event.kind & 1 && !turn->lane->stepping &&
	       turn->answer.data == RS_ANSWER_EMPTY && !turn->early;
}

bool rs_turn_end(struct rs_worker *worker, struct rs_turn *turn, struct rs_reply reply)
{
	if (reply.action == RS_ACTION_LATER) {
		if (!rs_turn_keep(turn, &reply))
			return false;
		worker->pulled = false;
	}
	if (!is_answered(turn, &reply))
		rs_turn_answer(worker->engine, turn, reply);
	/* Whoever answers it from now on comes too late. */
	rs_store_relaxed(&turn->state, 0);
	return true;
}

/* Behind what is the engine's own affair its watches' handlers. */
static inline bool run(struct rs_worker *worker, struct rs_turn *turn, bool has_deadline)
{
	struct rs_engine *engine = worker->engine;

	if (turn->stepped && rs_settle_step(engine, turn->lane, &turn->event, &turn->own)) {
		respond(engine, turn, &turn->own);
		return true;
	}
	if (turn->lane->repeat && rs_trap_goes_on(turn->lane, &turn->event))
		return rs_turn_end(worker, turn, RS_CONTINUE);
	return has_deadline ? rs_deadline_run(worker, turn)
			    : rs_turn_end(worker, turn, rs_dispatch(worker, turn));
}

static __attribute__((noinline)) bool run_guarded(struct rs_worker *worker, struct rs_turn *turn)
{
	if (!worker->engine->draining)
		return run(worker, turn, true);
	rs_turn_drain(worker->engine, turn);
	return true;
}

bool rs_turn_run(struct rs_worker *worker, struct rs_turn *turn)
{
	struct rs_engine *engine = worker->engine;
	struct rs_lane *lane = turn->lane;

	/* No such vCPU: the response frees the slot, and that is all it can do. */
	if (!lane)
		return true;
	rs_add_own(&lane->events, 1);
	turn->stepped = turn->event.kind == RS_SINGLESTEP && lane->detour != RS_DETOUR_NONE;
	return engine->guarded ? run_guarded(worker, turn) : run(worker, turn, false);
}
