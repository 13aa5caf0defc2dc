/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wanted.c: sources and pages, computed from the table. */
#include "engine/wanted.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/private.h"
#include "engine/rcu.h"
#include "ring/atomics.h"
#include "xen/error.h"

/* So many rules want no memory. */
#define FEW 2
#define ACCESS_ALL (RS_ACCESS_R | RS_ACCESS_W | RS_ACCESS_X)

/* What every engine wants: a fast step and an emulation are of no use without them. */
static const enum rs_kind always[] = { RS_SINGLESTEP, RS_EMUL_UNIMPLEMENTED };
#define ALWAYS_COUNT (sizeof(always) / sizeof(always[0]))

static bool is_always(const struct rs_engine *engine, enum rs_kind kind)
{
	for (size_t i = 0; i < ALWAYS_COUNT; i++)
		if (always[i] == kind)
			return engine->kinds & 1U << kind;
	return false;
}

int rs_wanted_begin(struct rs_engine *engine)
{
	struct rs_xen_source wanted[ALWAYS_COUNT];
	size_t count = 0;

	for (size_t i = 0; i < ALWAYS_COUNT; i++)
		if (is_always(engine, always[i]))
			wanted[count++] = (struct rs_xen_source){ .kind = always[i],
								  .synchronous = true };
	return rs_sources_set(&engine->sources, wanted, count, NULL, 0);
}

/* -- sources -- */

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

/* The wishes for one source, added up. */
struct wish {
	const struct rs_rule *except;
	struct rs_xen_source source;
	bool any;
};

static void add_wish(void *context, const struct rs_rule *rule)
{
	struct wish *wish = context;
	struct rs_xen_source source;

	if (rule == wish->except)
		return;
	source = source_of(rule);
	if (wish->any)
		rs_source_merge(&wish->source, &source);
	else
		wish->source = source;
	wish->any = true;
}

/* What all want of the source of this rule; false: nothing. */
static bool wanted_source(const struct rs_engine *engine, const struct rs_rule *rule,
			  const struct rs_rule *except, struct rs_xen_source *wanted)
{
	enum rs_kind kind = rule->options.kind;
	struct wish wish = { .except = except, .source = source_of(rule) };

	*wanted = wish.source;
	/* One source for all addresses, and nothing about it to be wanted. */
	if (kind == RS_BREAKPOINT)
		return rs_table_count(engine->table, kind) +
			       rs_table_count(engine->table, RS_TABLE_TRAPS) > 0;
	rs_table_visit(engine->table, kind, rule->first, add_wish, &wish);
	*wanted = wish.source;
	if (!wish.any && is_always(engine, kind)) {
		*wanted = (struct rs_xen_source){ .kind = kind, .synchronous = true };
		return true;
	}
	return wish.any;
}

static bool has_source(const struct rs_rule *rule)
{
	return rule->options.kind != RS_PAGE && rule->options.kind != RS_TABLE_VIEWS;
}

static bool is_same_source(const struct rs_rule *a, const struct rs_rule *b)
{
	return a->options.kind == b->options.kind &&
	       (a->first == b->first || a->options.kind == RS_BREAKPOINT);
}

static int apply_sources(struct rs_engine *engine, struct rs_rule *const *rules, size_t count,
			 const struct rs_rule *except)
{
	struct rs_xen_source few[2 * FEW] = { 0 }, source;
	struct rs_xen_source *wanted = count > FEW ? malloc(2 * count * sizeof(*wanted)) : few;
	struct rs_xen_source *unwanted = wanted + count;
	size_t wanted_count = 0, unwanted_count = 0;
	const struct rs_rule *before = NULL;
	int error;

	if (!wanted)
		return rs_fail(ENOMEM, "no memory for the sources of events");
	for (size_t i = 0; i < count; i++) {
		if (!has_source(rules[i]) || (before && is_same_source(rules[i], before)))
			continue;
		before = rules[i];
		if (wanted_source(engine, rules[i], except, &source))
			wanted[wanted_count++] = source;
		else
			unwanted[unwanted_count++] = source;
	}
	error = rs_sources_set(&engine->sources, wanted, wanted_count, unwanted, unwanted_count);
	if (wanted != few)
		free(wanted);
	return error;
}

