/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* flags.h: RFLAGS, and what arithmetic leaves in it. All of it is computed in C, not by
 * the host's own instructions, so that flags the SDM leaves undefined are the same on
 * every host. Only addition and subtraction, which leave none undefined and are most of all
 * arithmetic, take the host's for operands of 4 and of 8 bytes: a third of the instructions; and
 * so do SF, ZF and PF of a result. */
#ifndef FAKEXEN_CPU_FLAGS_H
#define FAKEXEN_CPU_FLAGS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	FX_CF = 1u << 0, FX_PF = 1u << 2, FX_AF = 1u << 4, FX_ZF = 1u << 6, FX_SF = 1u << 7,
	FX_TF = 1u << 8, FX_IF = 1u << 9, FX_DF = 1u << 10, FX_OF = 1u << 11,
	FX_IOPL = 3u << 12, FX_NT = 1u << 14, FX_RF = 1u << 16, FX_VM = 1u << 17,
	FX_AC = 1u << 18, FX_VIF = 1u << 19, FX_VIP = 1u << 20, FX_ID = 1u << 21,
	FX_FLAGS_ALWAYS = 2,
	FX_FLAGS_ARITHMETIC = FX_CF | FX_PF | FX_AF | FX_ZF | FX_SF | FX_OF,
	/* what popf and iret at CPL 0 may change */
	FX_FLAGS_WRITABLE = FX_FLAGS_ARITHMETIC | FX_TF | FX_IF | FX_DF | FX_IOPL | FX_NT |
			    FX_AC | FX_ID
};

/* `size` is in bytes: 1, 2, 4, 8. */
static inline uint64_t fx_mask(unsigned int size)
{
	return ~0ull >> (64 - 8 * size);
}

static inline bool fx_sign(uint64_t value, unsigned int size)
{
	return value >> (8 * size - 1) & 1;
}

static inline uint64_t fx_sign_extend(uint64_t value, unsigned int size)
{
	unsigned int shift = 64 - 8 * size;

	return (uint64_t)((int64_t)(value << shift) >> shift);
}

/* SF, ZF and PF of a result that is already cut to its size. */
static inline uint64_t fx_flags_result(uint64_t result, unsigned int size)
{
	uint16_t flags;

	if (__builtin_constant_p(size) && size >= 4) {
		if (size == 8)
			__asm__("testq %1, %1\n\tlahf" : "=a"(flags) : "r"(result) : "cc");
		else
			__asm__("testl %k1, %k1\n\tlahf" : "=a"(flags) : "r"(result) : "cc");
		return flags >> 8 & (FX_SF | FX_ZF | FX_PF);
	}
	return (fx_sign(result, size) ? FX_SF : 0) | (result ? 0 : FX_ZF) |
	       (__builtin_parity((uint8_t)result) ? 0 : FX_PF);
}

/* `carries` has a bit for each position that carried (or borrowed) into the next. */
static inline uint64_t fx_flags_carries(uint64_t carries, unsigned int size)
{
	return (fx_sign(carries, size) ? FX_CF : 0) | ((carries & 8) ? FX_AF : 0);
}

static inline uint64_t fx_flags_add(uint64_t a, uint64_t b, uint64_t result, unsigned int size)
{
	return fx_flags_result(result, size) |
	       fx_flags_carries((a & b) | ((a | b) & ~result), size) |
	       (fx_sign((a ^ result) & (b ^ result), size) ? FX_OF : 0);
}

static inline uint64_t fx_flags_sub(uint64_t a, uint64_t b, uint64_t result, unsigned int size)
{
	return fx_flags_result(result, size) |
	       fx_flags_carries((~a & b) | (~(a ^ b) & result), size) |
	       (fx_sign((a ^ b) & (a ^ result), size) ? FX_OF : 0);
}

/* LAHF gives all but OF, which is put beside them. */
#define FX_HOST_FLAGS(instruction, a, b, flags)                                              \
	__asm__(instruction "\n\tlahf\n\tseto %%al" : "+r"(a), "=&a"(flags) : "r"(b) : "cc")

static inline uint64_t fx_host_flags(uint16_t flags)
{
	return (flags >> 8 & (FX_FLAGS_ARITHMETIC & 0xff)) | (uint64_t)(flags & 1) << 11;
}

/* `size` is 4 or 8. *a becomes the result. */
static inline uint64_t fx_host_add(uint64_t *a, uint64_t b, unsigned int size)
{
	uint16_t flags;

	if (size == 8)
		FX_HOST_FLAGS("addq %2, %0", *a, b, flags);
	else
		FX_HOST_FLAGS("addl %k2, %k0", *a, b, flags);
	return fx_host_flags(flags);
}

static inline uint64_t fx_host_subtract(uint64_t *a, uint64_t b, unsigned int size)
{
	uint16_t flags;

	if (size == 8)
		FX_HOST_FLAGS("subq %2, %0", *a, b, flags);
	else
		FX_HOST_FLAGS("subl %k2, %k0", *a, b, flags);
	return fx_host_flags(flags);
}

static inline void fx_flags_set(uint64_t *rflags, uint64_t mask, uint64_t value)
{
	*rflags = (*rflags & ~mask) | (value & mask);
}

/* The flags of which a condition below 12 asks for any (or, odd ones, for none). */
static inline uint16_t fx_condition_flags(unsigned int condition)
{
	static const uint16_t any[8] = { FX_OF, FX_CF, FX_ZF, FX_CF | FX_ZF, FX_SF, FX_PF, 0, FX_ZF };

	return any[condition >> 1];
}

/* The sixteen conditions in the encoding of Jcc, SETcc and CMOVcc: any of some flags, or
 * (the last two pairs) SF unlike OF; odd ones are the opposite. */
static inline bool fx_condition(uint64_t rflags, unsigned int condition)
{
	bool unlike = (rflags >> 7 ^ rflags >> 11) & (condition >= 12);
	bool met = (rflags & fx_condition_flags(condition)) || unlike;

	return met ^ (condition & 1);
}

#endif
