/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* log.c: what the hypervisor would print on its console, and fakexen's last words. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakexen/launcher/launcher.h"

static FILE *stream;            /* stdio locks it */

void log_open(const char *path)
{
	if (!path)
		return;
	stream = fopen(path, "we");
	if (!stream)
		die("--log %s: %s", path, strerror(errno));
	setvbuf(stream, NULL, _IOLBF, 0);
}

void log_line(const char *format, ...)
{
	char line[512];
	va_list list;

	if (!stream)
		return;
	va_start(list, format);
	vsnprintf(line, sizeof(line), format, list);
	va_end(list);
	fprintf(stream, "%s\n", line);
}

void die(const char *format, ...)
{
	va_list list;

	fputs("fakexen: ", stderr);
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
	exit(EXIT_FAKEXEN);
}
