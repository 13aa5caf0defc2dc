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

/*
 * A kernel's ISF has tens of megabytes, nearly all of them types, and twenty times that as a tree of
 * json-c's. So it is cut into the members of the root's "symbols", each of which json-c reads by itself.
 */
struct cutter {
	struct symbol_list *list;
	struct json_tokener *tokener;
	char piece[PIECE_BYTES]; /* a key of the root's, or "{" and a member of "symbols" */
	size_t length;
	unsigned int depth;
	bool is_string, is_escaped, is_wanted, is_over;
	int error;
};

static void keep(struct cutter *cutter, char c)
{
	if (cutter->depth != 1 && !cutter->is_wanted)
		return;
	if (cutter->length < sizeof(cutter->piece))
		cutter->piece[cutter->length++] = c;
	else
		cutter->error = -EINVAL;
}

static void restart(struct cutter *cutter)
{
	cutter->length = 0;
	if (cutter->is_wanted)
		keep(cutter, '{');
}

/* Of those without an address there is nothing to say. */
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

static void add_member(struct cutter *cutter)
{
	json_object *member;

	keep(cutter, '}');
	json_tokener_reset(cutter->tokener);
	member = json_tokener_parse_ex(cutter->tokener, cutter->piece, (int)cutter->length);
	if (!cutter->error)
		cutter->error = member ? add_symbols(cutter->list, member) : -EINVAL;
	json_object_put(member);
	restart(cutter);
}

static bool is_symbols(const struct cutter *cutter)
{
	static const char key[] = "\"symbols\"";
	size_t blank = 0;

	while (blank < cutter->length && strchr(" \t\r\n", cutter->piece[blank]))
		blank++;
	return cutter->length - blank >= sizeof(key) - 1 &&
	       !memcmp(cutter->piece + blank, key, sizeof(key) - 1);
}

static void open_bracket(struct cutter *cutter, char c)
{
	keep(cutter, c);
	cutter->depth++;
	if (cutter->depth == 2)
		cutter->is_wanted = c == '{' && is_symbols(cutter);
	if (cutter->depth <= 2)
		restart(cutter);
	if (cutter->depth > ISF_DEPTH || cutter->is_over)
		cutter->error = -EINVAL;
}

static void close_bracket(struct cutter *cutter, char c)
{
	if (cutter->depth == 2 && cutter->is_wanted) {
		add_member(cutter);
		cutter->is_wanted = false;
	}
	if (cutter->depth)
		cutter->depth--;
	cutter->is_over = !cutter->depth;
	keep(cutter, c);
}

static void cut(struct cutter *cutter, char c)
{
	bool was_string = cutter->is_string;

	if (c == '"' && !cutter->is_escaped)
		cutter->is_string = !was_string;
	cutter->is_escaped = was_string && c == '\\' && !cutter->is_escaped;
	if (was_string || cutter->is_string)
		keep(cutter, c);
	else if (c == '{' || c == '[')
		open_bracket(cutter, c);
	else if (c == '}' || c == ']')
		close_bracket(cutter, c);
	else if (c == ',' && cutter->depth == 1)
		restart(cutter);
	else if (c == ',' && cutter->depth == 2 && cutter->is_wanted)
		add_member(cutter);
	else
		keep(cutter, c);
}

static int read_isf(struct symbol_list *list, FILE *file)
{
	struct cutter *cutter = calloc(1, sizeof(*cutter));
	int error = -ENOMEM, c;

	if (cutter)
		cutter->tokener = json_tokener_new_ex(ISF_DEPTH);
	if (cutter && cutter->tokener) {
		cutter->list = list;
		while (!cutter->error && (c = getc(file)) != EOF)
			cut(cutter, (char)c);
		error = cutter->error || cutter->is_over ? cutter->error : -EINVAL;
		json_tokener_free(cutter->tokener);
	}
	free(cutter);
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
