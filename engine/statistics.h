/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * statistics.h: counters that each worker has of its own and any thread reads.
 *
 * Times are kept in ticks of the TSC and become nanoseconds only when somebody asks.
 */
#ifndef RS_ENGINE_STATISTICS_H
#define RS_ENGINE_STATISTICS_H

#include <stdbool.h>
#include <stdint.h>

#include <ringside/statistics.h>

#include "ring/atomics.h"

/* Sixteen buckets for each power of two: up to 1/16 too high. */
#define RS_HISTOGRAM_SUB_BITS 4
#define RS_HISTOGRAM_SUB_COUNT (1u << RS_HISTOGRAM_SUB_BITS)
#define RS_HISTOGRAM_BUCKETS ((64 - RS_HISTOGRAM_SUB_BITS + 1) << RS_HISTOGRAM_SUB_BITS)

struct rs_histogram {
	uint64_t max;
	uint64_t buckets[RS_HISTOGRAM_BUCKETS];
};

/* What is counted of a turn after its answer has gone. */
struct rs_done {
	uint8_t kind;
	bool asynchronous;
	uint64_t seen, began, ended;
};

struct rs_counters {
	bool shared; /* several threads count here */
	uint64_t events[RS_KIND_COUNT];
	uint64_t requests, answers, notifies, batch_max;
	uint64_t unwatched, asynchronous, faults, lost;
	uint64_t sleeps, parks, spins, spins_paid, rescues, throttled;
	struct rs_histogram latency; /* ticks */
	struct rs_histogram handler[RS_KIND_COUNT], queueing[RS_KIND_COUNT];
};

static inline uint64_t rs_ticks(void)
{
	return __builtin_ia32_rdtsc();
}

uint64_t rs_now_ns(void);

/* Adds to a counter of one writer's: plain, but readers must not see it torn. */
static inline void rs_count_own(uint64_t *counter, uint64_t amount)
{
	rs_store_relaxed(counter, *counter + amount);
}

static inline void rs_count(struct rs_counters *counters, uint64_t *counter, uint64_t amount)
{
	if (counters->shared)
		rs_add_relaxed(counter, amount);
	else
		rs_count_own(counter, amount);
}

struct rs_engine;

/* Of worker `index`; of threads that are none: index worker_count. */
const struct rs_counters *rs_engine_counters(const struct rs_engine *engine, uint32_t index);

/* A batch that was put, with one notify that returned at `now`. */
void rs_counters_put(struct rs_counters *counters, const struct rs_done *done, uint32_t count,
		     uint64_t now);
/* A handler that ran after the answer. */
void rs_counters_handler(struct rs_counters *counters, enum rs_kind kind, uint64_t ticks);

/* One writer; several may add to one histogram only by rs_counters_*. */
void rs_histogram_add(struct rs_histogram *histogram, uint64_t value, uint64_t times);

/* Values below RS_HISTOGRAM_SUB_COUNT have a bucket each; above, the leading bits choose it. */
static inline unsigned int rs_histogram_bucket(uint64_t value)
{
	unsigned int exponent;

	if (value < RS_HISTOGRAM_SUB_COUNT)
		return (unsigned int)value;
	exponent = 63 - (unsigned int)__builtin_clzll(value) - RS_HISTOGRAM_SUB_BITS;
	return (exponent << RS_HISTOGRAM_SUB_BITS) + (unsigned int)(value >> exponent);
}

static inline void rs_histogram_add_to(struct rs_histogram *histogram, uint64_t value,
				       uint64_t times, bool shared)
{
	uint64_t *bucket = &histogram->buckets[rs_histogram_bucket(value)];

	if (__builtin_expect(shared, false))
		rs_add_relaxed(bucket, times);
	else
		rs_count_own(bucket, times);
	/* Of two that write at once the smaller may stay: near enough, for strangers. */
	if (value > rs_load_relaxed(&histogram->max))
		rs_store_relaxed(&histogram->max, value);
}

/* Several handlers of one kind that began together, `queued` after they were seen, by one writer. */
static inline void rs_counters_stage(struct rs_counters *counters, enum rs_kind kind,
				     uint64_t queued, uint64_t ticks, uint32_t count)
{
	rs_count_own(&counters->events[kind], count);
	if (queued)
		rs_histogram_add_to(&counters->queueing[kind], queued, count, false);
	if (ticks)
		rs_histogram_add_to(&counters->handler[kind], ticks, count, false);
}

/* A batch that was taken and put by one writer, with one notify. */
static inline void rs_counters_batch(struct rs_counters *counters, uint64_t latency, uint32_t count)
{
	rs_count_own(&counters->requests, count);
	rs_count_own(&counters->answers, count);
	rs_count_own(&counters->notifies, 1);
	if (count > counters->batch_max)
		rs_store_relaxed(&counters->batch_max, count);
	rs_histogram_add_to(&counters->latency, latency, count, false);
}

/* How many values there are. */
uint64_t rs_histogram_count(const struct rs_histogram *histogram);

/* The smallest value, rounded up to its bucket's end, that `share` of the values do not exceed. */
uint64_t rs_histogram_quantile(const struct rs_histogram *histogram, double share);

#endif
