/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clock.h: time in nanoseconds, and letting some pass. */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_SECOND 1000000000ull
#define CLOCK_MS 1000000ull

static inline uint64_t clock_of(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * CLOCK_SECOND + (uint64_t)time.tv_nsec;
}

static inline uint64_t clock_ns(void)
{
	return clock_of(CLOCK_MONOTONIC);
}

static inline void clock_sleep(uint64_t ns)
{
	struct timespec time = { (time_t)(ns / CLOCK_SECOND), (long)(ns % CLOCK_SECOND) };

	nanosleep(&time, NULL);
}

#endif
