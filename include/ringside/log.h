/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* log.h: what the library has to say while it works. It never prints by itself. */
#ifndef RINGSIDE_LOG_H
#define RINGSIDE_LOG_H

#ifdef __cplusplus
extern "C" {
#endif

enum rs_log_level {
	RS_LOG_ERROR = 1,   /* something was lost or refused: the program or Xen is at fault */
	RS_LOG_WARNING = 2, /* it works, but not as well as it might */
	RS_LOG_INFO = 3,    /* attach, detach, what was chosen */
	RS_LOG_DEBUG = 4,   /* and Xen's own libraries */
};

/*
 * Gets one line, without a newline, valid during the call. Called by whichever thread has
 * something to say, the one that runs the engine too: be quick, do not call back into the
 * engine.
 */
typedef void (*rs_log_function)(enum rs_log_level level, const char *line, void *user);

#ifdef __cplusplus
}
#endif

#endif
