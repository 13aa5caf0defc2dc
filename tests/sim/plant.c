/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plant.c: bugs, each in place of a function of the product's (--wrap), in runs that ask for it. */
#include <stddef.h>
#include <string.h>

#include "tests/sim/sim.h"

static const char *const names[] = {
	"none",
};

const char *plant_name(uint32_t number)
{
	return number < sizeof(names) / sizeof(names[0]) ? names[number] : NULL;
}

bool plant_is(const char *name)
{
	return sim_run && sim_run->plant && !strcmp(names[sim_run->plant], name);
}
