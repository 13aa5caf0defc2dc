/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* watch.c: making and removing watches, while events fly. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/options.h"
#include "engine/private.h"
#include "engine/rcu.h"
#include "ring/atomics.h"
#include "xen/error.h"
#include "xen/memory.h"

/* What every engine wants: a fast step and an emulation are of no use without them. */
static const enum rs_kind always[] = { RS_SINGLESTEP, RS_EMUL_UNIMPLEMENTED };
#define ALWAYS_COUNT (sizeof(always) / sizeof(always[0]))

static struct rs_xen_source source_of(const struct rs_watch *watch)
{
	const struct rs_watch_options *options = &watch->options;
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

static size_t count_watches(const struct rs_engine *engine)
{
	size_t count = 0;

	for (const struct rs_watch *watch = engine->watches; watch; watch = watch->next)
		count++;
	return count;
}

int rs_watch_apply_sources(struct rs_engine *engine)
{
	struct rs_xen_source *wanted =
		calloc(count_watches(engine) + ALWAYS_COUNT, sizeof(*wanted));
	size_t count = 0;

	if (!wanted)
		return rs_fail(ENOMEM, "no memory for the sources of events");
	for (size_t i = 0; i < ALWAYS_COUNT; i++)
		if (engine->kinds & 1U << always[i])
			wanted[count++] = (struct rs_xen_source){ .kind = always[i],
								  .synchronous = true };
	for (const struct rs_watch *watch = engine->watches; watch; watch = watch->next)
		wanted[count++] = source_of(watch);
	count = rs_sources_merge(wanted, count);
	return rs_sources_apply(&engine->sources, wanted, count);
}

static int build_table(const struct rs_engine *engine, struct rs_table **table)
{
	size_t count = count_watches(engine), i = 0;
	struct rs_table_entry *entries = calloc(count + 1, sizeof(*entries));
	int error;

	if (!entries)
		return rs_fail(ENOMEM, "no memory for %zu watches", count);
	for (struct rs_watch *watch = engine->watches; watch; watch = watch->next)
		entries[i++] = (struct rs_table_entry){
			.kind = watch->options.kind,
			.first = watch->first,
			.last = watch->last,
			.order = watch->order,
			.access = watch->options.kind == RS_PAGE ? watch->options.page.access : 0,
			.watch = watch,
		};
	error = rs_table_build(table, entries, count);
	free(entries);
	return error;
}

/* Makes the table of the watches as they are now the one that is read. */
static int publish(struct rs_engine *engine)
{
	struct rs_table *table;
	int error = build_table(engine, &table);

	if (!error)
		rs_table_free(rs_rcu_publish(&engine->table, table));
	return error;
}

static void link_watch(struct rs_watch *watch)
{
	watch->next = watch->engine->watches;
	watch->engine->watches = watch;
}

static void unlink_watch(struct rs_watch *watch)
{
	struct rs_watch **at = &watch->engine->watches;

	while (*at != watch)
		at = &(*at)->next;
	*at = watch->next;
}

static int set_pages(void *context, uint64_t first, uint64_t last, uint32_t access)
{
	struct rs_engine *engine = context;

	return rs_pages_set(&engine->pages, first, last - first + 1, access);
}

static int open_pages(void *context, uint64_t first, uint64_t last, uint32_t access)
{
	struct rs_engine *engine = context;

	if (access == (RS_ACCESS_R | RS_ACCESS_W | RS_ACCESS_X))
		return rs_pages_open(&engine->pages, first, last - first + 1);
	return set_pages(context, first, last, access);
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

/* Tells Xen about a watch that can be looked up already. */
static int switch_on(struct rs_watch *watch)
{
	struct rs_engine *engine = watch->engine;
	int error;

	if (watch->options.kind == RS_PAGE)
		return rs_table_visit_pages(engine->table, watch->first, watch->last, set_pages,
					    engine);
	if (watch->options.deny) {
		error = hold_writes(engine);
		if (error)
			return error;
	}
	return rs_watch_apply_sources(engine);
}

/* Takes back what switch_on did, for a watch that is not among the engine's any more. */
static void switch_off(struct rs_watch *watch)
{
	struct rs_engine *engine = watch->engine;

	if (watch->options.kind == RS_PAGE)
		rs_table_visit_pages(engine->table, watch->first, watch->last, open_pages,
				     engine);
	else
		rs_watch_apply_sources(engine);
}

static int add(struct rs_watch *watch)
{
	struct rs_engine *engine = watch->engine;
	struct rs_error_note note;
	int error;

	watch->order = ++engine->orders;
	link_watch(watch);
	error = publish(engine);
	if (!error)
		error = switch_on(watch);
	if (!error)
		return 0;
	rs_error_keep(&note);
	unlink_watch(watch);
	if (publish(engine) == 0)
		switch_off(watch);
	rs_error_restore(&note);
	return error;
}

static void set_key(struct rs_watch *watch)
{
	const struct rs_watch_options *options = &watch->options;

	if (options->kind == RS_CR)
		watch->first = watch->last = options->cr.which;
	else if (options->kind == RS_MSR)
		watch->first = watch->last = options->msr.index;
	else if (options->kind == RS_PAGE) {
		watch->first = options->page.first_gfn;
		watch->last = options->page.last_gfn ? options->page.last_gfn : watch->first;
	}
}

int rs_watch_sized(struct rs_engine *engine, const struct rs_watch_options *options, size_t size,
		   struct rs_watch **out)
{
	struct rs_watch *watch;
	int error;

	if (out)
		*out = NULL;
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return rs_fail(ENOMEM, "no memory for a watch");
	error = rs_options_read(&watch->options, sizeof(watch->options), options, size);
	if (!error)
		error = rs_options_check_watch(&watch->options, engine->kinds);
	if (error)
		goto free_watch;
	watch->engine = engine;
	rs_pace_init(&watch->pace);
	set_key(watch);
	pthread_mutex_lock(&engine->control);
	error = add(watch);
	pthread_mutex_unlock(&engine->control);
	if (error)
		goto free_watch;
	if (out)
		*out = watch;
	return 0;

free_watch:
	free(watch);
	return error;
}

/* Does some worker run its handler? */
static bool is_running(const struct rs_watch *watch)
{
	const struct rs_engine *engine = watch->engine;

	for (uint32_t i = 0; i < engine->worker_count; i++)
		/* U1: acquires R1 and R2: what the handler did is done before its watch is freed. */
		if (rs_load_seq_cst(&engine->workers[i].running) == watch)
			return true;
	return false;
}

/*
 * Until the handler of that watch, which cannot be called any more, has returned. Polled,
 * so that the event path has nothing to look at and nobody to wake.
 */
static void wait_for_handler(const struct rs_watch *watch)
{
	struct timespec pause = { .tv_nsec = 20000 };

	while (is_running(watch)) {
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 1000000)
			pause.tv_nsec *= 2;
	}
}

static void free_watch(struct rs_watch *watch)
{
	rs_watch_gone gone = watch->options.gone;
	void *user = watch->options.user;

	free(watch);
	if (gone)
		gone(user);
}

/* One of the buried that nobody runs, taken out, or NULL. */
static struct rs_watch *exhume(struct rs_engine *engine)
{
	struct rs_watch *found = NULL;

