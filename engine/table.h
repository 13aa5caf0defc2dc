/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * table.h: which watches want an event, in constant time, whatever their number.
 *
 * A hash table whose cells are blocks of a kind's key (which register, MSR, gfn, address): one
 * key, or 8, 64, ... of them, aligned. A watch of a range is in the few blocks that make it up, and
 * a look-up asks each size of block that is in use for that kind: one, as a rule.
 *
 * Look-ups run in RCU read sections, beside one writer, whom the engine's control lock
 * serialises. What the writer takes out is freed when rs_table_reap is called, after a grace
 * period.
 */
#ifndef RS_ENGINE_TABLE_H
#define RS_ENGINE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ringside/event.h>

struct rs_rule;
struct rs_table;

/* A watch as the table sees it: its rule (private.h). */
struct rs_table_entry {
	enum rs_kind kind;
	uint64_t first, last; /* of the kind's key, both included */
	uint64_t order;       /* from 1 on, in which watches were made */
	uint32_t access;      /* RS_PAGE: what may be done there */
	struct rs_rule *rule;
};

/*
 * Changes with every watch that is added or removed, after it was and before the grace period. Never
 * 0. A reader that remembers what it found compares by acquire (G1).
 */
static inline const uint64_t *rs_table_changes(const struct rs_table *table)
{
	return (const uint64_t *)table; /* its first member */
}

/* -ENOMEM. */
int rs_table_open(struct rs_table **table);
/* Nobody may read any more. NULL is nothing. */
void rs_table_free(struct rs_table *table);

/*
 * -ENOMEM: then it is not in the table. May wait for a grace period. Two rules of one watch may be
 * in the table at once, with the same order: a look-up finds one of them.
 */
int rs_table_add(struct rs_table *table, const struct rs_table_entry *entry);
/* An entry that was added, to be found no more by who begins to look afterwards. */
void rs_table_remove(struct rs_table *table, const struct rs_table_entry *entry);
/* A grace period has passed since the last removal. */
void rs_table_reap(struct rs_table *table);

/*
 * A page's key is its number and, above that, the view in which it is closed (0: in the host's
 * map). What a view's own rule is found by, for faults there that no page watch wants, is the
 * view's number, under a kind that no event has.
 */
#define RS_TABLE_VIEWS RS_UNKNOWN
/* Breakpoints that the engine places, by guest-physical address: no event has that kind either. */
#define RS_TABLE_TRAPS RS_PRIVILEGED_CALL
#define RS_TABLE_VIEW_SHIFT 44

static inline uint64_t rs_table_page_key(uint16_t view, uint64_t gfn)
{
	return (uint64_t)view << RS_TABLE_VIEW_SHIFT | gfn;
}

/* The key of an event, by which it is looked up: 0 for kinds that have none. */
static inline uint64_t rs_table_key(const struct rs_event *event)
{
	switch (event->kind) {
	case RS_CR:
		return event->cr.which;
	case RS_MSR:
		return event->msr.index;
	case RS_PAGE:
		return rs_table_page_key(event->flags & RS_FLAG_ALTERNATE_P2M ? event->view : 0,
					 event->page.gfn);
	case RS_BREAKPOINT:
		return rs_event_rip(event);
	default:
		return 0;
	}
}

/*
 * The first watch for that kind and key that was made after number *order (0: of all), or
 * NULL. A page fault is wanted only by watches that forbid what the guest tried (`access`);
 * pass 0 for other kinds. *order becomes the watch's; *more is false if none can follow.
 */
struct rs_rule *rs_table_next(const struct rs_table *table, enum rs_kind kind, uint64_t key,
			       uint32_t access, uint64_t *order, bool *more);

/* What the guest may do with a page: what all that watch it allow. */
uint32_t rs_table_access(const struct rs_table *table, uint64_t gfn);

/* The writer's: calls `visit` for all rules of that kind and key, in any order. */
void rs_table_visit(const struct rs_table *table, enum rs_kind kind, uint64_t key,
		    void (*visit)(void *context, const struct rs_rule *rule), void *context);

/* Are there watches of a kind? In a read section. */
bool rs_table_has(const struct rs_table *table, enum rs_kind kind);

/* Are there watches of a kind that want less than half of all keys? Likewise. */
bool rs_table_has_narrow(const struct rs_table *table, enum rs_kind kind);

/* How many watches of a kind there are (a range counts for each of its blocks). */
size_t rs_table_count(const struct rs_table *table, enum rs_kind kind);

/*
 * Calls `visit` for pieces of first to last, in order and without gaps, in each of which all
 * pages have the same access. Stops at the first result other than 0, and returns it.
 */
int rs_table_visit_pages(const struct rs_table *table, uint64_t first, uint64_t last,
			 int (*visit)(void *context, uint64_t first, uint64_t last,
				      uint32_t access),
			 void *context);

#endif
