/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch.c: making, changing and removing watches, while events fly.
 *
 * Each is: the rules change in the table, Xen is told what they add up to, and what has gone is
 * freed when nobody can be using it any more. The table comes first where something is wanted
 * more, so that no event finds nobody.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <ringside/probe.h>
#include <ringside/view.h>

#include "engine/private.h"
#include "engine/wanted.h"
#include "ring/atomics.h"
#include "xen/error.h"
#include "xen/log.h"

static void link_watch(struct rs_watch *watch)
{
	watch->before = NULL;
	watch->next = watch->engine->watches;
	if (watch->next)
		watch->next->before = watch;
	watch->engine->watches = watch;
}

static void unlink_watch(struct rs_watch *watch)
{
	if (watch->before)
		watch->before->next = watch->next;
	else
		watch->engine->watches = watch->next;
	if (watch->next)
		watch->next->before = watch->before;
}

/* -- making -- */

static int make_watch(struct rs_engine *engine, const struct rs_watch_options *options,
		      size_t size, struct rs_watch **out)
{
	struct rs_watch *watch = calloc(1, sizeof(*watch));
	int error;

	*out = watch;
	if (!watch)
		return rs_fail(ENOMEM, "no memory for a watch");
	watch->engine = engine;
	error = rs_rule_make(engine, options, size, &watch->rule);
	if (error) {
		free(watch);
		return error;
	}
	watch->rule->watch = watch;
	return 0;
}

/* All or none of them. */
static int publish_all(struct rs_engine *engine, struct rs_rule *const *rules, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int error;

		rules[i]->order = ++engine->orders;
		error = rs_rule_place(engine, rules[i]);
		if (!error)
			error = rs_rule_publish(engine, rules[i]);
		if (!error)
			continue;
		while (i--)
			rs_rule_unpublish(engine, rules[i]);
		return error;
	}
	return 0;
}

static void unpublish_all(struct rs_engine *engine, struct rs_rule *const *rules, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (rules[i]->published)
			rs_rule_unpublish(engine, rules[i]);
	rs_wanted_apply(engine, rules, count, NULL);
	rs_rules_settle(engine);
}

/* Under the control lock. */
static int add_all(struct rs_engine *engine, struct rs_rule *const *rules, size_t count)
{
	struct rs_error_note note = { 0 };
	int error = publish_all(engine, rules, count);

	if (!error) {
		error = rs_wanted_apply(engine, rules, count, NULL);
		rs_error_keep(&note);
		if (error)
			unpublish_all(engine, rules, count);
	}
	for (size_t i = 0; i < count && !error; i++)
		link_watch(rules[i]->watch);
	rs_error_restore(&note);
	return error;
}

/* Of watches that were not made: nobody is told that they are gone. */
static void forget_all(struct rs_engine *engine, struct rs_rule **rules, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(rules[i]->watch);
		rules[i]->options.gone = NULL;
		/* An event may have found it. */
		rs_rule_free(engine, rules[i]);
	}
}

/* The rules of new watches, as many as could be made. */
static int make_all(struct rs_engine *engine, const struct rs_watch_options *options, size_t size,
		    struct rs_rule **rules, size_t count, size_t *made)
{
	for (*made = 0; *made < count; ++*made) {
		const void *one = (const char *)options + *made * size;
		struct rs_watch *watch;
		int error = make_watch(engine, one, size, &watch);

		if (error)
			return error;
		rules[*made] = watch->rule;
	}
	return 0;
}

static int watch_all(struct rs_engine *engine, const struct rs_watch_options *options, size_t size,
		     struct rs_rule **rules, size_t count)
{
	struct rs_error_note note;
	size_t made;
	int error = make_all(engine, options, size, rules, count, &made);

	if (!error) {
		pthread_mutex_lock(&engine->control);
		error = add_all(engine, rules, count);
		pthread_mutex_unlock(&engine->control);
	}
	if (!error)
		return 0;
	rs_error_keep(&note);
	forget_all(engine, rules, made);
	rs_error_restore(&note);
	if (made < count && count > 1)
		rs_fail(error, "watch %zu of %zu: %s", made + 1, count, note.text);
	return error;
}

int rs_watch_sized(struct rs_engine *engine, const struct rs_watch_options *options, size_t size,
		   struct rs_watch **out)
{
	struct rs_rule *rule;
	int error = watch_all(engine, options, size, &rule, 1);

