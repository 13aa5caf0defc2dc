/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * histogram.h: durations, counted in HdrHistogram's scheme: 64 steps in each power of two, so
 * that a value is known to 1/64 over the whole range. The guest counts in the same way
 * (guests/bench.h). Our own 60 lines because Debian 12 has no such library for C; what
 * histogram_write writes is the format that HdrHistogram's tools read.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

#include "guests/bench.h"

#define HISTOGRAM_BUCKETS AREA_BUCKETS

struct histogram {
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* Of a span of time: what was counted at its end, less what was at its beginning. */
void histogram_subtract(struct histogram *histogram, const struct histogram *before);
void histogram_add(struct histogram *histogram, const struct histogram *other);
uint64_t histogram_count(const struct histogram *histogram);

/* The greatest value of the bucket that `share` (0 to 1) of all values do not exceed; 0 if there
 * are none. share 1: the greatest of all. */
uint64_t histogram_quantile(const struct histogram *histogram, double share);

/* Percentiles as HdrHistogram prints them; each value divided by `scale`. */
void histogram_write(const struct histogram *histogram, double scale, FILE *stream);

/* The bucket of a value, and the greatest value of a bucket. */
uint32_t histogram_bucket(uint64_t value);
uint64_t histogram_end(uint32_t bucket);

#endif
