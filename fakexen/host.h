/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* host.h: what the model asks of the world outside. The model itself has no clock, no
 * thread and no randomness: whoever drives it (the launcher, a shim on a caller's thread,
 * a test, a seeded stepper) brings them in through one of these. */
#ifndef FAKEXEN_HOST_H
#define FAKEXEN_HOST_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct fx_model;

struct fx_host {
	void *opaque;
	/* Nanoseconds since any fixed moment; also the guests' TSC at 1 GHz. */
	uint64_t (*now)(void *opaque);
	/* The event channel device `device` of a process gets `port` to read: at most one
	 * between two unmasks of a port. Any thread. */
	void (*deliver)(void *opaque, unsigned int device, uint32_t port);
	/* A vCPU became runnable. Any thread; may be called without need. */
	void (*wake)(void *opaque, unsigned int slot, unsigned int vcpu);
	/* The memory of the process that makes the hypercall: 0 or -EFAULT. */
	int (*copy_in)(void *opaque, pid_t pid, void *to, uint64_t from, size_t size);
	int (*copy_out)(void *opaque, pid_t pid, uint64_t to, const void *from, size_t size);
	/* A line for --log; no newline. */
	void (*log)(void *opaque, const char *line);
};

#endif
