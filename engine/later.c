/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * later.c: events that are kept, and answered from anywhere, once.
 *
 * Two things must have happened before a kept event's turn goes on: its handler has returned
 * RS_LATER, and somebody has replied. Each says so in turn->state, and whoever is second goes
 * on with it. A reply carries the event's serial number, so one that comes too late finds
 * another number there and is refused.
 *
 *   E1  who replies releases the reply to E2
 *   E2  who keeps acquires it, if it is there already; and releases the turn to E3
 *   E3  who replies acquires the turn that was kept
 */
#include <errno.h>

#include "engine/full.h"
#include "engine/private.h"
#include "engine/settle.h"
#include "ring/atomics.h"
#include "xen/error.h"

bool rs_turn_keep(struct rs_turn *turn, struct rs_reply *reply)
{
	struct rs_engine *engine = turn->engine; /* the turn may be somebody else's soon */

	if (engine->guarded)
		rs_deadline_note(turn);
	/* E2 */
	if (!(rs_or_acq_rel(&turn->state, RS_TURN_KEPT) & RS_TURN_REPLIED)) {
		rs_full_look(engine);
		return false;
	}
	*reply = turn->reply;
	return true;
}

/* For the one who may answer. False: somebody else did, or it is another event's turn by now. */
static bool claim(struct rs_turn *turn, uint64_t serial)
{
	uint64_t state = rs_load_acquire(&turn->state);

	do {
		if ((state & RS_TURN_SERIAL) != serial || state & RS_TURN_CLAIMED)
			return false;
	} while (!rs_compare_exchange_acq_rel(&turn->state, &state, state | RS_TURN_CLAIMED));
	return true;
}

/* Our reply is there. 1: and it was kept, so it is ours; 0: its handler still runs. */
static int publish(struct rs_turn *turn, uint64_t serial)
{
	uint64_t state = rs_load_relaxed(&turn->state);

	do {
		/* Its handler has returned another reply. */
		if ((state & RS_TURN_SERIAL) != serial)
			return -EALREADY;
	} while (!rs_compare_exchange_acq_rel(&turn->state, &state,
					      state | RS_TURN_REPLIED)); /* E1, E3 */
	return state & RS_TURN_KEPT ? 1 : 0;
}

static int refuse(struct rs_turn *turn, const struct rs_event *event)
{
	if (rs_deadline_refuse(turn, event->serial) == -ETIMEDOUT)
		return rs_fail(ETIMEDOUT, "the event of vCPU %u has missed its deadline, and the "
					  "engine has answered it", event->vcpu);
	return rs_fail(EALREADY, "the event of vCPU %u was answered already", event->vcpu);
}

static int end(struct rs_turn *turn)
{
	/* Nobody else can answer it: it is claimed. */
	rs_turn_answer(turn->engine, turn, turn->reply);
	rs_store_relaxed(&turn->state, 0);
	return rs_worker_finish(turn->engine, turn);
}

int rs_event_reply(const struct rs_event *event, struct rs_reply reply)
{
	struct rs_turn *turn = rs_turn_of(event);
	int result;

	if (!turn)
		return rs_fail(EINVAL, "rs_event_reply: this is no event of an engine's");
	if (reply.action == RS_ACTION_LATER)
		return rs_fail(EINVAL, "rs_event_reply: RS_LATER is no answer");
	if (!claim(turn, event->serial))
		return refuse(turn, event);
	turn->reply = reply;
	result = publish(turn, event->serial);
	if (result < 0)
		return refuse(turn, event);
	return result ? end(turn) : 0;
}

static bool reclaim(struct rs_worker *worker, struct rs_turn *turn)
{
	uint64_t state = rs_load_acquire(&turn->state);
	uint64_t serial = state & RS_TURN_SERIAL;

	if (!(state & RS_TURN_KEPT) || !claim(turn, serial))
		return false;
	turn->reply = RS_CONTINUE;
	rs_log(&worker->engine->log, RS_LOG_WARNING,
	       "domain %u, vCPU %u: an event that was kept is answered by detaching",
	       worker->engine->domain, turn->event.vcpu);
	if (publish(turn, serial) == 1) {
		if (!turn->early)
			rs_turn_drain(worker->engine, turn);
		rs_store_relaxed(&turn->state, 0);
		rs_worker_finish(worker->engine, turn);
	}
	return true;
}

uint32_t rs_turns_reclaim(struct rs_worker *worker)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < RS_TURNS; i++)
		count += reclaim(worker, &worker->engine->turns[i]);
	return count;
}
