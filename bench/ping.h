/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ping.h: how well two CPUs hear each other right now.
 *
 * Two threads, where the contestant and the guest's vCPUs run, pass a word to and fro. Slow
 * pings mean that the memory between them is busy, long gaps that somebody else ran there:
 * either way what is measured now is not the contestant.
 */
#ifndef BENCH_PING_H
#define BENCH_PING_H

#include <stdbool.h>
#include <stdint.h>

struct ping {
	uint64_t p50_ns, p99_ns; /* to and fro */
	double lost;             /* share of the time in gaps: somebody else ran */
};

/* Takes 10 ms. NO_CPU: wherever the kernel puts the thread. */
void ping_measure(int cpu, int other_cpu, struct ping *ping);

/* Remembers the best that was seen, and says whether this one is too far from it. */
bool ping_is_disturbed(const struct ping *ping);

#endif
