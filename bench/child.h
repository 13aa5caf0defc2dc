/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* child.h: a contestant's process, from outside. */
#ifndef BENCH_CHILD_H
#define BENCH_CHILD_H

#include <stdint.h>
#include <sys/types.h>

#include "bench/contestant.h"

struct child {
	pid_t pid;
	struct counts *counts;
	int counts_fd;
};

/* What it has used so far. */
struct child_use {
	uint64_t cpu_ns;
	uint64_t sleeps; /* times that one of its threads has blocked */
	struct counts counts;
};

/* 0, or -errno and a text: -EOPNOTSUPP: that peer is not here, or cannot do this. */
int child_start(struct child *child, const struct plan *plan, const struct contestant *contestant,
		uint32_t domain);
/* Until it is ready. -EOPNOTSUPP: not yet; child->counts->text says what. */
int child_wait_ready(struct child *child, const struct contestant *contestant);
void child_look(const struct child *child, struct child_use *use);
/* Asks it to end, and waits; 0 if it ended well. child->counts stays until child_free. */
int child_stop(struct child *child);
void child_free(struct child *child);

#endif
