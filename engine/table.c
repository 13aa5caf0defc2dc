/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* table.c: builds the segments of a table, and searches them. */
#include "engine/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xen/error.h"

#define ACCESS_ALL (RS_ACCESS_R | RS_ACCESS_W | RS_ACCESS_X)

struct segment {
	uint64_t first, last;
	uint32_t access;
	uint32_t count;   /* of watches */
	size_t watch;     /* index of the first one */
};

struct reference {
	uint64_t order;
	struct rs_watch *watch;
	uint32_t access;
};

struct kind {
	size_t segment, count; /* in the table's segments */
};

struct rs_table {
	struct kind kinds[RS_KIND_COUNT];
	struct segment *segments;
	size_t segment_count, segment_room;
	struct reference *references;
	size_t reference_count, reference_room;
};

static int compare_entries(const void *a, const void *b)
{
	const struct rs_table_entry *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int compare_references(const void *a, const void *b)
{
	const struct reference *x = a, *y = b;

	return x->order < y->order ? -1 : x->order > y->order;
}

/* Room for one more of an array; NULL, and the array as it was, without memory. */
static void *grow(void *array, size_t count, size_t *room, size_t size)
{
	size_t wanted = *room ? *room * 2 : 16;

	if (count < *room)
		return array;
	array = realloc(array, wanted * size);
	if (array)
		*room = wanted;
	return array;
}

static int add_reference(struct rs_table *table, const struct rs_table_entry *entry)
{
	struct reference *array = grow(table->references, table->reference_count,
				       &table->reference_room, sizeof(*array));

	if (!array)
		return -ENOMEM;
	table->references = array;
	array[table->reference_count++] = (struct reference){
		.order = entry->order,
		.watch = entry->watch,
		.access = entry->access,
	};
	return 0;
}

static int add_segment(struct rs_table *table, const struct segment *segment)
{
	struct segment *array = grow(table->segments, table->segment_count,
				     &table->segment_room, sizeof(*array));

	if (!array)
		return -ENOMEM;
	table->segments = array;
	array[table->segment_count++] = *segment;
	return 0;
}

/* One segment, whose watches are the `count` entries that are active in it. */
static int emit(struct rs_table *table, uint64_t first, uint64_t last,
		const struct rs_table_entry *const *active, size_t count)
{
	struct segment segment = {
		.first = first,
		.last = last,
		.access = ACCESS_ALL,
		.count = (uint32_t)count,
		.watch = table->reference_count,
	};

	for (size_t i = 0; i < count; i++) {
		segment.access &= active[i]->access;
		if (add_reference(table, active[i]))
			return -ENOMEM;
	}
	qsort(table->references + segment.watch, count, sizeof(*table->references),
	      compare_references);
	return add_segment(table, &segment);
}

/* Where the segment that begins at `from` ends: before anything else begins or ends. */
static uint64_t segment_end(const struct rs_table_entry *const *active, size_t active_count,
			    const struct rs_table_entry *next)
{
	uint64_t last = next ? next->first - 1 : UINT64_MAX;

	for (size_t i = 0; i < active_count; i++)
		if (active[i]->last < last)
			last = active[i]->last;
	return last;
}

static size_t drop_ended(const struct rs_table_entry **active, size_t count, uint64_t position)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (active[i]->last >= position)
			active[kept++] = active[i];
	return kept;
}

/* Sweeps over the entries of one kind, which are sorted by where they begin. */
static int build_kind(struct rs_table *table, const struct rs_table_entry *entries,
		      size_t count, const struct rs_table_entry **active)
{
	size_t next = 0, active_count = 0;
	uint64_t position = 0;

	while (next < count || active_count) {
		uint64_t last;

		if (!active_count)
			position = entries[next].first;
		while (next < count && entries[next].first == position)
			active[active_count++] = &entries[next++];
		last = segment_end(active, active_count, next < count ? &entries[next] : NULL);
		if (emit(table, position, last, active, active_count))
			return -ENOMEM;
		if (last == UINT64_MAX)
			break;
		position = last + 1;
		active_count = drop_ended(active, active_count, position);
	}
	return 0;
}

