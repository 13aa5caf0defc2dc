/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clock.h: the time of the launcher and of every shim, which is the guests' TSC at 1 GHz. Read
 * several times an event, so it comes from the processor's TSC where that runs at one rate,
 * scaled once when the model was made; it may stray from CLOCK_MONOTONIC by some parts in a
 * million. */
#ifndef FAKEXEN_CLOCK_H
#define FAKEXEN_CLOCK_H

#include <cpuid.h>
#include <stdbool.h>
#include <stdint.h>

#include "fakexen/futex.h"

#define FX_CLOCK_SPAN_NS 5000000u       /* how long it is compared, at least */

struct fx_clock {
	uint64_t ticks, ns;             /* a moment, in both */
	uint64_t scale;                 /* ns a tick, 32 bits behind the point; 0: no TSC */
};

static inline uint64_t fx_clock_now(const struct fx_clock *clock)
{
	uint64_t ticks;

	if (!clock->scale)
		return fx_monotonic_ns();
	ticks = __builtin_ia32_rdtsc() - clock->ticks;
	return clock->ns + (uint64_t)((unsigned __int128)ticks * clock->scale >> 32);
}

/* Whether the TSC runs at one rate whatever the processor does (SDM 18.17.1). */
static inline bool fx_clock_has_tsc(void)
{
	unsigned int eax, ebx, ecx, edx = 0;

	return __get_cpuid(0x80000007, &eax, &ebx, &ecx, &edx) && (edx & 1u << 8);
}

static inline void fx_clock_begin(struct fx_clock *clock)
{
	*clock = (struct fx_clock){ __builtin_ia32_rdtsc(), fx_monotonic_ns(), 0 };
}

/* Fixes the scale; waits for what is missing of the span. */
static inline void fx_clock_finish(struct fx_clock *clock)
{
	uint64_t ticks, ns;

	if (!fx_clock_has_tsc())
		return;
	do {
		ticks = __builtin_ia32_rdtsc() - clock->ticks;
		ns = fx_monotonic_ns() - clock->ns;
	} while (ns < FX_CLOCK_SPAN_NS);
	clock->scale = (uint64_t)(((unsigned __int128)ns << 32) / ticks);
}

#endif
