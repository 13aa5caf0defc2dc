/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* result.h: a run as one JSON object on one line. README.md says what the keys mean. */
#ifndef BENCH_RESULT_H
#define BENCH_RESULT_H

#include <jansson.h>

#include "bench/measure.h"

/* What all runs of one call have in common. */
struct setting {
	const struct plan *plan;
	const char *bed;
	json_t *machine;
	double ticks_per_ns;
	uint32_t domain_count, vcpus;
};

/* New objects. */
json_t *result_json(const struct setting *setting, const struct contestant *contestant,
		    const struct measure *measure);
json_t *result_not_yet(const struct setting *setting, const struct contestant *contestant,
		       const char *why);

#endif
