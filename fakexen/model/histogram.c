/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* histogram.c: see histogram.h. */
#include "fakexen/histogram.h"

uint64_t fx_histogram_percentile(const uint64_t counts[FX_HISTOGRAM], double percent)
{
	uint64_t total = 0, below = 0;

	for (unsigned int i = 0; i < FX_HISTOGRAM; i++)
		total += counts[i];
	for (unsigned int i = 0; i < FX_HISTOGRAM; i++) {
		below += counts[i];
		if (below && below >= percent / 100 * total)
			return fx_histogram_value(i);
	}
	return 0;
}
