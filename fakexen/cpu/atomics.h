/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* atomics.h: accesses to memory that others touch at the same time: other processors of
 * the guest, and tools. The guest's races are the guest's own business, so ThreadSanitizer
 * does not look at plain accesses; x86 gives them the order that the guest expects. */
#ifndef FAKEXEN_CPU_ATOMICS_H
#define FAKEXEN_CPU_ATOMICS_H

#include <stdbool.h>
#include <stdint.h>

#define FX_GUEST_ACCESS __attribute__((no_sanitize("thread"))) static inline

typedef uint16_t fx_u16 __attribute__((aligned(1), may_alias));
typedef uint32_t fx_u32 __attribute__((aligned(1), may_alias));
typedef uint64_t fx_u64 __attribute__((aligned(1), may_alias));

/* One access each, whatever the alignment, as the guest's instruction would make it. */
FX_GUEST_ACCESS uint64_t fx_get(const void *from, unsigned int size)
{
	switch (size) {
	case 1: return *(const volatile uint8_t *)from;
	case 2: return *(const volatile fx_u16 *)from;
	case 4: return *(const volatile fx_u32 *)from;
	default: return *(const volatile fx_u64 *)from;
	}
}

FX_GUEST_ACCESS void fx_put(void *to, unsigned int size, uint64_t value)
{
	switch (size) {
	case 1: *(volatile uint8_t *)to = (uint8_t)value; break;
	case 2: *(volatile fx_u16 *)to = (uint16_t)value; break;
	case 4: *(volatile fx_u32 *)to = (uint32_t)value; break;
	default: *(volatile fx_u64 *)to = value; break;
	}
}

FX_GUEST_ACCESS void fx_copy(void *to, const void *from, unsigned int size)
{
	uint8_t *out = to;
	const uint8_t *in = from;

	for (; size >= 8; size -= 8, in += 8, out += 8)
		fx_put(out, 8, fx_get(in, 8));
	for (; size; size--)
		fx_put(out++, 1, fx_get(in++, 1));
}

/* A locked compare-and-exchange on guest memory: a full barrier, alignment does not
 * matter (the builtin would make a call for what is not aligned). False: it held
 * another value, which is now in *expected. */
static inline bool fx_exchange_if(void *at, unsigned int size, uint64_t *expected, uint64_t value)
{
	uint64_t was = *expected;
	bool done;

	switch (size) {
	case 1:
		__asm__ __volatile__("lock cmpxchgb %b3, %1" : "+a"(was),
			"+m"(*(uint8_t *)at), "=@ccz"(done) : "q"(value) : "memory");
		break;
	case 2:
		__asm__ __volatile__("lock cmpxchgw %w3, %1" : "+a"(was),
			"+m"(*(fx_u16 *)at), "=@ccz"(done) : "r"(value) : "memory");
		break;
	case 4:
		__asm__ __volatile__("lock cmpxchgl %k3, %1" : "+a"(was),
			"+m"(*(fx_u32 *)at), "=@ccz"(done) : "r"(value) : "memory");
		break;
	default:
		__asm__ __volatile__("lock cmpxchgq %q3, %1" : "+a"(was),
			"+m"(*(fx_u64 *)at), "=@ccz"(done) : "r"(value) : "memory");
		break;
	}
	*expected = size == 8 ? was : was & (~0ull >> (64 - 8 * size));
	return done;
}

/* The same for 16 bytes, which have to be aligned. */
static inline bool fx_exchange_pair_if(void *at, uint64_t expected[2], const uint64_t value[2])
{
	bool done;

	__asm__ __volatile__("lock cmpxchg16b %0" : "+m"(*(unsigned __int128 *)at),
		"+a"(expected[0]), "+d"(expected[1]), "=@ccz"(done)
		: "b"(value[0]), "c"(value[1]) : "memory");
	return done;
}

static inline void fx_full_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Polls a word that another thread sets; what it stands for is ordered by its setter. */
static inline uint32_t fx_peek(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

#endif
