/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rcu.h: the little of RCU that the table of watches wants, from liburcu's memb flavour.
 *
 * memb because its read side is a few plain loads and stores: the full barrier that it needs is
 * made by the writer, on all CPUs, with membarrier(2). QSBR has an even cheaper one for who
 * reads all the time; but our workers sleep, in handlers and for events, and would go online
 * and offline, with three full barriers, around each look-up. A grace period then also never
 * waits for a thread that is in a handler.
 *
 * The table is written and read by our own release and acquire, and the grace period's edge,
 * which runs through a library that ThreadSanitizer has not seen, carries notes for it.
 */
#ifndef RS_ENGINE_RCU_H
#define RS_ENGINE_RCU_H

#include <stdbool.h>

#include "ring/atomics.h"

/* Inline: we are LGPL too. But not for ThreadSanitizer, to which its plain accesses are races. */
#if !defined(_LGPL_SOURCE) && !defined(RS_TSAN)
#define _LGPL_SOURCE
#endif
#include <urcu/urcu-memb.h>

/* Stands for the grace period's edge in those notes; a release of *at would wipe them. */
extern char rs_rcu_grace;

/* This thread may read from now on, until it ends. Any number of times. */
void rs_rcu_enter(void);

/* Between these two what a table shows stays. Neither nests nor sleeps. */
static inline void rs_rcu_begin(void)
{
	urcu_memb_read_lock();
}

static inline void rs_rcu_done(void)
{
	rs_tsan_release(&rs_rcu_grace);
	urcu_memb_read_unlock();
}

/*
 * Says in *where what we use, before we look whether it may still be used. Who takes that back
 * and calls rs_rcu_wait before looking at *where sees it, or is seen: that makes all threads pass
 * a barrier, so that here the compiler's is enough.
 */
#ifdef RS_TSAN
#define rs_rcu_publish(where, what) rs_store_seq_cst((where), (what))
#else
#define rs_rcu_publish(where, what)                \
	do {                                       \
		rs_store_release((where), (what)); \
		rs_compiler_barrier();             \
	} while (0)
#endif

/* Can the kernel do that? If not, nobody may use rs_rcu_publish. */
bool rs_rcu_can_publish(void);

/* Until nobody reads any more what was to be read when this was called. */
void rs_rcu_wait(void);

#endif
