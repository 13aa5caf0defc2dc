/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* block_list.c: see block_list.h. */
#include "tools/block_list.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES 4096

/* -- reading -- */

static bool skip_blanks(char **at)
{
	*at += strspn(*at, " \t\r\n");
	return **at && **at != '#';
}

static bool read_number(char **at, uint64_t max, uint64_t *number)
{
	char *begin = *at;

	if (*begin < '0' || *begin > '9')
		return false;
	errno = 0;
	*number = strtoull(begin, at, 0);
	return !errno && *number <= max && strchr(" \t\r\n#", **at);
}

static int add(struct block_list *list, uint64_t address, uint16_t size)
{
	/* Twice as large at each power of two. */
	if (!(list->count & (list->count - 1))) {
		size_t room = list->count ? 2 * list->count : 1;
		uint64_t *addresses = realloc(list->addresses, room * sizeof(*addresses));
		uint16_t *sizes = addresses ? realloc(list->sizes, room * sizeof(*sizes)) : NULL;

		if (addresses)
			list->addresses = addresses;
		if (!sizes)
			return -ENOMEM;
		list->sizes = sizes;
	}
	list->addresses[list->count] = address;
	list->sizes[list->count++] = size;
	return 0;
}

static int read_line(struct block_list *list, char *at)
{
	uint64_t address, size = 1;

	if (!skip_blanks(&at))
		return 0;
	if (!read_number(&at, UINT64_MAX, &address))
		return -EINVAL;
	if (skip_blanks(&at) && (!read_number(&at, UINT16_MAX, &size) || skip_blanks(&at)))
		return -EINVAL;
	return add(list, address, (uint16_t)size);
}

int block_list_read(struct block_list *list, const char *path, size_t *line)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;
	int error = 0;

	*list = (struct block_list){ 0 };
	*line = 0;
	if (!file)
		return -errno;
	while (!error && getline(&text, &room, file) >= 0) {
		++*line;
		error = read_line(list, text);
	}
	if (!error && ferror(file))
		error = -EIO;
	free(text);
	fclose(file);
	return error;
}

void block_list_free(struct block_list *list)
{
	free(list->addresses);
	free(list->sizes);
	*list = (struct block_list){ 0 };
}

/* -- drcov -- */

/* One entry of the file's table of blocks. */
struct drcov_block {
	uint32_t start;
	uint16_t size;
	uint16_t module;
};
_Static_assert(sizeof(struct drcov_block) == 8, "as drcov has it");

struct module {
	uint64_t base, end;
};

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* By where the blocks are: *count of them, at most as many as blocks. */
static struct module *find_modules(const struct block_list *list, size_t *count)
{
	struct module *modules = malloc((list->count + 1) * sizeof(*modules));
	uint64_t *sorted = malloc((list->count + 1) * sizeof(*sorted));

	*count = 0;
	if (modules && sorted) {
		memcpy(sorted, list->addresses, list->count * sizeof(*sorted));
		qsort(sorted, list->count, sizeof(*sorted), compare);
	}
	for (size_t i = 0; i < list->count && modules && sorted; i++) {
		if (!*count || sorted[i] - modules[*count - 1].base > UINT32_MAX)
			modules[(*count)++].base = sorted[i] & ~(uint64_t)(PAGE_BYTES - 1);
		modules[*count - 1].end = (sorted[i] | (PAGE_BYTES - 1)) + 1;
	}
	free(sorted);
	return modules;
}

static struct drcov_block entry_of(const struct block_list *list, size_t index,
				   const struct module *modules)
{
	struct drcov_block entry = { .size = list->sizes[index] };

	while (list->addresses[index] < modules[entry.module].base ||
	       list->addresses[index] - modules[entry.module].base > UINT32_MAX)
		entry.module++;
	entry.start = (uint32_t)(list->addresses[index] - modules[entry.module].base);
	return entry;
}

static void write_file(FILE *file, const struct block_list *list, const uint64_t *hit,
		       const char *name, const struct module *modules, size_t module_count)
{
	size_t count = 0;

	fprintf(file, "DRCOV VERSION: 2\nDRCOV FLAVOR: ringside\n"
		      "Module Table: version 2, count %zu\n"
		      "Columns: id, base, end, entry, checksum, timestamp, path\n", module_count);
	for (size_t i = 0; i < module_count; i++)
		fprintf(file, "%3zu, 0x%016" PRIx64 ", 0x%016" PRIx64
			      ", 0x0000000000000000, 0x00000000, 0x00000000, %s\n", i,
			modules[i].base, modules[i].end, name);
	for (size_t i = 0; i < list->count; i++)
		count += hit[i / 64] >> i % 64 & 1;
	fprintf(file, "BB Table: %zu bbs\n", count);
	for (size_t i = 0; i < list->count; i++) {
		struct drcov_block entry;

		if (!(hit[i / 64] >> i % 64 & 1))
			continue;
		entry = entry_of(list, i, modules);
		fwrite(&entry, sizeof(entry), 1, file);
	}
}

int block_list_write_drcov(const struct block_list *list, const uint64_t *hit, const char *name,
			   const char *path)
{
	size_t module_count;
	struct module *modules = find_modules(list, &module_count);
	FILE *file;
	int error = 0;

	if (!modules)
		return -ENOMEM;
	file = fopen(path, "we");
	if (file) {
		write_file(file, list, hit, name, modules, module_count);
		if (ferror(file))
			error = -EIO;
		if (fclose(file) && !error)
			error = -errno;
	} else {
		error = -errno;
	}
	free(modules);
	return error;
}