/* Stays so until the ring is given back. */
static int hold_writes(struct rs_engine *engine, struct rs_rule *const *rules, size_t count)
{
	int error;

	for (size_t i = 0; i < count; i++) {
		if (engine->holds_writes || !rules[i]->options.deny || !rules[i]->published)
			continue;
		error = rs_xen_monitor_hold_writes(engine->xen, engine->domain);
		if (error)
			return error;
		rs_store_relaxed(&engine->holds_writes, 1);
	}
	return 0;
}

/* -- pages -- */

static int set_pages(void *context, uint64_t first, uint64_t last, uint32_t access)
{
	const uint64_t gfn_mask = (1ULL << RS_TABLE_VIEW_SHIFT) - 1;
	uint16_t view = (uint16_t)(first >> RS_TABLE_VIEW_SHIFT);
	uint64_t gfn = first & gfn_mask, count = last - first + 1;
	struct rs_engine *engine = context;

	if (access == ACCESS_ALL)
		return rs_pages_open(&engine->pages, view, gfn, count);
	return rs_pages_set(&engine->pages, view, gfn, count, access);
}

static int compare_first(const void *a, const void *b)
{
	const struct rs_rule *x = *(struct rs_rule *const *)a, *y = *(struct rs_rule *const *)b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* Ranges that touch are one: many watches of a page each are few calls. */
static int visit_ranges(struct rs_engine *engine, struct rs_rule *const *rules, size_t count)
{
	int error = 0;

	for (size_t i = 0; i < count;) {
		uint64_t first = rules[i]->first, last = rules[i]->last;
		int result;

		for (i++; i < count && rules[i]->first <= last + 1; i++)
			last = rules[i]->last > last ? rules[i]->last : last;
		result = rs_table_visit_pages(engine->table, first, last, set_pages, engine);
		if (!error)
			error = result;
	}
	return error;
}

static int apply_pages(struct rs_engine *engine, struct rs_rule *const *rules, size_t count)
{
	struct rs_rule *few[FEW], **pages = count > FEW ? malloc(count * sizeof(*pages)) : few;
	size_t page_count = 0;
	int error;

	if (!pages)
		return rs_fail(ENOMEM, "no memory for the pages of %zu watches", count);
	for (size_t i = 0; i < count; i++)
		if (rules[i]->options.kind == RS_PAGE)
			pages[page_count++] = rules[i];
	qsort(pages, page_count, sizeof(*pages), compare_first);
	error = visit_ranges(engine, pages, page_count);
	if (pages != few)
		free(pages);
	return error;
}

/* -- breakpoints -- */

static void clear_traps(struct rs_engine *engine, struct rs_rule *const *rules, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!rules[i]->armed || rules[i]->published)
			continue;
		rs_traps_clear(&engine->traps, rules[i]->first);
		rules[i]->armed = false;
	}
}

static int set_traps(struct rs_engine *engine, struct rs_rule *const *rules, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int error;

		if (!rs_rule_is_placed(rules[i]) || rules[i]->armed || !rules[i]->published ||
		    rules[i]->everywhere)
			continue;
		error = rs_traps_set(&engine->traps, rules[i]->first);
		if (error)
			return error;
		rules[i]->armed = true;
	}
	return 0;
}

/* An INT3 of ours while its source is off would be the guest's. */
int rs_wanted_apply(struct rs_engine *engine, struct rs_rule *const *rules, size_t count,
		    const struct rs_rule *except)
{
	int error, result;

	clear_traps(engine, rules, count);
	error = hold_writes(engine, rules, count);
	if (!error)
		error = apply_sources(engine, rules, count, except);
	if (!error)
		error = set_traps(engine, rules, count);
	result = apply_pages(engine, rules, count);
	return error ? error : result;
}

int rs_wanted_open_pages(struct rs_engine *engine)
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
