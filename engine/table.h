/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * table.h: which watches want an event.
 *
 * A table is built once and never changes. The engine publishes a new one for each watch
 * made or removed, readers look things up in whichever they find (RCU), and the old one is
 * freed when no reader can have it any more. So a look-up is a binary search and no more:
 * by kind, then among segments of the kind's key (which register, MSR or gfn), disjoint and
 * in order, each with its watches in the order in which they were made.
 */
#ifndef RS_ENGINE_TABLE_H
#define RS_ENGINE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ringside/event.h>

struct rs_watch;
struct rs_table;

/* A watch as the table sees it. */
struct rs_table_entry {
	enum rs_kind kind;
	uint64_t first, last; /* of the kind's key, both included */
	uint64_t order;       /* from 1 on; no two are the same */
	uint32_t access;      /* RS_PAGE: what may be done there */
	struct rs_watch *watch;
};

/* Entries in any order; they are sorted in place. -ENOMEM. */
int rs_table_build(struct rs_table **table, struct rs_table_entry *entries, size_t count);
void rs_table_free(struct rs_table *table);

/* The key of an event, by which it is looked up: 0 for kinds that have none. */
uint64_t rs_table_key(const struct rs_event *event);

/*
 * The first watch for that kind and key that was made after number *order (0: of all), or
 * NULL. A page fault is wanted only by watches that forbid what the guest tried (`access`);
 * pass 0 for other kinds. *order becomes the watch's; *more is false if none can follow.
 */
struct rs_watch *rs_table_next(const struct rs_table *table, enum rs_kind kind, uint64_t key,
			       uint32_t access, uint64_t *order, bool *more);

/* What the guest may do with a page: what all that watch it allow. */
uint32_t rs_table_access(const struct rs_table *table, uint64_t gfn);

/*
 * Calls `visit` for pieces of first to last, in order and without gaps, in each of which all
 * pages have the same access. Stops at the first result other than 0, and returns it.
 */
int rs_table_visit_pages(const struct rs_table *table, uint64_t first, uint64_t last,
			 int (*visit)(void *context, uint64_t first, uint64_t last,
				      uint32_t access),
			 void *context);

#endif
