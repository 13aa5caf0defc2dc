/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* summary.h: what `ringside watch` says at the end. */
#ifndef TOOLS_SUMMARY_H
#define TOOLS_SUMMARY_H

#include <stdint.h>
#include <stdio.h>

#include <ringside/ringside.h>

#include "tools/watch_options.h"

#define SUMMARY_VCPUS_MAX 256

/* What an engine has counted, as it is when nothing is asked of it any more. */
struct summary {
	uint64_t elapsed_ns;
	uint64_t events; /* that were shown or counted */
	struct rs_statistics statistics;
	uint32_t vcpu_count; /* of vcpu_events; at most SUMMARY_VCPUS_MAX */
	uint64_t vcpu_events[SUMMARY_VCPUS_MAX];
};

void summary_read(struct summary *summary, const struct rs_engine *engine);
void summary_print(FILE *to, const struct summary *summary, const struct watch_options *options);

#endif
