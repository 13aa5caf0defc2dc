/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * symbols.h: names of a Linux guest's kernel, from its System.map or a Volatility ISF, and where they
 * are.
 *
 * The kernel says in LSTAR where it is: at entry_SYSCALL_64, wherever KASLR has put that. As its image
 * lies in one piece, what is known of that address tells the physical one of any other.
 */
#ifndef TOOLS_SYMBOLS_H
#define TOOLS_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

struct rs_guest;
struct symbols;

/* -EINVAL: neither of these; or -errno of opening and reading it. */
int symbols_open(struct symbols **symbols, const char *path);
void symbols_close(struct symbols *symbols);

/* NAME or NAME+OFFSET, as the file has it. -ENOENT. */
int symbols_find(const struct symbols *symbols, const char *name, uint64_t *address);

/*
 * Where the kernel that runs in a guest is: linear = address + *slide, physical = address + *physical.
 * On an error `why`, of `size` bytes, is a sentence about it: -ENOENT (the file is of another kernel,
 * or there is none), or -errno of the library's.
 */
int symbols_locate(const struct symbols *symbols, struct rs_guest *guest, uint64_t *slide,
		   uint64_t *physical, char *why, size_t size);

#endif
