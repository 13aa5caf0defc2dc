/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rule.c: from options to what the table shows, and its end. */
#include "engine/rule.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "engine/options.h"
#include "engine/private.h"
#include "engine/rcu.h"
#include "engine/trap.h"
#include "ring/atomics.h"
#include "xen/error.h"
#include "xen/sized.h"

static void set_key(struct rs_rule *rule)
{
	const struct rs_watch_options *options = &rule->options;

	if (options->kind == RS_CR)
		rule->first = rule->last = options->cr.which;
	else if (options->kind == RS_MSR)
		rule->first = rule->last = options->msr.index;
	else if (options->kind == RS_PAGE) {
		rule->first = options->page.first_gfn;
		rule->last = options->page.last_gfn ? options->page.last_gfn : rule->first;
	} else if (options->kind == RS_BREAKPOINT) {
		rule->first = options->breakpoint.address;
		rule->last = rule->first ? rule->first : UINT64_MAX;
	}
}

static bool is_filtered(const struct rs_watch_options *options)
{
	uint64_t vcpus = 0;

	for (unsigned int i = 0; i < RS_VCPUS_MAX / 64; i++)
		vcpus |= options->vcpus[i];
	return vcpus || options->cr3 || options->calls_per_second_max ||
	       (options->kind == RS_BREAKPOINT && options->breakpoint.place == RS_PLACE_LINEAR);
}

int rs_rule_make(struct rs_engine *engine, const struct rs_watch_options *options, size_t size,
		 struct rs_rule **out)
{
	struct rs_rule *rule = calloc(1, sizeof(*rule));
	int error;

	*out = rule;
	if (!rule)
		return rs_fail(ENOMEM, "no memory for a watch");
	error = rs_options_read(&rule->options, sizeof(rule->options), options, size);
	if (!error)
		error = rs_options_check_watch(&rule->options, engine->kinds);
	if (error) {
		free(rule);
		return error;
	}
	rs_pace_init(&rule->pace);
	set_key(rule);
	rule->filtered = is_filtered(&rule->options);
	return 0;
}

/* The keys of pages say in which view they are. */
int rs_rule_place(struct rs_engine *engine, struct rs_rule *rule)
{
	struct rs_view *view;
	uint16_t index;
	int error = 0;

	if (rs_rule_is_placed(rule))
		return rs_trap_locate(engine, rule);
	/* Whether an INT3 is still there is looked at, in settle.c: with a call of Xen's if need be. */
	if (rule->options.kind == RS_BREAKPOINT)
		rs_engine_guest(engine);
	if (rule->options.kind != RS_PAGE)
		return 0;
	view = rule->options.page.view;
	if (!view)
		error = rs_pages_begin(&engine->pages);
	/* Its instructions are looked at: past.h. */
	if (!error && !rs_engine_guest(engine))
		error = -EIO;
	index = view ? view->map->index : engine->pages.view;
	rule->first = rs_table_page_key(index, rule->first);
	rule->last = rs_table_page_key(index, rule->last);
	return error;
}

static struct rs_view *view_of(const struct rs_rule *rule)
{
	return rule->options.kind == RS_PAGE ? rule->options.page.view : NULL;
}

static struct rs_table_entry entry_of(struct rs_rule *rule)
{
	return (struct rs_table_entry){
		.kind = rs_rule_is_placed(rule) ? RS_TABLE_TRAPS : rule->options.kind,
		.first = rule->first,
		.last = rule->last,
		.order = rule->order,
		.access = rule->options.kind == RS_PAGE ? rule->options.page.access : 0,
		.rule = rule,
	};
}

int rs_rule_publish(struct rs_engine *engine, struct rs_rule *rule)
{
	struct rs_table_entry entry = entry_of(rule);
	int error = rs_table_add(engine->table, &entry);

	rs_straight_call(engine); /* A1 */
	rule->published = !error;
	if (!error && rule->options.way)
		rs_store_relaxed(&engine->ways, engine->ways + 1);
	if (!error && view_of(rule))
		view_of(rule)->watch_count++;
	return error;
}

void rs_rule_unpublish(struct rs_engine *engine, struct rs_rule *rule)
{
	struct rs_table_entry entry = entry_of(rule);

	rs_store_relaxed(&rule->pace.gone, 1);
	rs_table_remove(engine->table, &entry);
	rs_straight_call(engine); /* A1, before the barrier of Q2 */
	rule->published = false;
	if (rule->options.way)
		rs_store_relaxed(&engine->ways, engine->ways - 1);
	if (view_of(rule))
		view_of(rule)->watch_count--;
}

void rs_rules_settle(struct rs_engine *engine)
{
	rs_rcu_wait();
	rs_table_reap(engine->table);
}

/* -- the end -- */

/* Does some worker run its handler? */
static bool is_running(const struct rs_engine *engine, const struct rs_rule *rule)
{
	for (uint32_t i = 0; i < engine->worker_count; i++)
		/* U1: acquires R1 and R2: what the handler did is done before its rule is freed. */
		if (rs_load_seq_cst(&engine->workers[i].running) == rule ||
		    rs_load_seq_cst(&engine->workers[i].inner) == rule)
			return true;
	return false;
}

/* Polled, so that the event path has nothing to look at and nobody to wake. */
static void wait_for_handler(const struct rs_engine *engine, const struct rs_rule *rule)
{
	struct timespec pause = { .tv_nsec = 20000 };

	while (is_running(engine, rule)) {
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 1000000)
			pause.tv_nsec *= 2;
	}
}

void rs_rule_free_now(struct rs_rule *rule)
{
	rs_watch_gone gone = rule->options.gone;
	void *user = rule->options.user;

	free(rule);
	if (gone)
		gone(user);
}

/* One of the buried that nobody runs, taken out, or NULL. */
static struct rs_rule *exhume(struct rs_engine *engine)
{
	struct rs_rule *found = NULL;

	pthread_mutex_lock(&engine->burial);
	for (struct rs_rule **at = &engine->buried; *at; at = &(*at)->next) {
		if (is_running(engine, *at))
			continue;
		found = *at;
		*at = found->next;
		rs_store_relaxed(&engine->leaving, engine->leaving - 1);
		break;
	}
	pthread_mutex_unlock(&engine->burial);
	return found;
}

void rs_rules_bury(struct rs_engine *engine)
{
	struct rs_rule *rule;

	while ((rule = exhume(engine)))
		rs_rule_free_now(rule);
}

static void bury_later(struct rs_engine *engine, struct rs_rule *rule)
{
	pthread_mutex_lock(&engine->burial);
	rule->next = engine->buried;
	engine->buried = rule;
	/* U2: before we look who runs it, against R3. */
	rs_store_seq_cst(&engine->leaving, engine->leaving + 1);
	rs_straight_call(engine); /* A1 */
	pthread_mutex_unlock(&engine->burial);
	rs_rules_bury(engine);
}

void rs_rule_free(struct rs_engine *engine, struct rs_rule *rule)
{
	/* Two handlers that removed each other's watches would wait for ever. */
	if (rs_worker_here && (rs_worker_here->running || rs_worker_here->inner)) {
		bury_later(engine, rule);
		return;
	}
	wait_for_handler(engine, rule);
	rs_rule_free_now(rule);
}
