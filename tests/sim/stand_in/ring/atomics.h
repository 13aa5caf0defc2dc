/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * atomics.h, as the simulator's build sees it: the product's own, where each operation is an edge
 * first, at which another thread may run, or the process may die.
 */
#ifndef TESTS_SIM_STAND_IN_ATOMICS_H
#define TESTS_SIM_STAND_IN_ATOMICS_H

#include_next "ring/atomics.h"

#include "tests/sim/edge.h"

#undef rs_load_relaxed
#undef rs_load_acquire
#undef rs_load_seq_cst
#undef rs_store_relaxed
#undef rs_store_release
#undef rs_store_seq_cst
#undef rs_exchange_acquire
#undef rs_exchange_acq_rel
#undef rs_exchange_seq_cst
#undef rs_add_relaxed
#undef rs_add_acq_rel
#undef rs_add_seq_cst
#undef rs_sub_acq_rel
#undef rs_or_seq_cst
#undef rs_or_acq_rel
#undef rs_and_acq_rel
#undef rs_compare_exchange_acq_rel
#undef rs_rcu_publish

#define SIM_AT(operation) (SIM_EDGE(#operation), operation)
#define rs_load_relaxed(pointer) SIM_AT(__atomic_load_n((pointer), __ATOMIC_RELAXED))
#define rs_load_acquire(pointer) SIM_AT(__atomic_load_n((pointer), __ATOMIC_ACQUIRE))
#define rs_load_seq_cst(pointer) SIM_AT(__atomic_load_n((pointer), __ATOMIC_SEQ_CST))
#define rs_store_relaxed(pointer, value) \
	SIM_AT(__atomic_store_n((pointer), (value), __ATOMIC_RELAXED))
#define rs_store_release(pointer, value) \
	SIM_AT(__atomic_store_n((pointer), (value), __ATOMIC_RELEASE))
#define rs_store_seq_cst(pointer, value) \
	SIM_AT(__atomic_store_n((pointer), (value), __ATOMIC_SEQ_CST))
#define rs_exchange_acquire(pointer, value) \
	SIM_AT(__atomic_exchange_n((pointer), (value), __ATOMIC_ACQUIRE))
#define rs_exchange_acq_rel(pointer, value) \
	SIM_AT(__atomic_exchange_n((pointer), (value), __ATOMIC_ACQ_REL))
#define rs_exchange_seq_cst(pointer, value) \
	SIM_AT(__atomic_exchange_n((pointer), (value), __ATOMIC_SEQ_CST))
#define rs_add_relaxed(pointer, value) \
	SIM_AT(__atomic_fetch_add((pointer), (value), __ATOMIC_RELAXED))
#define rs_add_acq_rel(pointer, value) \
	SIM_AT(__atomic_fetch_add((pointer), (value), __ATOMIC_ACQ_REL))
#define rs_add_seq_cst(pointer, value) \
	SIM_AT(__atomic_fetch_add((pointer), (value), __ATOMIC_SEQ_CST))
#define rs_sub_acq_rel(pointer, value) \
	SIM_AT(__atomic_fetch_sub((pointer), (value), __ATOMIC_ACQ_REL))
#define rs_or_seq_cst(pointer, value) \
	SIM_AT(__atomic_fetch_or((pointer), (value), __ATOMIC_SEQ_CST))
#define rs_or_acq_rel(pointer, value) \
	SIM_AT(__atomic_fetch_or((pointer), (value), __ATOMIC_ACQ_REL))
#define rs_and_acq_rel(pointer, value) \
	SIM_AT(__atomic_fetch_and((pointer), (value), __ATOMIC_ACQ_REL))
#define rs_compare_exchange_acq_rel(pointer, expected, value)                 \
	SIM_AT(__atomic_compare_exchange_n((pointer), (expected), (value), 0, \
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))

/* Who looks again and again lets others run, and time pass. */
#define rs_cpu_relax() sim_relax()

#endif
