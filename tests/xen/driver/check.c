/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check.c: lines of TAP. Each is written at once: whoever waits for it may kill us next. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/xen/driver/check.h"

static const char *current = "start";
static unsigned int made, failed;

void check_begin(const char *test)
{
	current = test;
}

static void line(const char *head, unsigned int number, const char *format, va_list arguments,
		 const char *reason)
{
	char text[400];

	vsnprintf(text, sizeof(text), format, arguments);
	if (number)
		printf("%s %u - %s: %s", head, number, current, text);
	else
		printf("%s%s", head, text);
	printf(reason ? " # SKIP %s\n" : "\n", reason);
	fflush(stdout);
}

bool check(bool condition, const char *format, ...)
{
	va_list arguments;

	made++;
	failed += !condition;
	va_start(arguments, format);
	line(condition ? "ok" : "not ok", made, format, arguments, NULL);
	va_end(arguments);
	return condition;
}

void check_skip(const char *reason, const char *format, ...)
{
	va_list arguments;

	made++;
	va_start(arguments, format);
	line("ok", made, format, arguments, reason);
	va_end(arguments);
}

void check_note(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	line("# ", 0, format, arguments, NULL);
	va_end(arguments);
}

void check_bail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	line("Bail out! ", 0, format, arguments, NULL);
	va_end(arguments);
	exit(1);
}

int check_done(void)
{
	printf("1..%u\n", made);
	fflush(stdout);
	return failed != 0;
}
