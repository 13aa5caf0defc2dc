/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sources.c: computes and switches the set of sources. */
#include "engine/sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xen/domain.h"

static int compare(const void *a, const void *b)
{
	const struct rs_xen_source *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static bool is_equal(const struct rs_xen_source *a, const struct rs_xen_source *b)
{
	return a->synchronous == b->synchronous && a->on_change_only == b->on_change_only &&
	       a->allow_userspace == b->allow_userspace && a->ignored_bits == b->ignored_bits;
}

size_t rs_sources_merge(struct rs_xen_source *wanted, size_t count)
{
	size_t kept = 0;

	if (!count)
		return 0;
	qsort(wanted, count, sizeof(*wanted), compare);
	for (size_t i = 1; i < count; i++) {
		struct rs_xen_source *into = &wanted[kept];

		if (compare(into, &wanted[i])) {
			wanted[++kept] = wanted[i];
			continue;
		}
		into->synchronous |= wanted[i].synchronous;
		into->on_change_only &= wanted[i].on_change_only;
		into->allow_userspace |= wanted[i].allow_userspace;
		into->ignored_bits &= wanted[i].ignored_bits;
	}
	return kept + 1;
}

/* What is so already, by a predecessor's death or a race with ourselves, is as wanted. */
static int switch_source(struct rs_sources *sources, const struct rs_xen_source *source, bool on)
{
	int error = rs_xen_monitor_switch(sources->xen, sources->domain, source, on);

	return error == -EEXIST ? 0 : error;
}

/* Is it in the set, just like that? Both are sorted, but the sets are small. */
static bool contains(const struct rs_xen_source *set, size_t count,
		     const struct rs_xen_source *source)
{
	const struct rs_xen_source *found =
		count ? bsearch(source, set, count, sizeof(*set), compare) : NULL;

	return found && is_equal(found, source);
}

/* Switches off what `to` does not have, then on what `from` did not have. */
static int change(struct rs_sources *sources, const struct rs_xen_source *from, size_t from_count,
		  const struct rs_xen_source *to, size_t to_count)
{
	int error = 0;

	for (size_t i = 0; i < from_count; i++)
		if (!contains(to, to_count, &from[i]))
			switch_source(sources, &from[i], false);
	for (size_t i = 0; i < to_count && !error; i++)
		if (!contains(from, from_count, &to[i]))
			error = switch_source(sources, &to[i], true);
	return error;
}

/* Some of the wanted are on now, and some of the old ones off. */
static void go_back(struct rs_sources *sources, const struct rs_xen_source *wanted, size_t count)
{
	struct rs_error_note note;

	rs_error_keep(&note);
	for (size_t i = 0; i < count; i++)
		switch_source(sources, &wanted[i], false);
	change(sources, NULL, 0, sources->on, sources->count);
	rs_error_restore(&note);
}

int rs_sources_apply(struct rs_sources *sources, struct rs_xen_source *wanted, size_t count)
{
	int error = rs_xen_domain_pause(sources->xen, sources->domain);

	if (error) {
		free(wanted);
		return error;
	}
	error = change(sources, sources->on, sources->count, wanted, count);
	if (error) {
		go_back(sources, wanted, count);
		free(wanted);
	} else {
		free(sources->on);
		sources->on = wanted;
		sources->count = count;
	}
	rs_xen_domain_unpause(sources->xen, sources->domain);
	return error;
}

int rs_sources_clear(struct rs_sources *sources)
{
	int error = 0;

	for (size_t i = 0; i < sources->count; i++) {
		int result = switch_source(sources, &sources->on[i], false);

		if (!error)
			error = result;
	}
	free(sources->on);
	sources->on = NULL;
	sources->count = 0;
	return error;
}
