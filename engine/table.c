/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * table.c: cells in buckets, references to watches in cells.
 *
 *   G1  a reader acquires G2: what it found is whole
 *   G2  the writer releases what it links in
 */
#include "engine/table.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/rcu.h"
#include "ring/atomics.h"
#include "xen/error.h"

#define ACCESS_ALL (RS_ACCESS_R | RS_ACCESS_W | RS_ACCESS_X)
/* Blocks of 8^level keys. */
#define LEVEL_BITS 3
#define LEVELS 22
#define BUCKETS_MIN 64
/* So much waits for a grace period at most before one is made. */
#define GARBAGE_MAX 256

/* What was taken out, and may still be read. First in all that can be. */
struct garbage {
	struct garbage *next;
};

struct reference {
	struct garbage garbage;
	struct reference *next; /* RCU; of a later watch */
	uint64_t order;
	struct rs_rule *rule;
	uint32_t access;
};

struct cell {
	struct garbage garbage;
	/* One for the buckets that are read, one for their successor while that is made. */
	struct cell *next[2]; /* RCU */
	uint64_t block;
	uint32_t tag; /* kind and level */
	struct reference *references; /* RCU */
	struct reference *last;
};

struct buckets {
	struct garbage garbage;
	unsigned int link; /* which `next` of the cells */
	unsigned int shift; /* 64 - log2 of how many */
	size_t count;
	struct cell *heads[]; /* RCU */
};

struct rs_table {
	uint64_t changes;               /* rs_table_changes */
	struct buckets *buckets;        /* RCU */
	uint32_t levels[RS_KIND_COUNT]; /* which have cells */
	/* The writer's. */
	size_t cells;
	size_t level_cells[RS_KIND_COUNT][LEVELS];
	size_t references[RS_KIND_COUNT];
	struct garbage *garbage;
	size_t garbage_count;
};

_Static_assert(offsetof(struct rs_table, changes) == 0, "rs_table_changes");

static inline uint32_t tag_of(enum rs_kind kind, unsigned int level)
{
	return (uint32_t)kind << 8 | level;
}

/* Fibonacci hashing: the upper bits of the product. */
static inline size_t hash(const struct buckets *buckets, uint32_t tag, uint64_t block)
{
	return (size_t)((block + ((uint64_t)tag << 48)) * 0x9e3779b97f4a7c15 >> buckets->shift);
}

static inline struct cell *find_cell(const struct rs_table *table, uint32_t tag, uint64_t block)
{
	/* G1, four times. */
	const struct buckets *buckets = rs_load_acquire(&table->buckets);
	struct cell *cell = rs_load_acquire(&buckets->heads[hash(buckets, tag, block)]);

	while (cell && (cell->block != block || cell->tag != tag))
		cell = rs_load_acquire(&cell->next[buckets->link]);
	return cell;
}

static inline const struct reference *references_of(const struct rs_table *table,
						    enum rs_kind kind, unsigned int level,
						    uint64_t key)
{
	const struct cell *cell =
		find_cell(table, tag_of(kind, level), key >> level * LEVEL_BITS);

	return cell ? rs_load_acquire(&cell->references) : NULL;
}

/* -- the writer -- */

static struct buckets *make_buckets(unsigned int bits, unsigned int link)
{
	struct buckets *buckets =
		calloc(1, sizeof(*buckets) + (sizeof(struct cell *) << bits));

	if (!buckets)
		return NULL;
	buckets->count = (size_t)1 << bits;
	buckets->shift = 64 - bits;
	buckets->link = link;
	return buckets;
}

int rs_table_open(struct rs_table **out)
{
	struct rs_table *table = calloc(1, sizeof(*table));

	if (table)
		table->buckets = make_buckets((unsigned int)__builtin_ctz(BUCKETS_MIN), 0);
	if (!table || !table->buckets) {
		free(table);
		return rs_fail(ENOMEM, "no memory for a table of watches");
	}
	table->changes = 1;
	*out = table;
	return 0;
}

static void discard(struct rs_table *table, struct garbage *garbage)
{
	garbage->next = table->garbage;
	table->garbage = garbage;
	table->garbage_count++;
}

void rs_table_reap(struct rs_table *table)
{
	while (table->garbage) {
		struct garbage *garbage = table->garbage;

		table->garbage = garbage->next;
		free(garbage);
	}
	table->garbage_count = 0;
}

static void link_cell(struct buckets *buckets, struct cell *cell)
{
	struct cell **head = &buckets->heads[hash(buckets, cell->tag, cell->block)];

	rs_store_relaxed(&cell->next[buckets->link], *head);
	rs_store_release(head, cell); /* G2 */
}

