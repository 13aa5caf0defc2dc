/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rule.h: what a watch asks for at present: the part of it that is looked up and run by.
 *
 * A rule is written whole before it is published, and never changed but for its pace and its
 * rate. A watch that is changed gets another rule, with the same place in the order. Both are
 * in the table for a moment, and an event sees one of them.
 *
 * Its end: unpublished, then a grace period, after which nobody can look it up any more; then
 * it is freed when no worker has it in `running`.
 */
#ifndef RS_ENGINE_RULE_H
#define RS_ENGINE_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ringside/watch.h>

#include "engine/worker.h"

struct rs_engine;

struct rs_rule {
	struct rs_watch_options options;
	uint64_t order;
	uint64_t first, last; /* of the kind's key (table.h) */
	struct rs_pace pace;
	bool everywhere;  /* of all placed breakpoints, and places none: coverage.h */
	bool filtered;    /* by vCPU, CR3 or rate: looked at only then */
	/* Calls in the present second, which began at `second` (ticks of the clock, ns). */
	uint64_t second;
	uint32_t calls;
	uint64_t throttled;   /* events that were kept from its handler */
	/* Under the control lock. */
	bool published;
	bool armed;             /* its breakpoint is placed */
	struct rs_watch *watch; /* while it is published */
	struct rs_rule *next;   /* of the buried */
};

/* From what a user has asked for; `size` as in rs_watch_sized. -EINVAL, -EOPNOTSUPP, -ENOMEM. */
int rs_rule_make(struct rs_engine *engine, const struct rs_watch_options *options, size_t size,
		 struct rs_rule **rule);

/* A breakpoint that the engine is to place. */
static inline bool rs_rule_is_placed(const struct rs_rule *rule)
{
	return rule->options.kind == RS_BREAKPOINT && rule->options.breakpoint.place;
}

/*
 * Under the control lock, before it is published: settles in which view its pages are, or at which
 * physical address its breakpoint is to be placed; makes the engine's own view if that is to be
 * and is not there yet.
 */
int rs_rule_place(struct rs_engine *engine, struct rs_rule *rule);

/* Under the control lock: may be looked up from now on, or by nobody who looks from now on. */
int rs_rule_publish(struct rs_engine *engine, struct rs_rule *rule);
void rs_rule_unpublish(struct rs_engine *engine, struct rs_rule *rule);

/* Under the control lock: nobody can look up any more what was unpublished before. */
void rs_rules_settle(struct rs_engine *engine);

/*
 * Frees a rule that nobody can look up any more, when no handler runs by it: waits for that.
 * Inside a handler: whoever ends the last one frees it. Without the control lock.
 */
void rs_rule_free(struct rs_engine *engine, struct rs_rule *rule);

/* The same of one that no worker is left to run. */
void rs_rule_free_now(struct rs_rule *rule);

/* After a handler, when something is buried: frees what no worker runs any more. */
void rs_rules_bury(struct rs_engine *engine);

#endif
