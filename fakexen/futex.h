/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* futex.h: sleeping on a word of shared memory. */
#ifndef FAKEXEN_FUTEX_H
#define FAKEXEN_FUTEX_H

#include <linux/futex.h>
#include <limits.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Sleeps while *word is `value`, until woken, a signal, or `deadline_ns` of
 * CLOCK_MONOTONIC (0: for ever). Callers look at the word again in any case. */
static inline void fx_futex_wait(const uint32_t *word, uint32_t value, uint64_t deadline_ns)
{
	struct timespec until = { (time_t)(deadline_ns / 1000000000u),
				  (long)(deadline_ns % 1000000000u) };

	syscall(SYS_futex, word, FUTEX_WAIT_BITSET, value, deadline_ns ? &until : NULL, NULL,
		FUTEX_BITSET_MATCH_ANY);
}

static inline void fx_futex_wake(const uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static inline uint64_t fx_monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
