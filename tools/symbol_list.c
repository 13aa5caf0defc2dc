/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* symbol_list.c: see symbol_list.h. */
#include "tools/symbol_list.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "tools/xz_file.h"

#define SYMBOLS_MAX (1 << 22)
#define PIECE_BYTES 65536
/* Types refer to others by name, so an ISF is never as deep as this. */
#define ISF_DEPTH 64

static int add(struct symbol_list *list, uint64_t address, const char *name)
{
	struct symbol *all = list->all;

	if (list->count == SYMBOLS_MAX)
		return -EINVAL;
	if (list->count == list->room) {
		list->room = list->room ? 2 * list->room : 1024;
		all = realloc(all, list->room * sizeof(*all));
		if (!all)
			return -ENOMEM;
		list->all = all;
	}
	all[list->count] = (struct symbol){ address, strdup(name) };
	return all[list->count++].name ? 0 : -ENOMEM;
}

/* -- System.map -- */

/* ADDRESS TYPE NAME; a fourth word is a module's. */
static int add_line(struct symbol_list *list, char *line)
{
	char *end, *name;
	uint64_t address = strtoull(line, &end, 16);

	if (end == line || *end != ' ' || !end[1] || end[2] != ' ')
		return -EINVAL;
	name = end + 3;
	name[strcspn(name, " \t\r\n")] = '\0';
	return *name ? add(list, address, name) : -EINVAL;
}

static int read_lines(struct symbol_list *list, FILE *file)
{
	char *line = NULL;
	size_t room = 0;
	int error = 0;

	while (!error && getline(&line, &room, file) >= 0)
		error = add_line(list, line);
	free(line);
	return error;
}

/* -- ISF -- */

/* The whole of it, piece by piece; NULL: it is no JSON, or it ends too soon. */
static json_object *parse(struct json_tokener *tokener, FILE *file)
{
	static char piece[PIECE_BYTES];
	json_object *root = NULL;
	size_t size;

	while (!root && (size = fread(piece, 1, sizeof(piece), file))) {
		root = json_tokener_parse_ex(tokener, piece, (int)size);
		if (!root && json_tokener_get_error(tokener) != json_tokener_continue)
			break;
	}
	return root;
}

/* Of those without an address, types and the like, there is nothing to say. */
static int add_symbols(struct symbol_list *list, json_object *symbols)
{
	int error = 0;

	json_object_object_foreach(symbols, name, symbol) {
		json_object *address;

		if (!error && json_object_object_get_ex(symbol, "address", &address) &&
		    json_object_is_type(address, json_type_int))
			error = add(list, json_object_get_uint64(address), name);
	}
	return error;
}

static int read_isf(struct symbol_list *list, FILE *file)
{
	struct json_tokener *tokener = json_tokener_new_ex(ISF_DEPTH);
	json_object *root = tokener ? parse(tokener, file) : NULL, *symbols;
	int error = tokener ? -EINVAL : -ENOMEM;

	if (json_object_object_get_ex(root, "symbols", &symbols) &&
	    json_object_is_type(symbols, json_type_object))
		error = add_symbols(list, symbols);
	json_object_put(root);
	json_tokener_free(tokener);
	return error;
}

/* -- either -- */

static bool begins_with_brace(FILE *file)
{
	int c = getc(file);

	while (c == ' ' || c == '\t' || c == '\r' || c == '\n')
		c = getc(file);
	ungetc(c, file);
	return c == '{';
}

int symbol_list_read(struct symbol_list *list, const char *path)
{
	FILE *file = xz_file_open(path);
	int error;

	if (!file)
		return -errno;
	error = begins_with_brace(file) ? read_isf(list, file) : read_lines(list, file);
	/* What is damaged is no JSON either, but this is the reason. */
	if (ferror(file))
		error = -EIO;
	fclose(file);
	return !error && !list->count ? -EINVAL : error;
}

void symbol_list_free(struct symbol_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->all[i].name);
	free(list->all);
}
