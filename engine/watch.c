/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* watch.c: making and removing watches, while events fly. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ringside/view.h>

#include "engine/options.h"
#include "engine/private.h"
#include "engine/rcu.h"
#include "ring/atomics.h"
#include "xen/error.h"
#include "xen/memory.h"
#include "xen/sized.h"

/* What every engine wants: a fast step and an emulation are of no use without them. */
static const enum rs_kind always[] = { RS_SINGLESTEP, RS_EMUL_UNIMPLEMENTED };
#define ALWAYS_COUNT (sizeof(always) / sizeof(always[0]))

static struct rs_xen_source source_of(const struct rs_rule *rule)
{
	const struct rs_watch_options *options = &rule->options;
	struct rs_xen_source source = { .kind = options->kind };

	source.synchronous = !options->asynchronous && options->kind != RS_VMEXIT;
	if (options->kind == RS_CR) {
		source.index = options->cr.which;
		source.ignored_bits = options->cr.ignored_bits;
		source.on_change_only = options->cr.on_change_only;
	} else if (options->kind == RS_MSR) {
		source.index = options->msr.index;
		source.on_change_only = options->msr.on_change_only;
	} else if (options->kind == RS_GUEST_REQUEST) {
		source.allow_userspace = options->guest_request.allow_userspace;
	}
	return source;
}

static bool is_always(const struct rs_engine *engine, enum rs_kind kind)
{
	for (size_t i = 0; i < ALWAYS_COUNT; i++)
		if (always[i] == kind)
			return engine->kinds & 1U << kind;
	return false;
}

int rs_watch_begin_sources(struct rs_engine *engine)
{
	struct rs_xen_source wanted[ALWAYS_COUNT];
	size_t count = 0;

	for (size_t i = 0; i < ALWAYS_COUNT; i++)
		if (is_always(engine, always[i]))
			wanted[count++] = (struct rs_xen_source){ .kind = always[i],
								  .synchronous = true };
	return rs_sources_set(&engine->sources, wanted, count);
}

/*
 * What all watches want of the source of this one: those of its kind and key. Kinds whose
 * sources have no parameters are the same for all, and are not gone through.
 */
static bool wanted_source(const struct rs_engine *engine, const struct rs_rule *rule,
			  struct rs_xen_source *wanted)
{
	enum rs_kind kind = rule->options.kind;
	const struct rs_rule *other;
	uint64_t order = 0;
	bool more, any = false;

	*wanted = source_of(rule);
	/* One source for all addresses, and nothing about it to be wanted. */
	if (kind == RS_BREAKPOINT)
		return rs_table_count(engine->table, kind) > 0;
	while ((other = rs_table_next(engine->table, kind, rule->first, 0, &order, &more))) {
		struct rs_xen_source source = source_of(other);

		if (any)
			rs_source_merge(wanted, &source);
		else
			*wanted = source;
		any = true;
		if (!more)
			break;
	}
	if (!any && is_always(engine, kind)) {
		*wanted = (struct rs_xen_source){ .kind = kind, .synchronous = true };
		return true;
	}
	return any;
}

static int apply_source(struct rs_engine *engine, const struct rs_rule *rule)
{
	struct rs_xen_source wanted;

	if (wanted_source(engine, rule, &wanted))
		return rs_sources_set(&engine->sources, &wanted, 1);
	return rs_sources_unset(&engine->sources, &wanted);
}

static struct rs_table_entry entry_of(struct rs_rule *rule)
{
	return (struct rs_table_entry){
		.kind = rule->options.kind,
		.first = rule->first,
		.last = rule->last,
		.order = rule->order,
		.access = rule->options.kind == RS_PAGE ? rule->options.page.access : 0,
		.rule = rule,
	};
}

static struct rs_view *view_of(const struct rs_rule *rule)
{
	return rule->options.kind == RS_PAGE ? rule->options.page.view : NULL;
}

static int publish(struct rs_engine *engine, struct rs_rule *rule)
{
	struct rs_table_entry entry = entry_of(rule);
	int error = rs_table_add(engine->table, &entry);

	if (!error && view_of(rule))
		view_of(rule)->watch_count++;
	return error;
}

/* For those who look from now on; who has looked before may still run it. */
static void unpublish(struct rs_engine *engine, struct rs_rule *rule)
{
	struct rs_table_entry entry = entry_of(rule);

	rs_table_remove(engine->table, &entry);
	if (view_of(rule))
		view_of(rule)->watch_count--;
}

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

