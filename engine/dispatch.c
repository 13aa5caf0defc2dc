/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dispatch.c: looks watches up under RCU, and calls their handlers outside of it.
 *
 * The read section covers the look-up and the store of `running`, and no more: a handler
 * may sleep, and must not hold up the removal of another's watch. Who removes a watch
 * unpublishes it, waits for a grace period, after which nobody can look it up any more, and
 * then until no worker runs it.
 */
#include "engine/dispatch.h"

#include "engine/private.h"
#include "engine/rcu.h"
#include "ring/atomics.h"
#include "xen/log.h"

/* The next watch after *order; it is `running` until finish_watch. */
static struct rs_watch *begin_watch(struct rs_worker *worker, const struct rs_event *event,
				    uint64_t *order, bool *more)
{
	uint32_t access = event->kind == RS_PAGE ? event->page.access : 0;
	struct rs_watch *watch;

	watch = rs_table_next(rs_rcu_read(&worker->engine->table), event->kind,
			      rs_table_key(event), access, order, more);
	/* R1: seen by U1 of whoever has waited for us to be done with the table. */
	rs_store_release(&worker->running, watch);
	rs_rcu_done();
	return watch;
}

static void finish_watch(struct rs_worker *worker)
{
	/* R2: releases what the handler did to U1, which frees the watch or its user's data. */
	rs_store_seq_cst(&worker->running, (struct rs_watch *)NULL);
	/* R3: after R2, against U2: who removes it from inside a handler, then looks at us. */
	if (rs_load_seq_cst(&worker->engine->leaving))
		rs_watch_bury(worker->engine);
}

static bool is_continue(const struct rs_reply *reply)
{
	return reply->action == RS_ACTION_CONTINUE && !reply->flags;
}

static void choose(struct rs_engine *engine, const struct rs_event *event, struct rs_reply *chosen,
		   const struct rs_reply *reply)
{
	if (is_continue(reply))
		return;
	if (is_continue(chosen))
		*chosen = *reply;
	else
		rs_log(&engine->log, RS_LOG_WARNING,
		       "domain %u, vCPU %u: two watches replied differently to one event; the "
		       "older watch's reply counts",
		       engine->domain, event->vcpu);
}

/* One handler, timed. */
static struct rs_reply call(struct rs_worker *worker, struct rs_turn *turn,
			    struct rs_watch *watch, rs_handler handler)
{
	struct rs_reply reply;
	uint64_t began;

	rs_worker_prepare(worker, &watch->pace);
	began = worker->stamp;
	if (turn->ended == turn->seen)
		turn->began = began;
	reply = handler(&turn->event, watch->options.user);
	worker->stamp = turn->ended = rs_ticks();
	rs_pace_learn(&watch->pace, worker->stamp - began, worker->engine);
	return reply;
}

/* In a thread that pulls, a watch without a handler gives its event to that thread. */
static struct rs_reply ask(struct rs_worker *worker, struct rs_turn *turn, struct rs_watch *watch,
			   bool pulling)
{
	rs_handler handler = rs_load_relaxed(&watch->options.handler);

	if (handler)
		return call(worker, turn, watch, handler);
	if (!pulling)
		return RS_CONTINUE;
	/* Copied while it is ours: who has seen it before may answer it any time. */
	worker->pulled = true;
	worker->pulled_event = turn->event;
	return RS_LATER;
}

struct rs_reply rs_dispatch(struct rs_worker *worker, struct rs_turn *turn)
{
	struct rs_reply chosen = RS_CONTINUE;
	struct rs_watch *watch;
	uint64_t order = 0;
	bool more = true;

	while (more && (watch = begin_watch(worker, &turn->event, &order, &more))) {
		bool pulling = worker->pulling && is_continue(&chosen);
		struct rs_reply reply = ask(worker, turn, watch, pulling);

		finish_watch(worker);
		choose(worker->engine, &turn->event, &chosen, &reply);
		/* Not ours any more, perhaps: who keeps it answers for all. */
		if (chosen.action == RS_ACTION_LATER)
			return chosen;
	}
	if (!order)
		rs_count(&worker->counters, &worker->counters.unwatched, 1);
	return chosen;
}
