/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* registers.h: what it costs to get at a vCPU's registers, in its event and without one. */
#ifndef BENCH_REGISTERS_H
#define BENCH_REGISTERS_H

#include <ringside/ringside.h>

#include "bench/counts.h"

/*
 * Times vCPU 0's context, read and written back while the domain is paused. 0, or -errno and a
 * text.
 */
int bench_registers_measure(struct rs_guest *guest, struct counts_registers *found);

/*
 * The same in an event, when it is the first, and fills its answer. The reply says that the registers
 * are to be set.
 */
struct rs_reply bench_registers_answer(const struct rs_event *event,
				       struct counts_registers *found);

#endif