/* The keys of a rule's pages say in which view they are. */
static uint64_t gfn_of(uint64_t key)
{
	return key & ((1ULL << RS_TABLE_VIEW_SHIFT) - 1);
}

static int set_pages(void *context, uint64_t first, uint64_t last, uint32_t access)
{
	struct rs_engine *engine = context;

	return rs_pages_set(&engine->pages, (uint16_t)(first >> RS_TABLE_VIEW_SHIFT),
			    gfn_of(first), last - first + 1, access);
}

static int open_pages(void *context, uint64_t first, uint64_t last, uint32_t access)
{
	struct rs_engine *engine = context;

	if (access == (RS_ACCESS_R | RS_ACCESS_W | RS_ACCESS_X))
		return rs_pages_open(&engine->pages, (uint16_t)(first >> RS_TABLE_VIEW_SHIFT),
				     gfn_of(first), last - first + 1);
	return set_pages(context, first, last, access);
}

/* Which view it is in is known when that is made, which may be now. */
static int place_pages(struct rs_engine *engine, struct rs_rule *rule)
{
	struct rs_view *view = rule->options.page.view;
	int error = view ? 0 : rs_pages_begin(&engine->pages);
	uint16_t index = view ? view->map->index : engine->pages.view;

	rule->first = rs_table_page_key(index, gfn_of(rule->first));
	rule->last = rs_table_page_key(index, gfn_of(rule->last));
	return error;
}

static int hold_writes(struct rs_engine *engine)
{
	int error;

	if (engine->holds_writes)
		return 0;
	error = rs_xen_monitor_hold_writes(engine->xen, engine->domain);
	if (!error)
		rs_store_relaxed(&engine->holds_writes, 1);
	return error;
}

/* Tells Xen about a rule that can be looked up already. */
static int switch_on(struct rs_engine *engine, const struct rs_rule *rule)
{
	int error;

	if (rule->options.kind == RS_TABLE_VIEWS)
		return 0;
	if (rule->options.kind == RS_PAGE)
		return rs_table_visit_pages(engine->table, rule->first, rule->last, set_pages,
					    engine);
	if (rule->options.deny) {
		error = hold_writes(engine);
		if (error)
			return error;
	}
	return apply_source(engine, rule);
}

/* Takes back what switch_on did, for a rule that is not in the table any more. */
static void switch_off(struct rs_engine *engine, const struct rs_rule *rule)
{
	if (rule->options.kind == RS_PAGE)
		rs_table_visit_pages(engine->table, rule->first, rule->last, open_pages, engine);
	else if (rule->options.kind != RS_TABLE_VIEWS)
		apply_source(engine, rule);
}

/* Does some worker run its handler? */
static bool is_running(const struct rs_engine *engine, const struct rs_rule *rule)
{
	for (uint32_t i = 0; i < engine->worker_count; i++)
		/* U1: acquires R1 and R2: what the handler did is done before its rule is freed. */
		if (rs_load_seq_cst(&engine->workers[i].running) == rule)
			return true;
	return false;
}

/*
 * Until the handler of that rule, which cannot be called any more, has returned. Polled,
 * so that the event path has nothing to look at and nobody to wake.
 */
static void wait_for_handler(const struct rs_engine *engine, const struct rs_rule *rule)
{
	struct timespec pause = { .tv_nsec = 20000 };

	while (is_running(engine, rule)) {
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 1000000)
			pause.tv_nsec *= 2;
	}
}

static int add(struct rs_watch *watch)
{
	struct rs_engine *engine = watch->engine;
	struct rs_rule *rule = watch->rule;
	struct rs_error_note note;
	int error;

	rule->order = ++engine->orders;
	error = rule->options.kind == RS_PAGE ? place_pages(engine, rule) : 0;
	if (!error)
		error = publish(engine, rule);
	if (error)
		return error;
	link_watch(watch);
	error = switch_on(engine, rule);
	if (!error)
		return 0;
	rs_error_keep(&note);
	unlink_watch(watch);
	unpublish(engine, rule);
	switch_off(engine, rule);
	rs_rcu_wait();
	rs_table_reap(engine->table);
	rs_error_restore(&note);
	/* An event may have found it. */
	wait_for_handler(engine, rule);
	return error;
}

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
	return vcpus || options->cr3 || options->calls_per_second_max;
}

static int make_rule(struct rs_engine *engine, const struct rs_watch_options *options,
		     size_t size, struct rs_rule **out)
{
	struct rs_rule *rule = calloc(1, sizeof(*rule));
	int error;

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
	*out = rule;
	return 0;
}

