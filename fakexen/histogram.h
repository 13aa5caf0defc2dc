/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* histogram.h: counts of nanoseconds in log-linear buckets: 32 to each power of two, so a
 * bucket's middle is within 1.6 % of every value in it. FX_HISTOGRAM buckets reach beyond
 * a minute; what is longer counts in the last. */
#ifndef FAKEXEN_HISTOGRAM_H
#define FAKEXEN_HISTOGRAM_H

#include <stdint.h>

#include "fakexen/model.h"

#define FX_HISTOGRAM_BITS 5     /* 32 buckets to a power of two */

static inline unsigned int fx_histogram_bucket(uint64_t ns)
{
	const uint64_t linear = 1u << (FX_HISTOGRAM_BITS + 1);
	unsigned int exponent, bucket;

	if (ns < linear)
		return ns;
	exponent = 63 - __builtin_clzll(ns) - FX_HISTOGRAM_BITS;
	bucket = (exponent << FX_HISTOGRAM_BITS) + (ns >> exponent);
	return bucket < FX_HISTOGRAM ? bucket : FX_HISTOGRAM - 1;
}

/* The middle of a bucket. */
static inline uint64_t fx_histogram_value(unsigned int bucket)
{
	unsigned int exponent;
	uint64_t least;

	if (bucket < 1u << (FX_HISTOGRAM_BITS + 1))
		return bucket;
	exponent = (bucket >> FX_HISTOGRAM_BITS) - 1;
	least = ((1ull << FX_HISTOGRAM_BITS) + (bucket & ((1u << FX_HISTOGRAM_BITS) - 1)))
		<< exponent;
	return least + ((1ull << exponent) >> 1);
}

/* The value that `percent` (0 to 100) of all counted ones do not exceed; 0 when none. */
uint64_t fx_histogram_percentile(const uint64_t counts[FX_HISTOGRAM], double percent);

#endif
