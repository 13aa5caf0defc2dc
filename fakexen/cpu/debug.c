/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* debug.c: breakpoints in the debug registers (SDM 18.2). */
#include "fakexen/cpu/private.h"

enum { ON_EXECUTE, ON_WRITE, ON_IO, ON_ACCESS };

static bool enabled(const struct fx_cpu_state *state, unsigned int i)
{
	return state->dr7 >> (2 * i) & 3;
}

static unsigned int kind(const struct fx_cpu_state *state, unsigned int i)
{
	return state->dr7 >> (16 + 4 * i) & 3;
}

static unsigned int length(const struct fx_cpu_state *state, unsigned int i)
{
	static const uint8_t lengths[4] = { 1, 2, 8, 4 };

	return lengths[state->dr7 >> (18 + 4 * i) & 3];
}

/* B0 to B3 of those that stop before the instruction at RIP. */
uint64_t fx_debug_code_hits(const struct fx_cpu *cpu)
{
	const struct fx_cpu_state *state = cpu->state;
	uint64_t hits = 0;

	for (unsigned int i = 0; i < 4; i++)
		if (enabled(state, i) && kind(state, i) == ON_EXECUTE && state->dr[i] == state->rip)
			hits |= 1u << i;
	return hits;
}

/* Which of them watch data. */
uint8_t fx_debug_watched(const struct fx_cpu_state *state)
{
	uint8_t watched = 0;

	if (__builtin_expect(!(state->dr7 & 0xff), 1))
		return 0;
	for (unsigned int i = 0; i < 4; i++)
		if (enabled(state, i) && (kind(state, i) == ON_WRITE || kind(state, i) == ON_ACCESS))
			watched |= (uint8_t)(1u << i);
	return watched;
}

/* Notes which of them an access touches; the #DB comes after the instruction. */
void fx_debug_data(struct fx_cpu *cpu, uint64_t linear, unsigned int size, unsigned int access)
{
	const struct fx_cpu_state *state = cpu->state;

	for (unsigned int i = 0; i < 4; i++) {
		uint64_t from = state->dr[i] & ~(uint64_t)(length(state, i) - 1);

		if (!(cpu->watched & 1u << i) ||
		    (kind(state, i) == ON_WRITE && access != FX_ACCESS_W))
			continue;
		if (linear < from + length(state, i) && from < linear + size)
			cpu->watch_hits |= (uint8_t)(1u << i);
	}
}
