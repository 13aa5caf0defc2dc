/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * atomics.h: the product's one header of C11 atomics.
 *
 * Everything that two threads, or we and Xen, touch at once goes through these names, on
 * plain integers and pointers (the vm_event page is Xen's structure, not ours to declare
 * _Atomic). Three habits make an ordering argument checkable:
 *
 * - each acquire and each release carries a label in a comment and names its partner
 *   ("T1: acquires X1"); Xen's side is X1, X2, ...;
 * - the seq_cst operations are for the store-buffering pattern only: say that you are
 *   about to sleep, look again, against: bring work, look who sleeps. Each such place has
 *   a model in tests/model;
 * - there are no fences here. ThreadSanitizer does not see what a fence orders; it sees
 *   each of these operations.
 */
#ifndef RS_RING_ATOMICS_H
#define RS_RING_ATOMICS_H

#include <stdint.h>

#define rs_load_relaxed(pointer) __atomic_load_n((pointer), __ATOMIC_RELAXED)
#define rs_load_acquire(pointer) __atomic_load_n((pointer), __ATOMIC_ACQUIRE)
#define rs_load_seq_cst(pointer) __atomic_load_n((pointer), __ATOMIC_SEQ_CST)

#define rs_store_relaxed(pointer, value) __atomic_store_n((pointer), (value), __ATOMIC_RELAXED)
#define rs_store_release(pointer, value) __atomic_store_n((pointer), (value), __ATOMIC_RELEASE)
#define rs_store_seq_cst(pointer, value) __atomic_store_n((pointer), (value), __ATOMIC_SEQ_CST)

/* Each of these returns the value from before. */
#define rs_exchange_acquire(pointer, value) \
	__atomic_exchange_n((pointer), (value), __ATOMIC_ACQUIRE)
#define rs_exchange_acq_rel(pointer, value) \
	__atomic_exchange_n((pointer), (value), __ATOMIC_ACQ_REL)
#define rs_exchange_seq_cst(pointer, value) \
	__atomic_exchange_n((pointer), (value), __ATOMIC_SEQ_CST)
#define rs_add_relaxed(pointer, value) __atomic_fetch_add((pointer), (value), __ATOMIC_RELAXED)
#define rs_add_acq_rel(pointer, value) __atomic_fetch_add((pointer), (value), __ATOMIC_ACQ_REL)
#define rs_add_seq_cst(pointer, value) __atomic_fetch_add((pointer), (value), __ATOMIC_SEQ_CST)
#define rs_sub_acq_rel(pointer, value) __atomic_fetch_sub((pointer), (value), __ATOMIC_ACQ_REL)
#define rs_or_seq_cst(pointer, value) __atomic_fetch_or((pointer), (value), __ATOMIC_SEQ_CST)
#define rs_or_acq_rel(pointer, value) __atomic_fetch_or((pointer), (value), __ATOMIC_ACQ_REL)
#define rs_and_acq_rel(pointer, value) __atomic_fetch_and((pointer), (value), __ATOMIC_ACQ_REL)

/* Strong; on failure *expected becomes what was found. True if it was exchanged. */
#define rs_compare_exchange_acq_rel(pointer, expected, value)                  \
	__atomic_compare_exchange_n((pointer), (expected), (value), 0,         \
				    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)

/* The compiler, not the processor: what was read from a shared page stays as it was read. */
#define rs_compiler_barrier() __asm__ volatile("" ::: "memory")

/* One step of a busy-wait. */
static inline void rs_cpu_relax(void)
{
	__builtin_ia32_pause();
}

/*
 * Notes for ThreadSanitizer about an edge that it cannot see, because it runs through a
 * system call or through a library that was built without it. Nothing otherwise.
 */
#if defined(__SANITIZE_THREAD__)
#define RS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RS_TSAN 1
#endif
#endif

/*
 * Adds to a counter that one thread writes and any may read: one instruction, so nobody sees it
 * torn, and none of a bus lock.
 */
#if defined(__x86_64__) && !defined(RS_TSAN)
static inline void rs_add_own(uint64_t *counter, uint64_t amount)
{
	__asm__("addq %1, %0" : "+m"(*counter) : "er"(amount) : "cc");
}
#else
static inline void rs_add_own(uint64_t *counter, uint64_t amount)
{
	rs_store_relaxed(counter, *counter + amount);
}
#endif

/* Is it something other than 0? An acquiring load, and what is done with it, in one instruction. */
#if defined(__x86_64__) && !defined(RS_TSAN)
#define rs_is_set(pointer)                                \
	__extension__({                                    \
		__label__ set_;                            \
		int is_ = 1;                               \
                                                           \
		__asm__ goto("cmpl $0, %0\n\t"             \
			     "jne %l[set_]"                \
			     : /* none */                  \
			     : "m"(*(pointer))             \
			     : "cc", "memory"              \
			     : set_);                      \
		is_ = 0;                                   \
	set_:                                              \
		is_;                                       \
	})
#else
#define rs_is_set(pointer) (rs_load_seq_cst(pointer) != 0)
#endif

#ifdef RS_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define rs_tsan_acquire(address) __tsan_acquire((void *)(address))
#define rs_tsan_release(address) __tsan_release((void *)(address))
#else
#define rs_tsan_acquire(address) ((void)(address))
#define rs_tsan_release(address) ((void)(address))
#endif

#endif
