/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dispatch.c: looks watches up under RCU, and calls their handlers outside of it.
 *
 * The read section covers the look-up and the store of `running`, and no more: a handler
 * may sleep, and must not hold up the removal of another's watch. Who removes a watch
 * unpublishes it, waits for a grace period, after which nobody can look it up any more, and
 * then until it is not the one that runs.
 */
#include "engine/dispatch.h"

#include <stdlib.h>

#include "engine/private.h"
#include "engine/rcu.h"
#include "ring/atomics.h"
#include "xen/log.h"

/* The next watch after *order; it is `running` until finish_watch. */
static struct rs_watch *begin_watch(struct rs_engine *engine, const struct rs_event *event,
				    uint64_t *order, bool *more)
{
	uint32_t access = event->kind == RS_PAGE ? event->page.access : 0;
	struct rs_watch *watch;

	watch = rs_table_next(rs_rcu_read(&engine->table), event->kind, rs_table_key(event),
			      access, order, more);
	/* R1: seen by U1 of whoever has waited for us to be done with the table. */
	rs_store_release(&engine->running, watch);
	rs_rcu_done();
	return watch;
}

static void finish_watch(struct rs_engine *engine, struct rs_watch *watch)
{
	bool removed = watch->removed;

	/* R2: releases what the handler did to U1, which frees the watch or its user's data. */
	rs_store_release(&engine->running, (struct rs_watch *)NULL);
	if (removed)
		free(watch);
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

struct rs_reply rs_dispatch(struct rs_engine *engine, const struct rs_event *event)
{
	struct rs_reply chosen = RS_CONTINUE;
	struct rs_watch *watch;
	uint64_t order = 0;
	bool more = true;

	while (more && (watch = begin_watch(engine, event, &order, &more))) {
		rs_handler handler = rs_load_relaxed(&watch->options.handler);

		if (handler) {
			struct rs_reply reply = handler(event, watch->options.user);

			choose(engine, event, &chosen, &reply);
		}
		finish_watch(engine, watch);
	}
	if (!order)
		rs_count(&engine->counters.unwatched, 1);
	return chosen;
}
