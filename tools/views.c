/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* views.c: `ringside views`: which alternative views a domain has, and what they allow. */
#include "tools/commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ringside/ringside.h>

#include "tools/exit_code.h"

#define VIEWS_MAX 512
#define PAGES_MAX (1 << 20)

static const char usage[] =
	"usage: ringside views DOMAIN [GFN[-GFN]]\n"
	"\n"
	"Shows the altp2m views of a domain, given by its name or its number, whoever made them,\n"
	"and how many vCPUs are in each. With guest frames: what each view allows there, as Xen\n"
	"has it, one hypercall a page and view. Changes nothing.\n";

static const char *access_words(uint8_t access)
{
	static const char *const words[] = { "n", "r", "w", "rw", "x", "rx", "wx", "rwx" };

	return access < 8 ? words[access] : "as the domain's own map, when it is touched";
}

static void print_run(uint16_t view, uint64_t first, uint64_t last, uint8_t access)
{
	printf("  %-6u %#" PRIx64, view, first);
	if (last != first)
		printf("-%#" PRIx64, last);
	printf(" %s\n", access_words(access));
}

/* Runs of pages that are alike. */
static int print_pages(const char *domain, uint16_t view, uint64_t first, size_t count)
{
	uint8_t *access = malloc(count);
	size_t begin = 0;
	int error;

	if (!access)
		return -ENOMEM;
	error = rs_probe_pages(domain, view, first, count, access);
	for (size_t i = 1; i <= count && !error; i++) {
		if (i < count && access[i] == access[begin])
			continue;
		print_run(view, first + begin, first + i - 1, access[begin]);
		begin = i;
	}
	free(access);
	return error;
}

static bool read_range(const char *text, uint64_t *first, size_t *count)
{
	char *end;
	uint64_t last;

	if (*text < '0' || *text > '9')
		return false;
	last = *first = strtoull(text, &end, 0);
	if (*end == '-' && end[1] >= '0' && end[1] <= '9')
		last = strtoull(end + 1, &end, 0);
	*count = last - *first + 1;
	return !*end && last >= *first && last - *first < PAGES_MAX;
}

static int show(const char *domain, uint64_t first, size_t page_count)
{
	static struct rs_view_probe views[VIEWS_MAX];
	int count = rs_probe_views(domain, views, VIEWS_MAX), error = 0;

	if (count <= 0) {
		if (!count)
			printf("domain %s has no views: altp2m is not in use\n", domain);
		return count;
	}
	printf("  view   vCPUs\n");
	for (int i = 0; i < count; i++)
		printf("  %-6u %u%s\n", views[i].view, views[i].vcpu_count,
		       views[i].view ? "" : "  (the permissive one)");
	if (page_count)
		printf("\n  view   pages\n");
	for (int i = 0; i < count && page_count && !error; i++)
		error = print_pages(domain, views[i].view, first, page_count);
	return error;
}

int views_main(int argc, char **argv)
{
	uint64_t first = 0;
	size_t page_count = 0;
	int error;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(usage, stdout);
		return EXIT_DONE;
	}
	if (argc < 2 || argc > 3 || *argv[1] == '-') {
		fprintf(stderr, "ringside views: a domain, and guest frames if you like (ringside views "
			"--help)\n");
		return EXIT_USAGE;
	}
	if (argc == 3 && !read_range(argv[2], &first, &page_count)) {
		fprintf(stderr, "ringside views %s: GFN[-GFN], at most %d of them, as 0x300-0x30f\n",
			argv[2], PAGES_MAX);
		return EXIT_USAGE;
	}
	error = show(argv[1], first, page_count);
	if (error)
		fprintf(stderr, "ringside views: %s\n", rs_strerror(error));
	if (fflush(stdout) && errno != EPIPE) {
		fprintf(stderr, "ringside views: cannot write the output: %s\n", strerror(errno));
		return EXIT_FAILED;
	}
	return exit_code_of(error);
}
