/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * statistics.h: counters that each worker has of its own and any thread reads.
 *
 * Times are kept in ticks of the TSC and become nanoseconds only when somebody asks.
 */
#ifndef RS_ENGINE_STATISTICS_H
#define RS_ENGINE_STATISTICS_H

#include <emmintrin.h>
#include <stdbool.h>
#include <stdint.h>

#include <ringside/statistics.h>

#include "ring/atomics.h"
#include "ring/ring.h"

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

/* Of one kind of event. */
struct rs_kind_counters {
	uint64_t events;
	struct rs_histogram handler, queueing; /* ticks */
};

struct rs_counters {
	bool shared; /* several threads count here */
	uint64_t requests, answers, notifies, batch_max;
	/* Of straight.c, instead of the four above: how often so many with one notify. */
	uint64_t batches[RS_RING_SLOTS + 1];
	uint64_t unwatched, asynchronous, faults, lost;
	uint64_t sleeps, parks, spins, spins_paid, rescues, throttled;
	struct rs_histogram latency; /* ticks */
	struct rs_kind_counters kinds[RS_KIND_COUNT];
};

static inline uint64_t rs_ticks(void)
{
	return __builtin_ia32_rdtsc();
}

uint64_t rs_now_ns(void);

static inline void rs_count(struct rs_counters *counters, uint64_t *counter, uint64_t amount)
{
	if (counters->shared)
		rs_add_relaxed(counter, amount);
	else
		rs_add_own(counter, amount);
}

struct rs_engine;

/* Of worker `index`, below that count; of threads that are none: index worker_count. */
uint32_t rs_engine_counters_count(const struct rs_engine *engine);
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
		rs_add_own(bucket, times);
	/* Of two that write at once the smaller may stay: near enough, for strangers. */
	if (value > rs_load_relaxed(&histogram->max))
		rs_store_relaxed(&histogram->max, value);
}

/*
 * The same by one writer, of a value that is neither tiny nor beyond all times, and as a floating-point
 * number: when it makes that the processor finds the leading bits, in three instructions for nine.
 */
static inline void rs_histogram_add_number(struct rs_histogram *histogram, uint64_t ticks,
					   __m128d number, uint64_t times)
{
	/* Of an IEEE double's exponent, and of its mantissa as many bits as choose a bucket. */
	const unsigned int shift = 52 - RS_HISTOGRAM_SUB_BITS;
	const uint64_t lowest = (uint64_t)(1023 + RS_HISTOGRAM_SUB_BITS - 1)
				<< RS_HISTOGRAM_SUB_BITS;
	uint64_t bits = (uint64_t)_mm_cvtsi128_si64(_mm_castpd_si128(number));

	rs_add_own(&histogram->buckets[(bits >> shift) - lowest], times);
	/* Plain: nobody else writes it. */
	if (__builtin_expect(ticks > histogram->max, false))
		rs_store_relaxed(&histogram->max, ticks);
}

/* By one writer. */
static inline void rs_histogram_add_ticks(struct rs_histogram *histogram, uint64_t ticks,
					  uint64_t times)
{
	if (__builtin_expect((int64_t)ticks < (int64_t)RS_HISTOGRAM_SUB_COUNT, false))
		rs_histogram_add_to(histogram, ticks, times, false);
	else
		rs_histogram_add_number(histogram, ticks,
					_mm_cvtsi64_sd(_mm_setzero_pd(), (int64_t)ticks), times);
}

/* Handlers of one kind that began together, `queued` after they were seen, by one writer. */
static inline void rs_counters_stage(struct rs_kind_counters *counters, uint64_t queued,
				     uint64_t ticks, uint32_t count)
{
	rs_add_own(&counters->events, count);
	if (__builtin_expect(queued != 0, false))
		rs_histogram_add_ticks(&counters->queueing, queued, count);
	rs_histogram_add_ticks(&counters->handler, ticks, count);
}

/*
 * All of a visit: `count` handlers of one kind, that were begun when they were seen and took `ticks`
 * together; and the batch, whose notify took `notify_ticks` more. Of a notify that takes more than
 * 2^32 ticks what is left of that.
 */
static inline void rs_counters_visit(struct rs_counters *counters, struct rs_kind_counters *kind,
				     uint64_t ticks, uint32_t notify_ticks, uint32_t count)
{
	uint64_t each = count == 1 ? ticks : ticks / count;
	__m128d number = _mm_cvtsi64_sd(_mm_setzero_pd(), (int64_t)each);
	uint64_t latency = ticks + notify_ticks;

	rs_add_own(&kind->events, count);
	rs_add_own(&counters->batches[count], 1);
	if (__builtin_expect((int64_t)ticks < (int64_t)RS_HISTOGRAM_SUB_COUNT * count, false)) {
		rs_histogram_add_to(&kind->handler, each, count, false);
		rs_histogram_add_to(&counters->latency, latency, count, false);
		return;
	}
	rs_histogram_add_number(&kind->handler, each, number, count);
	rs_histogram_add_number(&counters->latency, latency,
				_mm_cvtsi64_sd(number, (int64_t)latency), count);
}

/* A batch that was taken and put by one writer. */
static inline void rs_counters_batch(struct rs_counters *counters, uint64_t latency, uint32_t count)
{
	rs_add_own(&counters->batches[count], 1);
	rs_histogram_add_ticks(&counters->latency, latency, count);
}

/* How many values there are. */
uint64_t rs_histogram_count(const struct rs_histogram *histogram);

/* The smallest value, rounded up to its bucket's end, that `share` of the values do not exceed. */
uint64_t rs_histogram_quantile(const struct rs_histogram *histogram, double share);

#endif
