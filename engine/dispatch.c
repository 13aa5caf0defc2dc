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

#include <inttypes.h>
#include <string.h>

#include "engine/private.h"
#include "engine/rcu.h"
#include "engine/trap.h"
#include "ring/atomics.h"
#include "xen/log.h"

#define CR3_ADDRESS 0x000ffffffffff000ULL

static bool is_let_through(const struct rs_rule *watch, const struct rs_event *event)
{
	static const uint64_t none[RS_VCPUS_MAX / 64];
	const struct rs_watch_options *options = &watch->options;

	if (memcmp(options->vcpus, none, sizeof(none)) &&
	    (event->vcpu >= RS_VCPUS_MAX ||
	     !(options->vcpus[event->vcpu / 64] & 1ULL << event->vcpu % 64)))
		return false;
	if (options->kind == RS_BREAKPOINT && options->breakpoint.place == RS_PLACE_LINEAR &&
	    options->breakpoint.address != rs_event_rip(event))
		return false;
	return !options->cr3 || !((options->cr3 ^ rs_event_cr3(event)) & CR3_ADDRESS);
}

/* Which key a breakpoint is looked up by. False: by none. */
static bool find_trap(const struct rs_engine *engine, const struct rs_event *event,
		      enum rs_kind *kind, uint64_t *key)
{
	if (!rs_trap_is_ours(engine, event))
		return !rs_trap_is_stale(engine, event);
	*kind = RS_TABLE_TRAPS;
	*key = rs_trap_address(event);
	return true;
}

/* The next watch after *order; it is `running` until finish_watch. */
static inline struct rs_rule *begin_watch(struct rs_worker *worker, const struct rs_event *event,
				    uint64_t *order, bool *more)
{
	const struct rs_table *table = worker->engine->table;
	uint32_t access = event->kind == RS_PAGE ? event->page.access : 0;
	uint64_t key = rs_table_key(event);
	enum rs_kind kind = event->kind;
	struct rs_rule *watch;

	*more = false;
	if (kind == RS_BREAKPOINT && !find_trap(worker->engine, event, &kind, &key))
		return NULL;
	rs_rcu_begin();
	do
		watch = rs_table_next(table, kind, key, access, order, more);
	while (watch && watch->filtered && !is_let_through(watch, event));
	if (!watch && event->kind == RS_PAGE)
		watch = rs_table_next(table, RS_TABLE_VIEWS, event->view, 0, order, more);
	/* R1: seen by U1 of whoever has waited for us to be done with the table. */
	rs_store_release(&worker->running, watch);
	rs_rcu_done();
	return watch;
}

static inline void finish_watch(struct rs_worker *worker)
{
	struct rs_engine *engine = worker->engine;

	/*
	 * R2: releases what the handler did to U1, which frees the watch or its user's data.
	 * R3: after R2, against U2: who removes it from inside a handler, then looks at us; with
	 * one worker that handler was ours.
	 */
	if (engine->worker_count == 1)
		rs_store_release(&worker->running, (struct rs_rule *)NULL);
	else
		rs_store_seq_cst(&worker->running, (struct rs_rule *)NULL);
	if (rs_load_seq_cst(&engine->leaving))
		rs_rules_bury(engine);
}

static inline bool is_continue(const struct rs_reply *reply)
{
	return reply->action == RS_ACTION_CONTINUE && !reply->flags;
}

static __attribute__((cold)) void tell_conflict(struct rs_engine *engine,
						const struct rs_event *event)
{
	uint64_t before = rs_add_relaxed(&engine->conflicts, 1);

	if (rs_engine_may_tell(&engine->conflicts_told_ns))
		rs_log(&engine->log, RS_LOG_WARNING,
		       "domain %u, vCPU %u: two watches replied differently to one event; the "
		       "older watch's reply counts (%" PRIu64 " times by now)",
		       engine->domain, event->vcpu, before + 1);
}

static void choose(struct rs_engine *engine, const struct rs_event *event, struct rs_reply *chosen,
		   const struct rs_reply *reply)
{
	if (is_continue(chosen))
		*chosen = *reply;
	else if (memcmp(chosen, reply, sizeof(*reply)))
		tell_conflict(engine, event);
}

/* One handler, timed. */
static inline struct rs_reply call(struct rs_worker *worker, struct rs_turn *turn,
			    struct rs_rule *watch, rs_handler handler)
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

/* One call more in this second: not too many? Two that reset it at once may let a few more pass. */
static bool is_in_time(struct rs_worker *worker, struct rs_rule *watch)
{
	uint32_t most = watch->options.calls_per_second_max, calls;
	uint64_t now;

	if (!most)
		return true;
	now = rs_now_ns();
	if (now - rs_load_relaxed(&watch->second) >= 1000000000) {
		rs_store_relaxed(&watch->second, now);
		rs_store_relaxed(&watch->calls, 0);
	}
	calls = rs_add_relaxed(&watch->calls, 1);
	if (calls < most)
		return true;
	rs_count(&worker->counters, &worker->counters.throttled, 1);
	rs_add_relaxed(&watch->throttled, 1);
	if (calls == most)
		rs_watch_over_limit(worker->engine, watch);
	return false;
}

