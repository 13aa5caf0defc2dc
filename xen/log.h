/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* log.h: where the library's lines go: to the user's callback, or nowhere. */
#ifndef RS_XEN_LOG_H
#define RS_XEN_LOG_H

#include <stdarg.h>

#include <ringside/log.h>

struct rs_log {
	rs_log_function function; /* NULL: nobody listens */
	void *user;
	enum rs_log_level level; /* up to which */
};

/* Formats and hands on one line, if somebody listens at that level. Any thread. */
void rs_log(const struct rs_log *log, enum rs_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4), cold));
void rs_vlog(const struct rs_log *log, enum rs_log_level level, const char *format,
	     va_list arguments) __attribute__((format(printf, 3, 0), cold));

#endif