/*
 * Twice as many buckets, by the cells' other link: readers of the old ones see nothing of it.
 * Without memory all goes on, slower.
 */
static void grow(struct rs_table *table)
{
	struct buckets *old = table->buckets, *buckets;

	if (table->cells <= old->count)
		return;
	buckets = make_buckets(64 - old->shift + 1, !old->link);
	if (!buckets)
		return;
	for (size_t i = 0; i < old->count; i++)
		for (struct cell *cell = old->heads[i]; cell; cell = cell->next[old->link])
			link_cell(buckets, cell);
	rs_store_release(&table->buckets, buckets); /* G2 */
	/* The other links are not free for the next time before nobody reads by them. */
	discard(table, &old->garbage);
	rs_rcu_wait();
	rs_table_reap(table);
}

static struct cell *make_cell(struct rs_table *table, enum rs_kind kind, unsigned int level,
			      uint64_t block)
{
	struct cell *cell = calloc(1, sizeof(*cell));

	if (!cell)
		return NULL;
	cell->tag = tag_of(kind, level);
	cell->block = block;
	grow(table);
	link_cell(table->buckets, cell);
	table->cells++;
	if (!table->level_cells[kind][level]++)
		rs_store_release(&table->levels[kind], table->levels[kind] | 1U << level);
	return cell;
}

static void unlink_cell(struct rs_table *table, struct cell *cell)
{
	struct buckets *buckets = table->buckets;
	struct cell **at = &buckets->heads[hash(buckets, cell->tag, cell->block)];
	unsigned int kind = cell->tag >> 8, level = cell->tag & 0xff;

	while (*at != cell)
		at = &(*at)->next[buckets->link];
	rs_store_release(at, cell->next[buckets->link]); /* G2 */
	table->cells--;
	if (!--table->level_cells[kind][level])
		rs_store_release(&table->levels[kind], table->levels[kind] & ~(1U << level));
	discard(table, &cell->garbage);
}

/* In their order; as a rule that is at the end. */
static void link_reference(struct cell *cell, struct reference *reference)
{
	struct reference **at = &cell->references;

	if (*at && cell->last->order <= reference->order)
		at = &cell->last->next;
	while (*at && (*at)->order <= reference->order)
		at = &(*at)->next;
	reference->next = *at;
	if (!*at)
		cell->last = reference;
	rs_store_release(at, reference); /* G2 */
}

static int add_to_block(struct rs_table *table, const struct rs_table_entry *entry,
			unsigned int level, uint64_t block)
{
	struct reference *reference = malloc(sizeof(*reference));
	struct cell *cell = find_cell(table, tag_of(entry->kind, level), block);

	if (reference && !cell)
		cell = make_cell(table, entry->kind, level, block);
	if (!reference || !cell) {
		free(reference);
		return -ENOMEM;
	}
	*reference = (struct reference){
		.order = entry->order,
		.rule = entry->rule,
		.access = entry->access,
	};
	link_reference(cell, reference);
	table->references[entry->kind]++;
	return 0;
}

static int remove_from_block(struct rs_table *table, const struct rs_table_entry *entry,
			     unsigned int level, uint64_t block)
{
	struct cell *cell = find_cell(table, tag_of(entry->kind, level), block);
	struct reference **at = cell ? &cell->references : NULL, *before = NULL, *found;

	while (at && *at && (*at)->rule != entry->rule) {
		before = *at;
		at = &before->next;
	}
	if (!at || !*at)
		return 0;
	found = *at;
	if (cell->last == found)
		cell->last = before;
	rs_store_release(at, found->next); /* G2 */
	discard(table, &found->garbage);
	table->references[entry->kind]--;
	if (!cell->references)
		unlink_cell(table, cell);
	return 0;
}

/* The greatest block that begins at `first` and does not end after `last`. */
static unsigned int level_at(uint64_t first, uint64_t last)
{
	unsigned int level = 0;

	while (level + 1 < LEVELS) {
		uint64_t rest = (1ULL << (level + 1) * LEVEL_BITS) - 1;

		if (first & rest || last - first < rest)
			break;
		level++;
	}
	return level;
}

static int for_blocks(struct rs_table *table, const struct rs_table_entry *entry,
		      int (*what)(struct rs_table *, const struct rs_table_entry *, unsigned int,
				  uint64_t))
{
	uint64_t first = entry->first;

	for (;;) {
		unsigned int level = level_at(first, entry->last);
		uint64_t end = first + (1ULL << level * LEVEL_BITS) - 1;
		int error = what(table, entry, level, first >> level * LEVEL_BITS);

		if (error || end >= entry->last)
			return error;
		first = end + 1;
	}
}

