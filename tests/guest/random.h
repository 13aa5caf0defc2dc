/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* random.h: a generator whose numbers are the same everywhere: xorshift64*. */
#ifndef TESTS_GUEST_RANDOM_H
#define TESTS_GUEST_RANDOM_H

#include <stdint.h>

/* The state is never 0. */
static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

#endif