/* In a thread that pulls, a watch without a handler gives its event to that thread. */
static inline struct rs_reply ask(struct rs_worker *worker, struct rs_turn *turn,
				  struct rs_rule *watch, bool pulling)
{
	if (watch->filtered && !is_in_time(worker, watch))
		return RS_CONTINUE;
	if (watch->options.handler)
		return call(worker, turn, watch, watch->options.handler);
	if (!pulling)
		return RS_CONTINUE;
	/* Copied while it is ours: who has seen it before may answer it any time. */
	worker->pulled = true;
	worker->pulled_event = turn->event;
	return RS_LATER;
}

static struct rs_reply dispatch_rest(struct rs_worker *worker, struct rs_turn *turn,
				     struct rs_rule *watch, uint64_t order, bool more)
{
	struct rs_reply chosen = RS_CONTINUE;

	while (watch) {
		bool pulling = worker->pulling && is_continue(&chosen);
		struct rs_reply reply = ask(worker, turn, watch, pulling);

		finish_watch(worker);
		if (!is_continue(&reply))
			choose(worker->engine, &turn->event, &chosen, &reply);
		/* Not ours any more, perhaps: who keeps it answers for all. */
		if (chosen.action == RS_ACTION_LATER)
			return chosen;
		watch = more ? begin_watch(worker, &turn->event, &order, &more) : NULL;
	}
	return chosen;
}

struct rs_reply rs_dispatch(struct rs_worker *worker, struct rs_turn *turn)
{
	uint64_t order = 0;
	bool more;
	struct rs_rule *watch = begin_watch(worker, &turn->event, &order, &more);
	struct rs_reply reply;

	if (!watch)
		rs_count(&worker->counters, &worker->counters.unwatched, 1);
	if (!watch || more || watch->filtered || !watch->options.handler)
		return dispatch_rest(worker, turn, watch, order, more);
	/* One watch, as a rule. */
	reply = call(worker, turn, watch, watch->options.handler);
	finish_watch(worker);
	return reply;
}

/* -- pages that Xen does not report -- */

/* As begin_watch, beside the watch whose handler has perhaps not returned. */
static struct rs_rule *begin_other(struct rs_worker *worker, const struct rs_event *event,
				   uint64_t *order, bool *more)
{
	const struct rs_table *table = worker->engine->table;
	struct rs_rule *watch;

	rs_rcu_begin();
	do
		watch = rs_table_next(table, RS_PAGE, rs_table_key(event), event->page.access, order,
				      more);
	while (watch && watch->filtered && !is_let_through(watch, event));
	if (!watch && !*order)
		watch = rs_table_next(table, RS_TABLE_VIEWS, event->view, 0, order, more);
	rs_store_release(&worker->inner, watch); /* R1 */
	rs_rcu_done();
	return watch;
}

static void finish_other(struct rs_worker *worker)
{
	rs_store_seq_cst(&worker->inner, (struct rs_rule *)NULL); /* R2, R3 */
	if (rs_load_seq_cst(&worker->engine->leaving))
		rs_rules_bury(worker->engine);
}

static struct rs_reply ask_other(struct rs_worker *worker, struct rs_rule *watch,
				 const struct rs_event *event)
{
	struct rs_reply reply;

	if (!watch->options.handler || (watch->filtered && !is_in_time(worker, watch)))
		return RS_CONTINUE;
	reply = watch->options.handler(event, watch->options.user);
	if (reply.action != RS_ACTION_LATER)
		return reply;
	rs_log(&worker->engine->log, RS_LOG_WARNING,
	       "domain %u, vCPU %u: page %#" PRIx64 " is the second of one instruction, and such an "
	       "event cannot be kept", worker->engine->domain, event->vcpu, event->page.gfn);
	return RS_CONTINUE;
}

void rs_dispatch_other(struct rs_engine *engine, const struct rs_event *event,
		       struct rs_reply *reply)
{
	struct rs_worker *worker = rs_worker_here;
	struct rs_rule *watch;
	uint64_t order = 0;
	bool more = true;

	if (!worker || worker->engine != engine || rs_lane_is_late(&engine->lanes[event->vcpu]))
		return;
	while (more && (watch = begin_other(worker, event, &order, &more))) {
		struct rs_answer kept = *event->answer;
		struct rs_reply own = ask_other(worker, watch, event);
		bool counts = is_continue(reply) && !is_continue(&own);

		finish_other(worker);
		if (!is_continue(&own))
			choose(engine, event, reply, &own);
		/* What it has written into the answer goes with its reply. */
		if (!counts)
			*event->answer = kept;
	}
}
