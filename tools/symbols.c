/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* symbols.c: see symbols.h. */
#include "tools/symbols.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ringside/ringside.h>

#include "tools/symbol_list.h"

#define ENTRY "entry_SYSCALL_64"
/* A kernel is moved by multiples of this, and not that far. */
#define KASLR_ALIGNMENT 0x200000
#define KASLR_RANGE 0x40000000

struct symbols {
	struct symbol_list list; /* by name */
};

/* -- the file -- */

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct symbol *)a)->name, ((const struct symbol *)b)->name);
}

int symbols_open(struct symbols **out, const char *path)
{
	struct symbols *symbols = calloc(1, sizeof(*symbols));
	int error = symbols ? symbol_list_read(&symbols->list, path) : -ENOMEM;

	*out = NULL;
	if (error) {
		symbols_close(symbols);
		return error;
	}
	qsort(symbols->list.all, symbols->list.count, sizeof(*symbols->list.all), compare);
	*out = symbols;
	return 0;
}

void symbols_close(struct symbols *symbols)
{
	if (symbols)
		symbol_list_free(&symbols->list);
	free(symbols);
}

static int find(const struct symbols *symbols, const char *name, uint64_t *address)
{
	struct symbol wanted = { .name = (char *)name };
	const struct symbol *found = bsearch(&wanted, symbols->list.all, symbols->list.count,
					     sizeof(*symbols->list.all), compare);

	if (!found)
		return -ENOENT;
	*address = found->address;
	return 0;
}

int symbols_find(const struct symbols *symbols, const char *name, uint64_t *address)
{
	const char *plus = strchr(name, '+');
	char *bare = plus ? strndup(name, (size_t)(plus - name)) : strdup(name), *end = "";
	uint64_t offset = 0;
	int error = bare ? find(symbols, bare, address) : -ENOMEM;

	free(bare);
	if (plus)
		offset = strtoull(plus + 1, &end, 0);
	if (!error && (*end || (plus && end == plus + 1)))
		error = -ENOENT;
	if (!error)
		*address += offset;
	return error;
}

/* -- the guest -- */

static int check_slide(uint64_t slide, uint64_t entry, uint64_t lstar, char *why, size_t size)
{
	if (!(slide % KASLR_ALIGNMENT) && slide < KASLR_RANGE)
		return 0;
	snprintf(why, size, "the file is of another kernel: " ENTRY " is at %#" PRIx64 " there, and at %#"
		 PRIx64 " in the guest, which is no distance of KASLR's", entry, lstar);
	return -ENOENT;
}

int symbols_locate(const struct symbols *symbols, struct rs_guest *guest, uint64_t *slide,
		   uint64_t *physical, char *why, size_t size)
{
	struct rs_vcpu_registers registers;
	struct rs_translation translation;
	struct rs_paging paging;
	uint64_t entry;
	int error;

	if (find(symbols, ENTRY, &entry)) {
		snprintf(why, size, "the file has no " ENTRY ": it is of no Linux kernel on x86-64");
		return -ENOENT;
	}
	error = rs_vcpu_read_registers(guest, 0, &registers);
	if (!error && !registers.lstar) {
		snprintf(why, size, "the guest's LSTAR is 0: no Linux kernel has started there yet");
		return -ENOENT;
	}
	if (!error) {
		*slide = registers.lstar - entry;
		error = check_slide(*slide, entry, registers.lstar, why, size);
		if (error)
			return error;
		paging = (struct rs_paging){ registers.cr0, registers.cr3, registers.cr4,
					     registers.efer };
		error = rs_guest_translate(guest, &paging, registers.lstar, &translation);
	}
	if (error)
		snprintf(why, size, "%s", rs_strerror(error));
	else
		*physical = translation.physical - entry;
	return error;
}
