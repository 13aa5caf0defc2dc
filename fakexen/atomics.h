/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* atomics.h: the model's one header of C11 atomics (guest memory has its own, in cpu/).
 * Who uses acquire or release says with whom it pairs; seq_cst is for the places where
 * two sides each store and then look at what the other stored. */
#ifndef FAKEXEN_ATOMICS_H
#define FAKEXEN_ATOMICS_H

#define fx_load_relaxed(pointer) __atomic_load_n((pointer), __ATOMIC_RELAXED)
#define fx_load_acquire(pointer) __atomic_load_n((pointer), __ATOMIC_ACQUIRE)
#define fx_load_seq_cst(pointer) __atomic_load_n((pointer), __ATOMIC_SEQ_CST)

#define fx_store_relaxed(pointer, value) __atomic_store_n((pointer), (value), __ATOMIC_RELAXED)
#define fx_store_release(pointer, value) __atomic_store_n((pointer), (value), __ATOMIC_RELEASE)
#define fx_store_seq_cst(pointer, value) __atomic_store_n((pointer), (value), __ATOMIC_SEQ_CST)

#define fx_swap_seq_cst(pointer, value) \
	__atomic_exchange_n((pointer), (value), __ATOMIC_SEQ_CST)
#define fx_add_seq_cst(pointer, value) __atomic_add_fetch((pointer), (value), __ATOMIC_SEQ_CST)
#define fx_or_seq_cst(pointer, value) __atomic_fetch_or((pointer), (value), __ATOMIC_SEQ_CST)
#define fx_and_seq_cst(pointer, value) __atomic_fetch_and((pointer), (value), __ATOMIC_SEQ_CST)
/* A count that only a report reads. */
#define fx_count(pointer) ((void)__atomic_fetch_add((pointer), 1, __ATOMIC_RELAXED))

/* Stores `value` if *pointer is *expected; else *expected becomes what it is. */
#define fx_replace_seq_cst(pointer, expected, value) \
	__atomic_compare_exchange_n((pointer), (expected), (value), 0, \
		__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

/* The stores before it come before the stores after it, as far as one finds out who takes
 * the work of a killed process up: what the kernel lets him see is a prefix of what the
 * process did, so only the compiler has to be held. */
#define fx_order_stores() __atomic_signal_fence(__ATOMIC_SEQ_CST)

/* A spinning processor's breath. */
#define fx_pause() __builtin_ia32_pause()

#endif
