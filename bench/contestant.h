/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * contestant.h: who consumes the events.
 *
 * A contestant is a process of its own, so that its CPU time and its system calls are its own.
 * Ours are this program again, told to act; a peer is the peer's program.
 */
#ifndef BENCH_CONTESTANT_H
#define BENCH_CONTESTANT_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/counts.h"
#include "bench/plan.h"

struct contestant {
	const char *name, *summary;
	/* In the contestant's process, until stopping is set: 0, or an error whose text
	 * (rs_error_text) says what is wrong. NULL: a peer. */
	int (*run)(const struct contestant *contestant, const struct plan *plan,
		   struct counts *counts);
	uint32_t mode; /* of `run` */
	bool is_engine;
	/* A peer: fills in the command that consumes this plan's events of one domain, given by
	 * its number; false: it cannot. */
	bool (*command)(const struct plan *plan, uint32_t domain, const char **words,
			uint32_t size);
};

const struct contestant *contestant_find(const char *name);
const struct contestant *contestant_next(const struct contestant *before); /* NULL: the first */

/* baseline.c, engine.c, peer.c */
enum baseline_mode { BASELINE_BLOCK, BASELINE_HYBRID, BASELINE_SPIN, BASELINE_CLASSIC };
int baseline_run(const struct contestant *contestant, const struct plan *plan,
		 struct counts *counts);
int bench_engine_run(const struct contestant *contestant, const struct plan *plan,
		     struct counts *counts);
int bench_set_run(const struct contestant *contestant, const struct plan *plan,
		  struct counts *counts);
bool peer_xen_access(const struct plan *plan, uint32_t domain, const char **words, uint32_t size);
bool peer_libvmi(const struct plan *plan, uint32_t domain, const char **words, uint32_t size);

/* Set by SIGTERM, in a contestant, which then calls this too, in the signal's handler. */
extern volatile int contestant_stopping;
extern void (*volatile contestant_on_stop)(void);

/* The contestant's process. An exit code. */
int contestant_act(const struct plan *plan);

/* Says that events may fly. */
void contestant_ready(struct counts *counts);
/* Says that it cannot be done, or not yet; for `run` to return after. */
int contestant_not_yet(struct counts *counts, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* What the case's handler does, and that an event was handled. */
void contestant_handle(const struct plan *plan, struct counts *counts);

#endif
