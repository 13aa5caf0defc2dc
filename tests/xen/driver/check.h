/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check.h: one check is one line of TAP, with the name of the test that made it. */
#ifndef TESTS_XEN_DRIVER_CHECK_H
#define TESTS_XEN_DRIVER_CHECK_H

#include <stdbool.h>

/* The test that the checks from now on belong to. */
void check_begin(const char *test);

/* "ok" or "not ok", with the words of a printf. Returns condition. */
bool check(bool condition, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A check that cannot be made here, and why. */
void check_skip(const char *reason, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A remark, no check. */
void check_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Nothing more can be tested: ends the program. */
void check_bail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* The plan; the program's exit status. */
int check_done(void);

#endif
