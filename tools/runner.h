/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * runner.h: an engine's events in threads of their own, which may be sandboxes, and the command's loop
 * beside them.
 */
#ifndef TOOLS_RUNNER_H
#define TOOLS_RUNNER_H

#include <stdint.h>

#include <ringside/ringside.h>

/* Runs the engine until runner_end, or until its guest ends. 0 or -errno. */
int runner_begin(struct rs_engine *engine);

/* Around what handlers and the loop both touch. */
void runner_lock(void);
void runner_unlock(void);

/* In a handler, with the lock: there is something for the loop. */
void runner_stir(void);

/*
 * Until there is something, or the run has ended, at most so many milliseconds. With 0 a moment is
 * given to what may come, and nobody is woken for each of it. 1: there was something; 0; or what the
 * run has ended with.
 */
int runner_wait(uint64_t ms);

/* What that was: errors' texts are a thread's own. */
const char *runner_error(void);

/* Stops it. From then on no handler runs. */
void runner_end(void);

#endif
