/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * permissions.c: a radix tree of small numbers.
 *
 * An entry is odd if all below it is alike, and the value then in the bits above the lowest;
 * else it is a pointer.
 *
 *   P1  a reader acquires P2: what it is pointed to is whole
 *   P2  the writer releases a table that it has filled
 */
#include "altp2m/permissions.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ring/atomics.h"
#include "xen/error.h"

#define LEVEL_BITS 9
#define ENTRIES (1U << LEVEL_BITS)
#define TOP 4 /* the root's level; level 0 is a leaf's */

struct table {
	uintptr_t entries[ENTRIES];
};

struct leaf {
	uint8_t pairs[ENTRIES / 2];
};

static inline uintptr_t alike(uint32_t value)
{
	return (uintptr_t)value << 1 | 1;
}

static inline bool is_alike(uintptr_t entry)
{
	return entry & 1;
}

static inline uint32_t value_of(uintptr_t entry)
{
	return (uint32_t)(entry >> 1);
}

/* How many frames an entry at that level stands for. */
static inline uint64_t span(unsigned int level)
{
	return 1ULL << (level + 1) * LEVEL_BITS;
}

static inline unsigned int index_of(uint64_t gfn, unsigned int level)
{
	return gfn >> level * LEVEL_BITS & (ENTRIES - 1);
}

void rs_permissions_init(struct rs_permissions *permissions, uint32_t value)
{
	permissions->root = alike(value);
	permissions->bytes = 0;
}

static void free_below(uintptr_t entry, unsigned int level)
{
	struct table *table = (struct table *)entry;

	if (is_alike(entry))
		return;
	for (unsigned int i = 0; level && i < ENTRIES; i++)
		free_below(table->entries[i], level - 1);
	free(table);
}

void rs_permissions_free(struct rs_permissions *permissions)
{
	free_below(permissions->root, TOP);
	rs_permissions_init(permissions, 0);
}

/* A table below an entry whose frames are alike, filled with their value. */
static int split(struct rs_permissions *permissions, uintptr_t *entry, unsigned int level)
{
	size_t size = level ? sizeof(struct table) : sizeof(struct leaf);
	uint32_t value = value_of(*entry);
	void *made = malloc(size);

	if (!made)
		return rs_fail(ENOMEM, "no memory for the permissions of pages");
	if (level)
		for (unsigned int i = 0; i < ENTRIES; i++)
			((struct table *)made)->entries[i] = *entry;
	else
		memset(made, (int)(value << 4 | value), size);
	permissions->bytes += size;
	rs_store_release(entry, (uintptr_t)made); /* P2 */
	return 0;
}

/*
 * Makes a frame the first of its own entry, or of the greatest that begins with it, so that a
 * range can begin there. Changes no value.
 */
static int cut(struct rs_permissions *permissions, uint64_t gfn)
{
	uintptr_t *entry = &permissions->root;

	for (unsigned int level = TOP; gfn & (span(level) - 1); level--) {
		int error = is_alike(*entry) ? split(permissions, entry, level) : 0;

		if (error || !level)
			return error;
		entry = &((struct table *)*entry)->entries[index_of(gfn, level)];
	}
	return 0;
}

static void set_in_leaf(struct leaf *leaf, unsigned int first, unsigned int last, uint32_t value)
{
	for (unsigned int i = first; i <= last; i++) {
		uint8_t *pair = &leaf->pairs[i / 2];
		unsigned int shift = i % 2 * 4;

		rs_store_relaxed(pair, (uint8_t)((*pair & ~(15U << shift)) | value << shift));
	}
}

/* From `first` to `last`, which lie below that entry; it has been cut at both. */
static void assign(uintptr_t *entry, unsigned int level, uint64_t first, uint64_t last,
		   uint32_t value)
{
	struct table *table = (struct table *)*entry;

	if (is_alike(*entry)) {
		rs_store_relaxed(entry, alike(value));
		return;
	}
	if (!level) {
		set_in_leaf((struct leaf *)table, index_of(first, 0), index_of(last, 0), value);
		return;
	}
	for (uint64_t end; first <= last; first = end + 1) {
		end = first | (span(level - 1) - 1);
		if (end > last)
			end = last;
		assign(&table->entries[index_of(first, level)], level - 1, first, end, value);
	}
}

int rs_permissions_reserve(struct rs_permissions *permissions, uint64_t first_gfn,
			   uint64_t last_gfn)
{
	int error = cut(permissions, first_gfn);

	return error ? error : cut(permissions, last_gfn + 1);
}

int rs_permissions_set(struct rs_permissions *permissions, uint64_t first_gfn, uint64_t last_gfn,
		       uint32_t value)
{
	int error = rs_permissions_reserve(permissions, first_gfn, last_gfn);

	if (!error)
		assign(&permissions->root, TOP, first_gfn, last_gfn, value);
	return error;
}

/* The lowest entry above a frame, and its level; of a leaf *level is 0 and the entry a pointer. */
static inline uintptr_t find(const struct rs_permissions *permissions, uint64_t gfn,
			     unsigned int *level)
{
	uintptr_t entry = rs_load_acquire(&permissions->root); /* P1 */

	for (*level = TOP; *level && !is_alike(entry); --*level)
		entry = rs_load_acquire( /* P1 */
			&((struct table *)entry)->entries[index_of(gfn, *level)]);
	return entry;
}

static inline uint32_t leaf_value(uintptr_t entry, uint64_t gfn)
{
	const struct leaf *leaf = (const struct leaf *)entry;

	return rs_load_relaxed(&leaf->pairs[index_of(gfn, 0) / 2]) >> gfn % 2 * 4 & 15;
}

uint32_t rs_permissions_get(const struct rs_permissions *permissions, uint64_t gfn)
{
	unsigned int level;
	uintptr_t entry = find(permissions, gfn, &level);

	return is_alike(entry) ? value_of(entry) : leaf_value(entry, gfn);
}

uint64_t rs_permissions_end(const struct rs_permissions *permissions, uint64_t gfn,
			    uint64_t last_gfn)
{
	uint32_t value = rs_permissions_get(permissions, gfn);

	while (gfn <= last_gfn) {
		unsigned int level;
		uintptr_t entry = find(permissions, gfn, &level);

		if (is_alike(entry)) {
			if (value_of(entry) != value)
				break;
			gfn |= span(level) - 1;
		} else if (leaf_value(entry, gfn) != value) {
			break;
		}
		gfn++;
	}
	return gfn - 1 < last_gfn ? gfn - 1 : last_gfn;
}
