/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* block_list.h: basic blocks from a file, and a drcov file of those that were executed. */
#ifndef TOOLS_BLOCK_LIST_H
#define TOOLS_BLOCK_LIST_H

#include <stddef.h>
#include <stdint.h>

struct block_list {
	uint64_t *addresses; /* in the order of the file */
	uint16_t *sizes;     /* bytes */
	size_t count;
};

/*
 * A line each: ADDRESS [SIZE], SIZE 1 if it is missing; empty lines, and what follows a #, count for
 * nothing. 0; or -EINVAL and *line, which is the wrong one; or -errno.
 */
int block_list_read(struct block_list *list, const char *path, size_t *line);
void block_list_free(struct block_list *list);

/*
 * drcov of version 2, as Lighthouse and others read it: one module, `name`, and for each bit of `hit`
 * that is set its block. Where 4 GiB do not hold all there are more modules. -errno.
 */
int block_list_write_drcov(const struct block_list *list, const uint64_t *hit, const char *name,
			   const char *path);

#endif
