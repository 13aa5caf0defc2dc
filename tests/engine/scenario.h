/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* scenario.h: a test program that runs the scenario that its first argument names. */
#ifndef TESTS_ENGINE_SCENARIO_H
#define TESTS_ENGINE_SCENARIO_H

#include <stdio.h>
#include <string.h>

#include "tests/unit/tap.h"

struct scenario {
	const char *name;
	void (*run)(void);
};

/* The program's exit status. The array ends with a name that is NULL. */
static inline int scenario_run(const struct scenario *scenario, int argc, char **argv)
{
	for (; argc > 1 && scenario->name; scenario++) {
		if (strcmp(argv[1], scenario->name))
			continue;
		scenario->run();
		return tap_done();
	}
	fprintf(stderr, "usage: %s SCENARIO [...]\n", argv[0]);
	return 2;
}

#endif
