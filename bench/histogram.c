/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* histogram.c: counting and reading durations. */
#include "bench/histogram.h"

#include <inttypes.h>
#include <math.h>

#define STEPS_LOG AREA_STEPS_LOG
#define STEPS (1u << STEPS_LOG)

uint32_t histogram_bucket(uint64_t value)
{
	uint32_t shift = 63 - STEPS_LOG - (uint32_t)__builtin_clzll(value | STEPS);
	uint64_t bucket = shift * STEPS + (value >> shift);

	return bucket < HISTOGRAM_BUCKETS ? (uint32_t)bucket : HISTOGRAM_BUCKETS - 1;
}

uint64_t histogram_end(uint32_t bucket)
{
	uint32_t shift = bucket < 2 * STEPS ? 0 : bucket / STEPS - 1;
	uint64_t step = bucket - shift * STEPS;

	return ((step + 1) << shift) - 1;
}

void histogram_subtract(struct histogram *histogram, const struct histogram *before)
{
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		histogram->buckets[i] -= before->buckets[i];
}

void histogram_add(struct histogram *histogram, const struct histogram *other)
{
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		histogram->buckets[i] += other->buckets[i];
}

uint64_t histogram_count(const struct histogram *histogram)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		count += histogram->buckets[i];
	return count;
}

uint64_t histogram_quantile(const struct histogram *histogram, double share)
{
	uint64_t count = histogram_count(histogram), seen = 0;
	uint64_t wanted = (uint64_t)ceil(share * (double)count);

	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS && count; i++) {
		seen += histogram->buckets[i];
		if (seen && seen >= wanted)
			return histogram_end(i);
	}
	return 0;
}

/* One line for each bucket that holds something. */
void histogram_write(const struct histogram *histogram, double scale, FILE *stream)
{
	uint64_t count = histogram_count(histogram), seen = 0;

	fprintf(stream, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
		"1/(1-Percentile)");
	for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		double share;

		if (!histogram->buckets[i])
			continue;
		seen += histogram->buckets[i];
		share = (double)seen / (double)count;
		fprintf(stream, "%12.3f %2.12f %10" PRIu64, (double)histogram_end(i) / scale, share,
			seen);
		if (seen < count)
			fprintf(stream, " %14.2f\n", 1 / (1 - share));
		else
			fputc('\n', stream);
	}
	fprintf(stream, "#[Max = %.3f, Total count = %" PRIu64 "]\n",
		(double)histogram_quantile(histogram, 1) / scale, count);
	fprintf(stream, "#[Buckets = %u, SubBuckets = %u]\n", HISTOGRAM_BUCKETS / STEPS, 2 * STEPS);
}