	if (out)
		*out = error ? NULL : rule->watch;
	return error;
}

int rs_watch_many_sized(struct rs_engine *engine, const struct rs_watch_options *options,
			size_t size, size_t count, struct rs_watch **out)
{
	struct rs_rule **rules = malloc(count * sizeof(*rules) + 1);
	int error;

	if (!rules)
		return rs_fail(ENOMEM, "no memory for %zu watches", count);
	error = count ? watch_all(engine, options, size, rules, count) : 0;
	for (size_t i = 0; i < count && out; i++)
		out[i] = error ? NULL : rules[i]->watch;
	free(rules);
	return error;
}

int rs_watch_view(struct rs_engine *engine, const struct rs_view_options *options, uint16_t index,
		  struct rs_watch **out)
{
	struct rs_watch *watch = calloc(1, sizeof(*watch));
	struct rs_rule *rule = calloc(1, sizeof(*rule));
	int error;

	if (!watch || !rule) {
		free(watch);
		free(rule);
		return rs_fail(ENOMEM, "no memory for a view's handler");
	}
	watch->engine = engine;
	watch->rule = rule;
	rule->watch = watch;
	rs_pace_init(&rule->pace);
	rule->options = (struct rs_watch_options){ .kind = RS_TABLE_VIEWS,
						   .handler = options->handler,
						   .user = options->user,
						   .gone = options->gone };
	rule->first = rule->last = index;
	/* Nobody is in the view yet, so nobody runs it if it is refused. */
	error = add_all(engine, &rule, 1);
	if (error) {
		free(rule);
		free(watch);
		return error;
	}
	*out = watch;
	return 0;
}

int rs_watch_all_traps(struct rs_engine *engine, rs_handler handler, void *user, uint64_t cr3,
		       struct rs_watch **out)
{
	struct rs_watch_options options = {
		.kind = RS_BREAKPOINT, .handler = handler, .user = user, .cr3 = cr3,
		.breakpoint.place = RS_PLACE_PHYSICAL };
	struct rs_watch *watch;
	int error = make_watch(engine, &options, sizeof(options), &watch);

	if (error)
		return error;
	watch->rule->everywhere = true;
	error = add_all(engine, &watch->rule, 1);
	if (error) {
		forget_all(engine, &watch->rule, 1);
		return error;
	}
	*out = watch;
	return 0;
}

/* -- changing -- */

/* `old` is freed without a word if what its handlers were given is still in use. */
static void pass_user_on(struct rs_rule *old, const struct rs_rule *rule)
{
	if (old->options.user == rule->options.user && old->options.gone == rule->options.gone)
		old->options.gone = NULL;
}

/* Under the control lock: `rule` takes the place of the watch's, or on an error does not. */
static int replace(struct rs_watch *watch, struct rs_rule *rule)
{
	struct rs_engine *engine = watch->engine;
	struct rs_rule *old = watch->rule, *both[] = { rule, old };
	struct rs_error_note note;
	int error;

	rule->order = old->order;
	rule->watch = watch;
	error = rs_rule_place(engine, rule);
	if (!error)
		error = rs_rule_publish(engine, rule);
	if (error)
		return error;
	error = rs_wanted_apply(engine, both, 2, old);
	if (error) {
		rs_error_keep(&note);
		rs_rule_unpublish(engine, rule);
		rs_wanted_apply(engine, both, 2, NULL);
		rs_rules_settle(engine);
		rs_error_restore(&note);
		return error;
	}
	if (old->published)
		rs_rule_unpublish(engine, old);
	/* Pages that the old one alone had closed. */
	rs_wanted_apply(engine, both, 2, NULL);
	rs_rules_settle(engine);
	rs_add_relaxed(&rule->throttled, rs_load_relaxed(&old->throttled));
	pass_user_on(old, rule);
	watch->rule = rule;
	return 0;
}

static int check_kind(const struct rs_watch *watch, const struct rs_rule *rule)
{
	enum rs_kind kind = watch->rule->options.kind;

	if (rule->options.kind == kind)
		return 0;
	return rs_fail(EINVAL, "kind: a watch keeps its kind: this one is of %s events",
		       rs_kind_name(kind));
}

