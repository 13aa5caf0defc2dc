/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* statistics.c: counting, and telling what was counted. */
#include "engine/statistics.h"

#include <string.h>
#include <time.h>

#include "engine/private.h"
#include "ring/atomics.h"

#define SUB_COUNT (1u << RS_HISTOGRAM_SUB_BITS)

uint64_t rs_now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

void rs_counters_init(struct rs_counters *counters)
{
	memset(counters, 0, sizeof(*counters));
	counters->start_ns = rs_now_ns();
	counters->start_ticks = rs_ticks();
}

/* One writer, so a plain addition; but readers must not see it torn. */
void rs_count(uint64_t *counter, uint64_t amount)
{
	rs_store_relaxed(counter, *counter + amount);
}

/* Values below SUB_COUNT have a bucket each; above, the leading bits choose it. */
static unsigned int bucket_of(uint64_t value)
{
	unsigned int exponent;

	if (value < SUB_COUNT)
		return (unsigned int)value;
	exponent = 63 - (unsigned int)__builtin_clzll(value) - RS_HISTOGRAM_SUB_BITS;
	return (exponent << RS_HISTOGRAM_SUB_BITS) + (unsigned int)(value >> exponent);
}

/* The greatest value of a bucket. */
static uint64_t bucket_end(unsigned int bucket)
{
	unsigned int exponent;

	if (bucket < 2 * SUB_COUNT)
		return bucket;
	exponent = (bucket >> RS_HISTOGRAM_SUB_BITS) - 1;
	return ((uint64_t)(bucket & (SUB_COUNT - 1)) + SUB_COUNT + 1) * (1ULL << exponent) - 1;
}

void rs_histogram_add(struct rs_histogram *histogram, uint64_t value, uint64_t times)
{
	rs_count(&histogram->buckets[bucket_of(value)], times);
	rs_count(&histogram->count, times);
	if (value > histogram->max)
		rs_store_relaxed(&histogram->max, value);
}

uint64_t rs_histogram_quantile(const struct rs_histogram *histogram, double share)
{
	uint64_t count = rs_load_relaxed(&histogram->count);
	uint64_t max = rs_load_relaxed(&histogram->max);
	uint64_t wanted = (uint64_t)((double)count * share);
	uint64_t seen = 0;

	if ((double)wanted < (double)count * share)
		wanted++;
	for (unsigned int i = 0; count && i < RS_HISTOGRAM_BUCKETS; i++) {
		seen += rs_load_relaxed(&histogram->buckets[i]);
		if (seen >= wanted)
			return bucket_end(i) < max ? bucket_end(i) : max;
	}
	return max;
}

static double ns_per_tick(const struct rs_counters *counters)
{
	uint64_t ns = rs_now_ns() - counters->start_ns;
	uint64_t ticks = rs_ticks() - counters->start_ticks;

	return ticks ? (double)ns / (double)ticks : 1;
}

static void read_latency(const struct rs_counters *counters, struct rs_latency *latency)
{
	const struct rs_histogram *histogram = &counters->latency;
	double scale = ns_per_tick(counters);

	latency->count = rs_load_relaxed(&histogram->count);
	latency->p50_ns = (uint64_t)((double)rs_histogram_quantile(histogram, 0.50) * scale);
	latency->p99_ns = (uint64_t)((double)rs_histogram_quantile(histogram, 0.99) * scale);
	latency->max_ns = (uint64_t)((double)rs_load_relaxed(&histogram->max) * scale);
}

void rs_counters_read(const struct rs_counters *counters, struct rs_statistics *statistics)
{
	memset(statistics, 0, sizeof(*statistics));
	for (unsigned int kind = 0; kind < RS_KIND_COUNT; kind++)
		statistics->events[kind] = rs_load_relaxed(&counters->events[kind]);
	statistics->requests = rs_load_relaxed(&counters->requests);
	statistics->answers = rs_load_relaxed(&counters->answers);
	statistics->notifies = rs_load_relaxed(&counters->notifies);
	statistics->batch_max = rs_load_relaxed(&counters->batch_max);
	statistics->unwatched = rs_load_relaxed(&counters->unwatched);
	statistics->asynchronous = rs_load_relaxed(&counters->asynchronous);
	statistics->refused = rs_load_relaxed(&counters->refused);
	statistics->faults = rs_load_relaxed(&counters->faults);
	statistics->lost = rs_load_relaxed(&counters->lost);
	read_latency(counters, &statistics->latency);
}

void rs_engine_statistics_sized(const struct rs_engine *engine, struct rs_statistics *out,
				size_t size)
{
	struct rs_statistics statistics;

	rs_counters_read(&engine->counters, &statistics);
	statistics.sleeps = rs_load_relaxed(&engine->doorbell.sleeps);
	memset(out, 0, size);
	memcpy(out, &statistics, size < sizeof(statistics) ? size : sizeof(statistics));
}
