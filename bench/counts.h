/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * counts.h: what a contestant and the bench share while one runs: a page of memory that the
 * bench made, and whose descriptor the contestant inherits.
 *
 * Each thread of the contestant counts in a line of its own, so that counting costs it a plain
 * store. The system calls are counted by preload.c, which the contestant carries; a program
 * that knows nothing of the bench, a peer, is counted in the same way.
 */
#ifndef BENCH_COUNTS_H
#define BENCH_COUNTS_H

#include <stdint.h>

#define COUNTS_VARIABLE "RINGSIDE_BENCH_COUNTS"
#define COUNTS_SIZE 65536
#define COUNTS_THREADS 64 /* those that come later share the last line */
#define COUNTS_BATCHES 65 /* events with one notify: 0 to 63, and more */

enum counts_call {
	COUNTS_NOTIFY, /* of the event channel */
	COUNTS_UNMASK,
	COUNTS_DEVICE, /* any other call of a Xen device */
	COUNTS_READ,
	COUNTS_WAIT, /* poll and its kin */
	COUNTS_OTHER,
	COUNTS_CALLS,
};

struct counts_thread {
	uint64_t events; /* that it has handled */
	uint64_t calls[COUNTS_CALLS];
} __attribute__((aligned(64)));

/* What it costs to get at a vCPU's registers, ns each time. */
struct counts_registers {
	uint64_t event_read, event_write;     /* in the event, and in its answer */
	uint64_t context_read, context_write; /* by the HVM context of the domain */
};

enum counts_state {
	COUNTS_STARTING = 0,
	COUNTS_READY,
	COUNTS_FAILED,  /* `text` says why */
	COUNTS_NOT_YET, /* the contestant cannot do that, or not yet: `text` says what */
};

struct counts {
	uint32_t state; /* enum counts_state; released after all that it tells of */
	uint32_t threads;
	char text[240];
	uint64_t noted;           /* events before the last notify */
	uint64_t batch[COUNTS_BATCHES];
	/* CLOCK_MONOTONIC, ns; 0: has not happened. */
	uint64_t attach_ns, ready_ns, first_event_ns;
	uint64_t detach_ns;       /* how long that took */
	uint64_t work_ns;         /* how long what the case measures took, once, before READY */
	uint64_t undo_ns;         /* and undoing it, after the end */
	uint64_t changes;         /* watches made and removed while events fly */
	struct counts_registers registers;
	struct counts_thread thread[COUNTS_THREADS];
};

_Static_assert(sizeof(struct counts) <= COUNTS_SIZE, "the counts have their room");

#endif