static int make_watch(struct rs_engine *engine, const struct rs_watch_options *options,
		      size_t size, struct rs_watch **out)
{
	struct rs_watch *watch = calloc(1, sizeof(*watch));
	int error;

	*out = watch;
	if (!watch)
		return rs_fail(ENOMEM, "no memory for a watch");
	watch->engine = engine;
	error = make_rule(engine, options, size, &watch->rule);
	if (error)
		free(watch);
	return error;
}

int rs_watch_sized(struct rs_engine *engine, const struct rs_watch_options *options, size_t size,
		   struct rs_watch **out)
{
	struct rs_watch *watch;
	int error;

	if (out)
		*out = NULL;
	error = make_watch(engine, options, size, &watch);
	if (error)
		return error;
	pthread_mutex_lock(&engine->control);
	error = add(watch);
	pthread_mutex_unlock(&engine->control);
	if (error) {
		free(watch->rule);
		free(watch);
	} else if (out) {
		*out = watch;
	}
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
	rs_pace_init(&rule->pace);
	rule->options = (struct rs_watch_options){ .kind = RS_TABLE_VIEWS,
						   .handler = options->handler,
						   .user = options->user,
						   .gone = options->gone };
	rule->first = rule->last = index;
	error = add(watch);
	if (error) {
		free(rule);
		free(watch);
		return error;
	}
	*out = watch;
	return 0;
}

static void free_rule(struct rs_rule *rule)
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

void rs_watch_bury(struct rs_engine *engine)
{
	struct rs_rule *rule;

	while ((rule = exhume(engine)))
		free_rule(rule);
}

/* From inside a handler: whoever ends the last handler of that rule frees it. */
static void bury_later(struct rs_engine *engine, struct rs_rule *rule)
{
	pthread_mutex_lock(&engine->burial);
	rule->next = engine->buried;
	engine->buried = rule;
	/* U2: before we look who runs it, against R3. */
	rs_store_seq_cst(&engine->leaving, engine->leaving + 1);
	pthread_mutex_unlock(&engine->burial);
	rs_watch_bury(engine);
}

/* Out of the table and of Xen's sources, and a grace period later. */
static void retire(struct rs_engine *engine, struct rs_rule *rule)
{
	unpublish(engine, rule);
	switch_off(engine, rule);
	rs_rcu_wait();
	rs_table_reap(engine->table);
}

/* Nobody can look it up any more: it goes when nobody runs it. */
static void let_go(struct rs_engine *engine, struct rs_rule *rule)
{
	/* Two handlers that removed each other's watches would wait for ever. */
	if (rs_worker_here && rs_worker_here->running) {
		bury_later(engine, rule);
		return;
	}
	wait_for_handler(engine, rule);
	free_rule(rule);
}

void rs_unwatch(struct rs_watch *watch)
{
	struct rs_engine *engine;
	struct rs_rule *rule;

	if (!watch)
		return;
	engine = watch->engine;
	pthread_mutex_lock(&engine->control);
	rule = watch->rule;
	unlink_watch(watch);
	retire(engine, rule);
	pthread_mutex_unlock(&engine->control);
	free(watch);
	let_go(engine, rule);
}

uint32_t rs_engine_page_access(struct rs_engine *engine, uint64_t gfn)
{
	uint32_t access;

	rs_rcu_begin();
	access = rs_table_access(engine->table, gfn);
	rs_rcu_done();
	return access;
}

bool rs_engine_watches(struct rs_engine *engine, enum rs_kind kind)
{
	uint64_t order = 0;
	bool watched, more;

	rs_rcu_begin();
	watched = rs_table_next(engine->table, kind, 0, 0, &order, &more);
	rs_rcu_done();
	return watched;
}

int rs_watch_open_pages(struct rs_engine *engine)
{
	int error = 0;

	if (engine->pages.method != RS_PAGE_METHOD_HOST)
		return 0;
	for (const struct rs_watch *watch = engine->watches; watch; watch = watch->next) {
		const struct rs_rule *rule = watch->rule;
		int result = 0;

		if (rule->options.kind == RS_PAGE && !rule->options.page.view)
			result = rs_pages_open(&engine->pages, 0, rule->first,
					       rule->last - rule->first + 1);
		if (!error)
			error = result;
	}
	return error;
}

void rs_watch_free_all(struct rs_engine *engine)
{
	while (engine->watches) {
		struct rs_watch *watch = engine->watches;

		engine->watches = watch->next;
		free_rule(watch->rule);
		free(watch);
	}
	/* No worker is left that could run one. */
	rs_watch_bury(engine);
	rs_table_free(engine->table);
	engine->table = NULL;
}
