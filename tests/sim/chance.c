/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* chance.c: choices, from a seed or a tape, and what is told of them. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sim/sim.h"

struct sim_run *sim_run;

static uint64_t state;

/* xorshift64*: the seed is scattered first, since neighbours would begin alike. */
static uint32_t next(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)(state * 0x2545f4914f6cdd1d >> 32);
}

void sim_chance_begin(void)
{
	state = (sim_run->seed + 1) * 0x9e3779b97f4a7c15;
	state ^= state >> 31;
	state = state ? state : 1;
	sim_run->used = 0;
	sim_run->complaint[0] = '\0';
	for (int i = 0; i < 4; i++)
		next();
}

uint32_t sim_choose(const char *what, uint32_t count)
{
	uint32_t at = sim_run->used, chosen = 0;

	if (count < 2)
		return 0;
	if (at >= SIM_TAPE_MAX)
		sim_complain("it makes more than %u choices", SIM_TAPE_MAX);
	if (!sim_run->replays)
		chosen = next() % count;
	else if (at < sim_run->length)
		chosen = sim_run->tape[at] % count;
	sim_run->tape[at] = (uint16_t)chosen;
	sim_run->used = at + 1;
	if (chosen)
		sim_tell("  %s: %u of %u", what, chosen, count);
	return chosen;
}

bool sim_happens(const char *what, uint32_t one_in)
{
	return sim_choose(what, one_in) == one_in - 1;
}

void sim_tell(const char *format, ...)
{
	va_list arguments;

	if (!sim_run->tells)
		return;
	printf("%10.3f us  ", (double)sim_now / 1000);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

void sim_complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(sim_run->complaint, sizeof(sim_run->complaint), format, arguments);
	va_end(arguments);
	sim_tell("COMPLAINT: %s", sim_run->complaint);
	fflush(stdout);
	_exit(1);
}
