/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sources.c: computes and switches the set of sources. */
#include "engine/sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xen/domain.h"
#include "xen/error.h"

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

void rs_source_merge(struct rs_xen_source *into, const struct rs_xen_source *other)
{
	into->synchronous |= other->synchronous;
	into->on_change_only &= other->on_change_only;
	into->allow_userspace |= other->allow_userspace;
	into->ignored_bits &= other->ignored_bits;
}

/* What is so already, by a predecessor's death or a race with ourselves, is as wanted. */
static int switch_source(struct rs_sources *sources, const struct rs_xen_source *source, bool on)
{
	int error = rs_xen_monitor_switch(sources->xen, sources->domain, source, on);

	return error == -EEXIST ? 0 : error;
}

/* Where it is among those that are on, or where it would be. */
static size_t place_of(const struct rs_sources *sources, const struct rs_xen_source *source,
		       bool *found)
{
	size_t low = 0, high = sources->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(&sources->on[middle], source) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low < sources->count && !compare(&sources->on[low], source);
	return low;
}

static int make_room(struct rs_sources *sources, size_t more)
{
	size_t wanted = sources->count + more, room = sources->room ? sources->room : 16;
	struct rs_xen_source *on;

	if (wanted <= sources->room)
		return 0;
	while (room < wanted)
		room *= 2;
	on = realloc(sources->on, room * sizeof(*on));
	if (!on)
		return rs_fail(ENOMEM, "no memory for the sources of events");
	sources->on = on;
	sources->room = room;
	return 0;
}

static void put_at(struct rs_sources *sources, size_t at, const struct rs_xen_source *source)
{
	memmove(&sources->on[at + 1], &sources->on[at],
		(sources->count - at) * sizeof(*sources->on));
	sources->on[at] = *source;
	sources->count++;
}

static void take_from(struct rs_sources *sources, size_t at)
{
	sources->count--;
	memmove(&sources->on[at], &sources->on[at + 1],
		(sources->count - at) * sizeof(*sources->on));
}

/* An enabled source cannot be changed: off, and on again. */
static int set_one(struct rs_sources *sources, const struct rs_xen_source *wanted)
{
	struct rs_xen_source before;
	struct rs_error_note note;
	bool found;
	size_t at = place_of(sources, wanted, &found);
	int error;

	if (found && is_equal(&sources->on[at], wanted))
		return 0;
	if (found) {
		before = sources->on[at];
		switch_source(sources, &before, false);
	}
	error = switch_source(sources, wanted, true);
	if (!error && found)
		sources->on[at] = *wanted;
	else if (!error)
		put_at(sources, at, wanted);
	if (error && found) {
		rs_error_keep(&note);
		if (switch_source(sources, &before, true))
			take_from(sources, at);
		rs_error_restore(&note);
	}
	return error;
}

static int unset_one(struct rs_sources *sources, const struct rs_xen_source *unwanted)
{
	bool found;
	size_t at = place_of(sources, unwanted, &found);
	int error;

	if (!found)
		return 0;
	error = switch_source(sources, &sources->on[at], false);
	take_from(sources, at);
	return error;
}

static bool has_all(const struct rs_sources *sources, const struct rs_xen_source *wanted,
		    size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool found;
		size_t at = place_of(sources, &wanted[i], &found);

		if (!found || !is_equal(&sources->on[at], &wanted[i]))
			return false;
	}
	return true;
}

static bool has_any(const struct rs_sources *sources, const struct rs_xen_source *unwanted,
		    size_t count)
{
	bool found = false;

	for (size_t i = 0; i < count && !found; i++)
		place_of(sources, &unwanted[i], &found);
	return found;
}

int rs_sources_set(struct rs_sources *sources, const struct rs_xen_source *wanted, size_t count,
		   const struct rs_xen_source *unwanted, size_t unwanted_count)
{
	int error;

	if (has_all(sources, wanted, count) && !has_any(sources, unwanted, unwanted_count))
		return 0;
	error = make_room(sources, count);
	if (!error)
		error = rs_xen_domain_pause(sources->xen, sources->domain);
	if (error)
		return error;
	for (size_t i = 0; i < count && !error; i++)
		error = set_one(sources, &wanted[i]);
	for (size_t i = 0; i < unwanted_count && !error; i++)
		error = unset_one(sources, &unwanted[i]);
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
	sources->count = sources->room = 0;
	return error;
}