int rs_watch_change_sized(struct rs_watch *watch, const struct rs_watch_options *options,
			  size_t size)
{
	struct rs_engine *engine = watch->engine;
	struct rs_error_note note;
	struct rs_rule *rule, *old;
	int error = rs_rule_make(engine, options, size, &rule);

	if (error)
		return error;
	pthread_mutex_lock(&engine->control);
	old = watch->rule;
	error = check_kind(watch, rule);
	if (!error)
		error = replace(watch, rule);
	pthread_mutex_unlock(&engine->control);
	if (!error) {
		rs_rule_free(engine, old);
		return 0;
	}
	rs_error_keep(&note);
	rule->options.gone = NULL;
	rs_rule_free(engine, rule);
	rs_error_restore(&note);
	return error;
}

/* -- removing -- */

static void take_out(struct rs_engine *engine, struct rs_rule *const *rules, size_t count)
{
	bool any = false;

	for (size_t i = 0; i < count; i++)
		any |= rules[i]->published;
	if (any)
		unpublish_all(engine, rules, count);
}

static void remove_all(struct rs_engine *engine, struct rs_watch *const *watches,
		       struct rs_rule **rules, size_t count)
{
	pthread_mutex_lock(&engine->control);
	for (size_t i = 0; i < count; i++) {
		unlink_watch(watches[i]);
		rules[i] = watches[i]->rule;
	}
	take_out(engine, rules, count);
	pthread_mutex_unlock(&engine->control);
	for (size_t i = 0; i < count; i++) {
		free(watches[i]);
		rs_rule_free(engine, rules[i]);
	}
}

void rs_unwatch(struct rs_watch *watch)
{
	struct rs_rule *rule;

	if (watch)
		remove_all(watch->engine, &watch, &rule, 1);
}

void rs_unwatch_many(struct rs_watch *const *watches, size_t count)
{
	struct rs_rule **rules = malloc(count * sizeof(*rules) + 1);

	if (rules && count)
		remove_all(watches[0]->engine, watches, rules, count);
	for (size_t i = 0; i < count && !rules; i++)
		rs_unwatch(watches[i]);
	free(rules);
}

void rs_watch_free_all(struct rs_engine *engine)
{
	while (engine->watches) {
		struct rs_watch *watch = engine->watches;

		engine->watches = watch->next;
		rs_rule_free_now(watch->rule);
		free(watch);
	}
	/* No worker is left that could run one. */
	rs_rules_bury(engine);
	rs_table_free(engine->table);
	engine->table = NULL;
}

/* -- its limit -- */

/* Unless it was changed or removed meanwhile: then that holds. */
static bool switch_off(struct rs_engine *engine, struct rs_rule *rule)
{
	bool published;

	pthread_mutex_lock(&engine->control);
	published = rule->published;
	if (published) {
		rs_add_relaxed(&engine->switched_off, 1);
		unpublish_all(engine, &rule, 1);
	}
	pthread_mutex_unlock(&engine->control);
	return published;
}

void rs_watch_over_limit(struct rs_engine *engine, struct rs_rule *rule)
{
	const struct rs_watch_options *options = &rule->options;

	if (options->at_limit != RS_AT_LIMIT_SWITCH_OFF) {
		rs_log(&engine->log, RS_LOG_WARNING,
		       "domain %u: a %s watch has had its %u calls in this second: the others are "
		       "kept from its handler", engine->domain, rs_reason_name(options->kind),
		       options->calls_per_second_max);
	} else if (switch_off(engine, rule)) {
		rs_log(&engine->log, RS_LOG_WARNING,
		       "domain %u: a %s watch has had its %u calls in this second, and is switched "
		       "off: rs_watch_change switches it on again", engine->domain,
		       rs_reason_name(options->kind), options->calls_per_second_max);
	}
}

void rs_watch_state_sized(const struct rs_watch *watch, struct rs_watch_state *out, size_t size)
{
	struct rs_engine *engine = watch->engine;
	struct rs_watch_state state = { 0 };

	pthread_mutex_lock(&engine->control);
	state.on = watch->rule->published;
	state.throttled = rs_load_relaxed(&watch->rule->throttled);
	pthread_mutex_unlock(&engine->control);
	memset(out, 0, size);
	memcpy(out, &state, size < sizeof(state) ? size : sizeof(state));
}