static int build(struct rs_table *table, struct rs_table_entry *entries, size_t count,
		 const struct rs_table_entry **active)
{
	for (size_t begin = 0, end; begin < count; begin = end) {
		struct kind *kind = &table->kinds[entries[begin].kind];

		for (end = begin; end < count && entries[end].kind == entries[begin].kind;)
			end++;
		kind->segment = table->segment_count;
		if (build_kind(table, entries + begin, end - begin, active))
			return -ENOMEM;
		kind->count = table->segment_count - kind->segment;
	}
	return 0;
}

int rs_table_build(struct rs_table **out, struct rs_table_entry *entries, size_t count)
{
	struct rs_table *table = calloc(1, sizeof(*table));
	const struct rs_table_entry **active = calloc(count + 1, sizeof(*active));
	int error = table && active ? 0 : -ENOMEM;

	if (!error) {
		if (count)
			qsort(entries, count, sizeof(*entries), compare_entries);
		error = build(table, entries, count, active);
	}
	free(active);
	if (error) {
		rs_table_free(table);
		return rs_fail(ENOMEM, "no memory for a table of %zu watches", count);
	}
	*out = table;
	return 0;
}

void rs_table_free(struct rs_table *table)
{
	if (!table)
		return;
	free(table->segments);
	free(table->references);
	free(table);
}

uint64_t rs_table_key(const struct rs_event *event)
{
	switch (event->kind) {
	case RS_CR:
		return event->cr.which;
	case RS_MSR:
		return event->msr.index;
	case RS_PAGE:
		return event->page.gfn;
	default:
		return 0;
	}
}

/* The first segment of a kind that ends at `key` or after it, or NULL. */
static const struct segment *search(const struct rs_table *table, enum rs_kind kind, uint64_t key)
{
	const struct segment *segments = table->segments + table->kinds[kind].segment;
	size_t low = 0, high = table->kinds[kind].count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (segments[middle].last < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low < table->kinds[kind].count ? segments + low : NULL;
}

static const struct segment *find(const struct rs_table *table, enum rs_kind kind, uint64_t key)
{
	const struct segment *segment;

	if (!table->kinds[kind].count)
		return NULL;
	segment = search(table, kind, key);
	return segment && segment->first <= key ? segment : NULL;
}

struct rs_watch *rs_table_next(const struct rs_table *table, enum rs_kind kind, uint64_t key,
			       uint32_t access, uint64_t *order, bool *more)
{
	const struct segment *segment = find(table, kind, key);

	*more = false;
	for (uint32_t i = 0; segment && i < segment->count; i++) {
		const struct reference *reference = table->references + segment->watch + i;

		if (reference->order <= *order)
			continue;
		if (access && !(access & ACCESS_ALL & ~reference->access))
			continue;
		*order = reference->order;
		*more = i + 1 < segment->count;
		return reference->watch;
	}
	return NULL;
}

uint32_t rs_table_access(const struct rs_table *table, uint64_t gfn)
{
	const struct segment *segment = find(table, RS_PAGE, gfn);

	return segment ? segment->access : ACCESS_ALL;
}

int rs_table_visit_pages(const struct rs_table *table, uint64_t first, uint64_t last,
			 int (*visit)(void *context, uint64_t first, uint64_t last,
				      uint32_t access),
			 void *context)
{
	for (;;) {
		const struct segment *segment =
			table->kinds[RS_PAGE].count ? search(table, RS_PAGE, first) : NULL;
		bool inside = segment && segment->first <= first;
		uint64_t end = inside ? segment->last : segment ? segment->first - 1 : last;
		int result;

		if (end > last)
			end = last;
		result = visit(context, first, end, inside ? segment->access : ACCESS_ALL);
		if (result || end == last)
			return result;
		first = end + 1;
	}
}