/* For those who remember what they found. */
static void change(struct rs_table *table)
{
	rs_store_release(&table->changes, table->changes + 1); /* G2, Q2 */
}

int rs_table_add(struct rs_table *table, const struct rs_table_entry *entry)
{
	int error;

	if (table->garbage_count > GARBAGE_MAX) {
		rs_rcu_wait();
		rs_table_reap(table);
	}
	error = for_blocks(table, entry, add_to_block);
	if (error)
		for_blocks(table, entry, remove_from_block);
	change(table);
	if (!error)
		return 0;
	return rs_fail(ENOMEM, "no memory for a watch in the table");
}

void rs_table_remove(struct rs_table *table, const struct rs_table_entry *entry)
{
	for_blocks(table, entry, remove_from_block);
	change(table);
}

void rs_table_free(struct rs_table *table)
{
	if (!table)
		return;
	rs_table_reap(table);
	for (size_t i = 0; i < table->buckets->count; i++) {
		struct cell *cell = table->buckets->heads[i];

		while (cell) {
			struct cell *next = cell->next[table->buckets->link];

			while (cell->references) {
				struct reference *reference = cell->references;

				cell->references = reference->next;
				free(reference);
			}
			free(cell);
			cell = next;
		}
	}
	free(table->buckets);
	free(table);
}

/* -- readers -- */

static inline bool is_wanted(const struct reference *reference, uint32_t access, uint64_t order)
{
	return reference->order > order &&
	       (!access || access & ACCESS_ALL & ~reference->access);
}

struct rs_rule *rs_table_next(const struct rs_table *table, enum rs_kind kind, uint64_t key,
			       uint32_t access, uint64_t *order, bool *more)
{
	uint32_t levels = rs_load_relaxed(&table->levels[kind]);
	const struct reference *found = NULL;

	*more = false;
	for (; levels; levels &= levels - 1) {
		const struct reference *reference =
			references_of(table, kind, (unsigned int)__builtin_ctz(levels), key);

		while (reference && !is_wanted(reference, access, *order))
			reference = rs_load_acquire(&reference->next);
		if (!reference)
			continue;
		*more |= found || rs_load_relaxed(&reference->next);
		if (!found || reference->order < found->order)
			found = reference;
	}
	if (!found)
		return NULL;
	*order = found->order;
	return found->rule;
}

void rs_table_visit(const struct rs_table *table, enum rs_kind kind, uint64_t key,
		    void (*visit)(void *context, const struct rs_rule *rule), void *context)
{
	for (uint32_t levels = table->levels[kind]; levels; levels &= levels - 1) {
		const struct reference *reference =
			references_of(table, kind, (unsigned int)__builtin_ctz(levels), key);

		for (; reference; reference = reference->next)
			visit(context, reference->rule);
	}
}

uint32_t rs_table_access(const struct rs_table *table, uint64_t gfn)
{
	uint32_t levels = rs_load_relaxed(&table->levels[RS_PAGE]), access = ACCESS_ALL;

	for (; levels; levels &= levels - 1) {
		const struct reference *reference =
			references_of(table, RS_PAGE, (unsigned int)__builtin_ctz(levels), gfn);

		for (; reference; reference = rs_load_acquire(&reference->next))
			access &= reference->access;
	}
	return access;
}

bool rs_table_has(const struct rs_table *table, enum rs_kind kind)
{
	return rs_load_acquire(&table->levels[kind]);
}

bool rs_table_has_narrow(const struct rs_table *table, enum rs_kind kind)
{
	return rs_load_acquire(&table->levels[kind]) & ~(1U << (LEVELS - 1));
}

size_t rs_table_count(const struct rs_table *table, enum rs_kind kind)
{
	return table->references[kind];
}

int rs_table_visit_pages(const struct rs_table *table, uint64_t first, uint64_t last,
			 int (*visit)(void *context, uint64_t first, uint64_t last,
				      uint32_t access),
			 void *context)
{
	uint32_t access = rs_table_access(table, first);

	for (uint64_t gfn = first; gfn != last; gfn++) {
		uint32_t next = rs_table_access(table, gfn + 1);
		int result;

		if (next == access)
			continue;
		result = visit(context, first, gfn, access);
		if (result)
			return result;
		first = gfn + 1;
		access = next;
	}
	return visit(context, first, last, access);
}
