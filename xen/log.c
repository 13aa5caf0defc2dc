/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* log.c: one line to the user's callback. */
#include <stdio.h>

#include "xen/log.h"

void rs_vlog(const struct rs_log *log, enum rs_log_level level, const char *format,
	     va_list arguments)
{
	char line[512];

	if (!log || !log->function || level > log->level)
		return;
	vsnprintf(line, sizeof(line), format, arguments);
	log->function(level, line, log->user);
}

void rs_log(const struct rs_log *log, enum rs_log_level level, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	rs_vlog(log, level, format, arguments);
	va_end(arguments);
}
