/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rcu.h: the little of RCU that the table of watches wants, from liburcu's QSBR flavour.
 *
 * QSBR because its read side is two plain stores, each with a full barrier, around a look-up,
 * and because a thread is of no concern to it in between: the thread that runs the engine is
 * offline but for the look-ups, so neither a handler that sleeps nor an engine that does holds
 * up anybody's grace period.
 *
 * The table is published and read by our own release and acquire, and the grace period's edge,
 * which runs through a library that ThreadSanitizer has not seen, carries notes for it.
 */
#ifndef RS_ENGINE_RCU_H
#define RS_ENGINE_RCU_H

#ifndef _LGPL_SOURCE
#define _LGPL_SOURCE /* inline: we are LGPL too */
#endif
#include <urcu-qsbr.h>

#include "ring/atomics.h"

struct rs_table;

/* Stands for the grace period's edge in those notes; a release of *at would wipe them. */
extern char rs_rcu_grace;

/* This thread may read from now on; it begins offline. */
static inline void rs_rcu_enter(void)
{
	rcu_register_thread();
	rcu_thread_offline();
}

static inline void rs_rcu_leave(void)
{
	rcu_unregister_thread();
}

/* Between these two the table that *at pointed to stays. Neither nests nor sleeps. */
static inline const struct rs_table *rs_rcu_read(struct rs_table **at)
{
	rcu_thread_online();
	/* G1: acquires G2, so that the table is whole. */
	return rs_load_acquire(at);
}

static inline void rs_rcu_done(void)
{
	rs_tsan_release(&rs_rcu_grace);
	rcu_thread_offline();
}

/* Makes *at point to another table. On return nobody reads the old one, which is returned. */
static inline struct rs_table *rs_rcu_publish(struct rs_table **at, struct rs_table *table)
{
	struct rs_table *old = *at;

	/* G2: releases the table to G1. */
	rs_store_release(at, table);
	synchronize_rcu();
	rs_tsan_acquire(&rs_rcu_grace);
	return old;
}

#endif