	pthread_mutex_lock(&engine->burial);
	for (struct rs_watch **at = &engine->buried; *at; at = &(*at)->next) {
		if (is_running(*at))
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
	struct rs_watch *watch;

	while ((watch = exhume(engine)))
		free_watch(watch);
}

/* From inside a handler: whoever ends the last handler of that watch frees it. */
static void bury_later(struct rs_watch *watch)
{
	struct rs_engine *engine = watch->engine;

	pthread_mutex_lock(&engine->burial);
	watch->next = engine->buried;
	engine->buried = watch;
	/* U2: before we look who runs it, against R3. */
	rs_store_seq_cst(&engine->leaving, engine->leaving + 1);
	pthread_mutex_unlock(&engine->burial);
	rs_watch_bury(engine);
}

static struct rs_reply handle_nothing(const struct rs_event *event, void *user)
{
	return RS_CONTINUE;
}

/* Out of the table and of Xen's sources; false without the memory to do so. */
static bool retire(struct rs_watch *watch)
{
	struct rs_engine *engine = watch->engine;

	unlink_watch(watch);
	if (publish(engine)) {
		/* It stays in the old table, then, until we detach, but calls nobody. */
		link_watch(watch);
		rs_store_relaxed(&watch->options.handler, handle_nothing);
		return false;
	}
	switch_off(watch);
	return true;
}

void rs_unwatch(struct rs_watch *watch)
{
	struct rs_engine *engine;
	bool retired;

	if (!watch)
		return;
	engine = watch->engine;
	pthread_mutex_lock(&engine->control);
	retired = retire(watch);
	pthread_mutex_unlock(&engine->control);
	if (!retired)
		return;
	/* Two handlers that removed each other's watches would wait for ever. */
	if (rs_worker_here && rs_worker_here->running) {
		bury_later(watch);
		return;
	}
	wait_for_handler(watch);
	free_watch(watch);
}

uint32_t rs_engine_page_access(struct rs_engine *engine, uint64_t gfn)
{
	uint32_t access = rs_table_access(rs_rcu_read(&engine->table), gfn);

	rs_rcu_done();
	return access;
}

bool rs_engine_watches(struct rs_engine *engine, enum rs_kind kind)
{
	uint64_t order = 0;
	bool watched, more;

	watched = rs_table_next(rs_rcu_read(&engine->table), kind, 0, 0, &order, &more);
	rs_rcu_done();
	return watched;
}

int rs_watch_open_pages(struct rs_engine *engine)
{
	int error = 0;

	if (engine->pages.method != RS_PAGE_METHOD_HOST)
		return 0;
	for (const struct rs_watch *watch = engine->watches; watch; watch = watch->next) {
		int result = 0;

		if (watch->options.kind == RS_PAGE)
			result = rs_pages_open(&engine->pages, watch->first,
					       watch->last - watch->first + 1);
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
		free_watch(watch);
	}
	/* No worker is left that could run one. */
	rs_watch_bury(engine);
	rs_table_free(engine->table);
	engine->table = NULL;
}
