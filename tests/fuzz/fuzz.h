/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz.h: what a fuzz target and its driver agree on.
 *
 * The driver is libFuzzer (`make fuzz`, with clang) or main.c, which gives each file of a
 * corpus to the target once, in `make check`.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* libFuzzer's name. Any bytes are good: what must hold is asserted with FUZZ_MUST. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_MUST(condition)                                                               \
	do {                                                                               \
		if (!(condition)) {                                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                           \
		}                                                                          \
	} while (0)

#endif
