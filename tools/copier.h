/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * copier.h: runs of a guest's RAM, copied into a file by several threads: while one of them writes,
 * others map what comes next and read it. Pages of zeros become holes.
 */
#ifndef TOOLS_COPIER_H
#define TOOLS_COPIER_H

#include <ringside/ringside.h>

#include "tools/elf_core.h"

struct copy {
	struct rs_guest *guest;
	const struct run *runs;
	size_t run_count;
	int fd;
	const char *file;               /* its name, in the text of an error */
	const _Atomic int *interrupted; /* not 0: end at once */

	/* Called by the caller's thread, now and then. May be NULL. */
	void (*show)(void *context, uint64_t done);
	void *context;

	/* Bytes that went away while they were copied: they are zeros. Written by copy_runs. */
	uint64_t missing;
	char text[256]; /* of the error, if there is one */
};

/*
 * Returns when no thread is left. 0, or -EINTR: it was interrupted; -EIO: the file cannot be
 * written; or what the guest's memory gave. Each but -EINTR has its text.
 */
int copy_runs(struct copy *copy);

/* All of it: 0 or -errno. */
int write_at(int fd, const void *bytes, size_t size, uint64_t offset);

#endif
