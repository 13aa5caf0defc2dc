/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * symbol_list.h: a kernel's symbols, as a file has them: a System.map (or /proc/kallsyms), or an ISF, the
 * JSON that Volatility 3 reads and dwarf2json writes; either of them in xz's format too.
 */
#ifndef TOOLS_SYMBOL_LIST_H
#define TOOLS_SYMBOL_LIST_H

#include <stddef.h>
#include <stdint.h>

struct symbol {
	uint64_t address;
	char *name;
};

struct symbol_list {
	struct symbol *all; /* in the order of the file */
	size_t count, room;
};

/* Into an empty list. -EINVAL: neither format; or -errno of opening and reading the file. */
int symbol_list_read(struct symbol_list *list, const char *path);
void symbol_list_free(struct symbol_list *list);

#endif
