/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* statistics.c: counting, and telling what was counted. */
#include "engine/statistics.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

#include "engine/private.h"
#include "ring/atomics.h"

#define SUB_COUNT RS_HISTOGRAM_SUB_COUNT

uint64_t rs_now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
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
	rs_histogram_add_to(histogram, value, times, false);
}

uint64_t rs_histogram_count(const struct rs_histogram *histogram)
{
	uint64_t count = 0;

	for (unsigned int i = 0; i < RS_HISTOGRAM_BUCKETS; i++)
		count += rs_load_relaxed(&histogram->buckets[i]);
	return count;
}

uint64_t rs_histogram_quantile(const struct rs_histogram *histogram, double share)
{
	uint64_t count = rs_histogram_count(histogram);
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

void rs_counters_handler(struct rs_counters *counters, enum rs_kind kind, uint64_t ticks)
{
	if (ticks)
		rs_histogram_add_to(&counters->kinds[kind].handler, ticks, 1, counters->shared);
}

/* Who did not have to wait is in no bucket: read_queueing adds them. */
static inline void count_one(struct rs_counters *counters, const struct rs_done *done)
{
	struct rs_kind_counters *kind = &counters->kinds[done->kind];

	rs_count(counters, &kind->events, 1);
	if (done->asynchronous)
		rs_count(counters, &counters->asynchronous, 1);
	if (done->began != done->seen)
		rs_histogram_add_to(&kind->queueing, done->began - done->seen, 1,
				    counters->shared);
	if (done->ended != done->began)
		rs_histogram_add_to(&kind->handler, done->ended - done->began, 1,
				    counters->shared);
}

void rs_counters_put(struct rs_counters *counters, const struct rs_done *done, uint32_t count,
		     uint64_t now)
{
	rs_count(counters, &counters->answers, count);
	if (count)
		rs_count(counters, &counters->notifies, 1);
	if (count > rs_load_relaxed(&counters->batch_max))
		rs_store_relaxed(&counters->batch_max, count);
	for (uint32_t i = 0, same; i < count; i += same) {
		/* Seen together, and answered together: so have the same latency. */
		for (same = 0; i + same < count && done[i + same].seen == done[i].seen; same++)
			count_one(counters, &done[i + same]);
		rs_histogram_add_to(&counters->latency, now - done[i].seen, same, counters->shared);
	}
}

/* -- what others are told -- */

static double ns_per_tick(const struct rs_engine *engine)
{
	uint64_t ns = rs_now_ns() - engine->start_ns;
	uint64_t ticks = rs_ticks() - engine->start_ticks;

	return ticks ? (double)ns / (double)ticks : 1;
}

/* The offsets of a histogram in each worker's counters, added up. */
static void sum_histograms(const struct rs_engine *engine, size_t offset, struct rs_histogram *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (uint32_t i = 0; i < rs_engine_counters_count(engine); i++) {
		const struct rs_counters *counters = rs_engine_counters(engine, i);
		const struct rs_histogram *one = (const void *)((const char *)counters + offset);
		uint64_t max = rs_load_relaxed(&one->max);

		if (!max)
			continue;
		sum->max = max > sum->max ? max : sum->max;
		for (unsigned int bucket = 0; bucket < RS_HISTOGRAM_BUCKETS; bucket++)
			sum->buckets[bucket] += rs_load_relaxed(&one->buckets[bucket]);
	}
}

static struct rs_latency latency_of(const struct rs_histogram *sum, double scale)
{
	return (struct rs_latency){
		.count = rs_histogram_count(sum),
		.p50_ns = (uint64_t)((double)rs_histogram_quantile(sum, 0.50) * scale),
		.p99_ns = (uint64_t)((double)rs_histogram_quantile(sum, 0.99) * scale),
		.max_ns = (uint64_t)((double)sum->max * scale),
	};
}

static struct rs_latency read_latency(const struct rs_engine *engine, size_t offset, double scale)
{
	struct rs_histogram sum;

	sum_histograms(engine, offset, &sum);
	return latency_of(&sum, scale);
}

/* Of `events`; those that are in no bucket did not wait. */
static struct rs_latency read_queueing(const struct rs_engine *engine, unsigned int kind,
				       uint64_t events, double scale)
{
	struct rs_histogram sum;
	uint64_t waited;

	sum_histograms(engine, offsetof(struct rs_counters, kinds[kind].queueing), &sum);
	waited = rs_histogram_count(&sum);
	if (events > waited)
		sum.buckets[0] += events - waited;
	return latency_of(&sum, scale);
}

uint32_t rs_engine_counters_count(const struct rs_engine *engine)
{
	return engine->worker_count + (engine->deadline.limit_ns ? 2 : 1);
}

const struct rs_counters *rs_engine_counters(const struct rs_engine *engine, uint32_t index)
{
	if (index == engine->worker_count)
		return &engine->strangers;
	/* The deadline's is behind the others. */
	return &engine->workers[index < engine->worker_count ? index : index - 1].counters;
}

static void add_batches(struct rs_statistics *statistics, const struct rs_counters *counters)
{
	for (unsigned int size = 1; size <= RS_RING_SLOTS; size++) {
		uint64_t count = rs_load_relaxed(&counters->batches[size]);

		if (!count)
			continue;
		statistics->requests += size * count;
		statistics->answers += size * count;
		statistics->notifies += count;
		if (size > statistics->batch_max)
			statistics->batch_max = size;
	}
}

static void add_counters(struct rs_statistics *statistics, const struct rs_counters *counters)
{
	uint64_t batch_max = rs_load_relaxed(&counters->batch_max);

	for (unsigned int kind = 0; kind < RS_KIND_COUNT; kind++)
		statistics->events[kind] += rs_load_relaxed(&counters->kinds[kind].events);
	statistics->requests += rs_load_relaxed(&counters->requests);
	statistics->answers += rs_load_relaxed(&counters->answers);
	statistics->notifies += rs_load_relaxed(&counters->notifies);
	statistics->unwatched += rs_load_relaxed(&counters->unwatched);
	statistics->asynchronous += rs_load_relaxed(&counters->asynchronous);
	statistics->faults += rs_load_relaxed(&counters->faults);
	statistics->lost += rs_load_relaxed(&counters->lost);
	statistics->sleeps += rs_load_relaxed(&counters->sleeps);
	statistics->parks += rs_load_relaxed(&counters->parks);
	statistics->spins += rs_load_relaxed(&counters->spins);
	statistics->spins_paid += rs_load_relaxed(&counters->spins_paid);
	statistics->throttled += rs_load_relaxed(&counters->throttled);
	statistics->rescues += rs_load_relaxed(&counters->rescues);
	if (batch_max > statistics->batch_max)
		statistics->batch_max = batch_max;
	add_batches(statistics, counters);
}

static uint32_t depth_max(const struct rs_engine *engine, bool any)
{
	uint32_t deepest = any;

	for (uint32_t vcpu = 0; vcpu < engine->vcpu_count; vcpu++) {
		uint32_t depth = rs_load_relaxed(&engine->lanes[vcpu].depth_max);

		deepest = depth > deepest ? depth : deepest;
	}
	return deepest;
}

static void read_all(const struct rs_engine *engine, struct rs_statistics *statistics)
{
	double scale = ns_per_tick(engine);

	memset(statistics, 0, sizeof(*statistics));
	for (uint32_t i = 0; i < rs_engine_counters_count(engine); i++)
		add_counters(statistics, rs_engine_counters(engine, i));
	statistics->refused = rs_load_relaxed(&engine->refused);
	statistics->full = rs_load_relaxed(&engine->full);
	statistics->lane_depth_max = depth_max(engine, statistics->requests > 0);
	statistics->deadlines_missed = rs_load_relaxed(&engine->deadline.missed);
	statistics->passed_over = rs_load_relaxed(&engine->deadline.passed_over);
	statistics->switched_off = rs_load_relaxed(&engine->switched_off);
	statistics->latency = read_latency(engine, offsetof(struct rs_counters, latency), scale);
	for (unsigned int kind = 0; kind < RS_KIND_COUNT; kind++) {
		statistics->handler[kind] = read_latency(
			engine, offsetof(struct rs_counters, kinds[kind].handler), scale);
		statistics->queueing[kind] =
			read_queueing(engine, kind, statistics->events[kind], scale);
	}
}

void rs_engine_statistics_sized(const struct rs_engine *engine, struct rs_statistics *out,
				size_t size)
{
	struct rs_statistics statistics;

	read_all(engine, &statistics);
	memset(out, 0, size);
	memcpy(out, &statistics, size < sizeof(statistics) ? size : sizeof(statistics));
}

uint64_t rs_engine_vcpu_events(const struct rs_engine *engine, uint32_t vcpu)
{
	return vcpu < engine->vcpu_count ? rs_load_relaxed(&engine->lanes[vcpu].events) : 0;
}
