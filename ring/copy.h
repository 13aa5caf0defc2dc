/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * copy.h: a message out of its slot, in as few instructions as this processor has for it, and
 * whether its head is what is expected.
 *
 * memcpy() takes 58 for 400 bytes as any x86-64 processor can, and would have to find out each
 * time what is known here: the size, and that `to` is aligned to 16 bytes. This takes 31 with
 * AVX, 66 without, looks at the head, of 32 bytes, on the way, and copies the payload twice. Of version 6, whose messages
 * have 384 bytes, the next slot's first 16 bytes come along, or of the last slot what is behind
 * it in the page; nobody looks at them.
 */
#ifndef RS_RING_COPY_H
#define RS_RING_COPY_H

#include <emmintrin.h>
#include <stdbool.h>
#include <stdint.h>

#include "ring/ring.h"

/* The 32 bytes that come once more, to a place of their own: the payload. */
#define RS_COPY_PAYLOAD 24

/* What a message's first words are, where the mask is set. */
struct rs_head {
	uint64_t value[4] __attribute__((aligned(32)));
	uint64_t mask[4];
};

static inline __attribute__((always_inline)) bool
rs_copy_sse2(uint8_t *to, const uint8_t *from, const struct rs_head *head, void *payload)
{
	const __m128i *value = (const void *)head->value, *mask = (const void *)head->mask;
	__m128i differ = _mm_setzero_si128();

#pragma GCC unroll 25
	for (unsigned int i = 0; i < RS_RING_MESSAGE_SIZE_MAX / 16; i++) {
		__m128i part = _mm_loadu_si128((const void *)(from + 16 * i));

		_mm_store_si128((void *)(to + 16 * i), part);
		if (i < 2)
			differ = _mm_or_si128(differ, _mm_and_si128(_mm_xor_si128(part, value[i]),
								    mask[i]));
	}
	_mm_storeu_si128(payload, _mm_loadu_si128((const void *)(to + RS_COPY_PAYLOAD)));
	_mm_storeu_si128((__m128i *)payload + 1,
			 _mm_loadu_si128((const void *)(to + RS_COPY_PAYLOAD + 16)));
	return _mm_movemask_epi8(_mm_cmpeq_epi8(differ, _mm_setzero_si128())) == 0xffff;
}

/*
 * In assembly, so that its caller need not be compiled for AVX, which would keep a frame of its
 * own for registers that it does not have to save.
 */
#define RS_COPY_32(offset)                           \
	"vmovdqu " #offset "(%[from]), %%ymm1\n\t"   \
	"vmovdqu %%ymm1, " #offset "(%[to])\n\t"

static inline __attribute__((always_inline)) bool
rs_copy_avx(uint8_t *to, const uint8_t *from, const struct rs_head *head, void *payload)
{
	__asm__ goto("vmovdqu (%[from]), %%ymm0\n\t"
		     "vmovdqu %%ymm0, (%[to])\n\t"
		     RS_COPY_32(32) RS_COPY_32(64) RS_COPY_32(96) RS_COPY_32(128)
		     RS_COPY_32(160) RS_COPY_32(192) RS_COPY_32(224) RS_COPY_32(256)
		     RS_COPY_32(288) RS_COPY_32(320) RS_COPY_32(352)
		     "vmovdqu 384(%[from]), %%xmm1\n\t"
		     "vmovdqu %%xmm1, 384(%[to])\n\t"
		     "vxorps (%[value]), %%ymm0, %%ymm0\n\t"
		     "vptest 32(%[value]), %%ymm0\n\t"
		     "vmovdqu 24(%[to]), %%ymm1\n\t"
		     "vmovdqu %%ymm1, (%[payload])\n\t"
		     "vzeroupper\n\t"
		     "jnz %l[other]"
		     : /* none */
		     : [to] "r"(to), [from] "r"(from), [value] "r"(head), [payload] "r"(payload)
		     : "cc", "memory", "xmm0", "xmm1"
		     : other);
	return true;
other:
	return false;
}

#undef RS_COPY_32

#endif
