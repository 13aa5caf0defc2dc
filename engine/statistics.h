/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * statistics.h: counters that one thread writes and any thread reads.
 *
 * Times are kept in ticks of the TSC and become nanoseconds only when somebody asks.
 */
#ifndef RS_ENGINE_STATISTICS_H
#define RS_ENGINE_STATISTICS_H

#include <stdint.h>

#include <ringside/statistics.h>

/* Sixteen buckets for each power of two: up to 1/16 too high. */
#define RS_HISTOGRAM_SUB_BITS 4
#define RS_HISTOGRAM_BUCKETS ((64 - RS_HISTOGRAM_SUB_BITS + 1) << RS_HISTOGRAM_SUB_BITS)

struct rs_histogram {
	uint64_t count;
	uint64_t max;
	uint64_t buckets[RS_HISTOGRAM_BUCKETS];
};

struct rs_counters {
	uint64_t events[RS_KIND_COUNT];
	uint64_t requests, answers, notifies, batch_max;
	uint64_t unwatched, asynchronous, refused, faults, lost;
	struct rs_histogram latency; /* ticks */
	uint64_t start_ticks, start_ns;
};

static inline uint64_t rs_ticks(void)
{
	return __builtin_ia32_rdtsc();
}

uint64_t rs_now_ns(void);

void rs_counters_init(struct rs_counters *counters);

/* Adds to a counter of the one writer's. */
void rs_count(uint64_t *counter, uint64_t amount);

void rs_histogram_add(struct rs_histogram *histogram, uint64_t value, uint64_t times);

/* The smallest value, rounded up to its bucket's end, that `share` of the values do not exceed. */
uint64_t rs_histogram_quantile(const struct rs_histogram *histogram, double share);

void rs_counters_read(const struct rs_counters *counters, struct rs_statistics *statistics);

#endif
