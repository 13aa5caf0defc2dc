/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpuid_file.c: a CPUID policy out of a text file. A line is a leaf: six words in
 * hexadecimal, leaf, subleaf ("-": it has none), EAX, EBX, ECX and EDX. What follows a "#"
 * is a remark. Leaves that the file does not name are zero. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakexen/hypercalls/private.h"

#define LEAVES_MAX ARRAY_COUNT(((struct fx_domain *)NULL)->cpuid_policy)

enum { LEAF, SUBLEAF, EAX, EBX, ECX, EDX, WORDS };

static bool parse_word(const char *text, bool may_be_none, uint32_t *value)
{
	char *end;
	unsigned long number;

	if (may_be_none && strcmp(text, "-") == 0) {
		*value = XEN_CPUID_NO_SUBLEAF;
		return true;
	}
	errno = 0;
	number = strtoul(text, &end, 16);
	*value = number;
	return end != text && !*end && !errno && text[0] != '-' && number == *value;
}

/* 1: a leaf; 0: an empty line; -EINVAL. */
static int parse_line(char *text, struct fx_cpuid_leaf *line)
{
	uint32_t words[WORDS];
	unsigned int count = 0;
	char *rest = NULL;

	text[strcspn(text, "#\n")] = '\0';
	for (char *word = strtok_r(text, " \t\r", &rest); word;
		word = strtok_r(NULL, " \t\r", &rest)) {
		if (count == WORDS || !parse_word(word, count == SUBLEAF, &words[count]))
			return -EINVAL;
		count++;
	}
	if (!count)
		return 0;
	*line = (struct fx_cpuid_leaf){ words[LEAF], words[SUBLEAF], words[EAX], words[EBX],
		words[ECX], words[EDX] };
	return count == WORDS && fx_cpu_policy_leaf_valid(line) ? 1 : -EINVAL;
}

static int parse(FILE *file, struct fx_domain *to, char *why, size_t why_size, const char *path)
{
	char text[256];

	for (unsigned int number = 1; fgets(text, sizeof text, file); number++) {
		struct fx_cpuid_leaf *line = &to->cpuid_policy[to->cpuid_policy_count];
		int found;

		if (to->cpuid_policy_count == LEAVES_MAX)
			return snprintf(why, why_size, "%s: more than %zu leaves", path,
				LEAVES_MAX), -E2BIG;
		found = parse_line(text, line);
		if (found < 0)
			return snprintf(why, why_size, "%s:%u: not a leaf of a CPUID policy",
				path, number), found;
		to->cpuid_policy_count += found;
	}
	if (ferror(file))
		return snprintf(why, why_size, "%s: cannot be read", path), -EIO;
	if (!fx_cpu_policy_leaf(to, 0, 0) || !fx_cpu_policy_leaf(to, 0x80000000, 0))
		return snprintf(why, why_size, "%s: leaves 0 and 80000000 are missing", path),
			-EINVAL;
	return 0;
}

int fx_cpuid_policy_read(struct fx_model *model, const char *path, char *why, size_t why_size)
{
	FILE *file = fopen(path, "r");
	struct fx_domain *machine = fx_domain(model, 0);
	int error = file ? 0 : -errno;

	if (error) {
		snprintf(why, why_size, "%s: %s", path, strerror(-error));
		return error;
	}
	machine->cpuid_policy_count = 0;
	error = parse(file, machine, why, why_size, path);
	fclose(file);
	if (error)
		machine->cpuid_policy_count = 0;
	return error;
}
