/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* guest.h: the bench's hands on its guest, guests/bench.S. */
#ifndef BENCH_GUEST_H
#define BENCH_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/histogram.h"
#include "xen/connection.h"

/* What the guest is to do. Times are in its ticks. */
struct guest_task {
	uint32_t kind; /* BENCH_CR3... of guests/bench.h */
	uint32_t vcpu_count;
	uint64_t think_ticks;
	uint64_t period_ticks; /* 0: none */
	uint64_t limit;        /* events of each vCPU; 0: none */
};

struct guest {
	struct rs_xen *xen;
	uint32_t domain;
	uint32_t vcpu_count;
	void *mailbox; /* the page of the parameters */
	char *areas;
	uint64_t generation;
};

/* A moment of it: what all vCPUs together have counted. */
struct guest_view {
	uint64_t events;
	uint64_t ticks;
	uint64_t ticks_max; /* of the task that is under way */
	struct histogram histogram;
};

/*
 * Maps a domain that runs bench.elf and makes it idle. -ENOEXEC: it runs something else. Errors
 * have their text (rs_error_text).
 */
int guest_open(struct guest *guest, struct rs_xen *xen, const char *domain);
void guest_close(struct guest *guest);

/* Gives the task to all vCPUs and waits until they have taken it up. -ETIMEDOUT: they have not. */
int guest_start(struct guest *guest, const struct guest_task *task);
int guest_stop(struct guest *guest);

void guest_look(const struct guest *guest, struct guest_view *view);
/* Events so far, of all vCPUs or of one: cheap. */
uint64_t guest_events(const struct guest *guest);
uint64_t guest_vcpu_events(const struct guest *guest, uint32_t vcpu);
/* Have all that take part reached the task's limit? */
bool guest_done(const struct guest *guest, uint32_t vcpu_count);

/* Ticks a nanosecond, measured. */
int guest_measure_clock(struct guest *guest, double *ticks_per_ns);

#endif
