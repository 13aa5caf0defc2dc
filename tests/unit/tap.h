/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tap.h: the little of the Test Anything Protocol that a unit test wants. */
#ifndef TESTS_UNIT_TAP_H
#define TESTS_UNIT_TAP_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static unsigned int tap_count, tap_failed;

/* One check: a line "ok" or "not ok", with the words of a printf. Returns condition. */
__attribute__((format(printf, 2, 3), unused)) static bool tap_ok(bool condition,
								 const char *format, ...)
{
	va_list arguments;

	tap_count++;
	tap_failed += !condition;
	printf("%sok %u - ", condition ? "" : "not ", tap_count);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
	return condition;
}

/* A check that says what it found, for many checks under one name. Silent if it holds. */
#define TAP_SAME(found, wanted)                                                            \
	tap_same((uint64_t)(found), (uint64_t)(wanted), #found, __FILE__, __LINE__)

__attribute__((unused)) static bool tap_same(uint64_t found, uint64_t wanted, const char *what,
					     const char *file, int line)
{
	if (found == wanted)
		return true;
	printf("# %s:%d: %s is %#" PRIx64 ", not %#" PRIx64 "\n", file, line, what, found, wanted);
	return false;
}

/* The plan, and the exit code of the program. */
__attribute__((unused)) static int tap_done(void)
{
	printf("1..%u\n", tap_count);
	return tap_failed != 0;
}

#endif
