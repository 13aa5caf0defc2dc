/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trace.c: `ringside trace`: what a guest executes for the first time: pages, by closing them in a
 * view, or basic blocks, by hidden breakpoints that go when they are hit.
 */
#include "tools/commands.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ringside/ringside.h>

#include "tools/block_list.h"
#include "tools/keeper.h"
#include "tools/number.h"
#include "tools/runner.h"

#define NS 1000000000ull
#define WAIT_MS 100
#define CLOSED (RS_ACCESS_R | RS_ACCESS_W)
#define OPEN (CLOSED | RS_ACCESS_X)

static const char usage[] =
	"usage: ringside trace DOMAIN --pages GFN[-GFN] [OPTION...]\n"
	"       ringside trace DOMAIN --blocks FILE [OPTION...]\n"
	"\n"
	"Prints what a guest executes for the first time, and at the end how much of it. A page,\n"
	"or a block, costs one event and nothing from then on.\n"
	"\n"
	"  --pages GFN[-GFN]  of these guest frames\n"
	"  --blocks FILE      of the basic blocks in FILE, a line each: ADDRESS [SIZE], linear\n"
	"\n"
	"  --cr3 CR3      blocks: of that address space only; else of that in which vCPU 0 is now\n"
	"  --drcov FILE   blocks: write those that were executed, as Lighthouse reads them\n"
	"  --count N      leave after N of them\n"
	"  --seconds S    leave after S seconds\n"
	"  --no-sandbox   handle events with all that this process may do\n"
	"  --quiet        only the summary\n";

static struct {
	const char *domain, *blocks, *drcov;
	uint64_t first_gfn, last_gfn, cr3, count;
	double seconds;
	bool has_pages, quiet, no_sandbox;
} options;

static struct rs_engine *engine;
static _Atomic int interrupted; /* a signal may come in any thread */
static uint64_t found;  /* pages or blocks */
static uint64_t *open_pages; /* bit by bit */
static struct rs_view *view;
static struct block_list list;

static void on_signal(int number)
{
	interrupted = number;
	if (engine)
		rs_engine_stop(engine);
}

static void on_log(enum rs_log_level level, const char *line, void *user)
{
	fprintf(stderr, "ringside: %s\n", line);
}

static void print_found(const struct rs_event *event, const char *what, uint64_t number)
{
	found++;
	if (!options.quiet)
		printf("%s %#" PRIx64 " vcpu %u rip %#" PRIx64 " cr3 %#" PRIx64 "\n", what, number,
		       event->vcpu, rs_event_rip(event), rs_event_cr3(event));
	if (options.count && found >= options.count)
		rs_engine_stop(engine);
	runner_stir();
}

/* -- pages -- */

/* Open from now on for all vCPUs; another one may have faulted there, too, by now. */
static struct rs_reply on_fault(const struct rs_event *event, void *user)
{
	uint64_t gfn = event->page.gfn, number = gfn - options.first_gfn;
	uint64_t bit = 1ULL << number % 64;
	bool first;

	if (gfn < options.first_gfn || gfn > options.last_gfn || !(event->page.access & RS_ACCESS_X))
		return RS_CONTINUE;
	runner_lock();
	first = !(open_pages[number / 64] & bit);
	open_pages[number / 64] |= bit;
	if (first)
		print_found(event, "page", gfn);
	runner_unlock();
	if (!first)
		return RS_RESUME;
	return rs_view_set_access(view, gfn, gfn, OPEN, NULL) ? RS_CONTINUE : RS_RESUME;
}

static int begin_pages(void)
{
	struct rs_view_options wanted = { .handler = on_fault };
	uint64_t count = options.last_gfn - options.first_gfn + 1;
	struct rs_view_missing missing;
	int error;

	open_pages = calloc(count / 64 + 1, sizeof(*open_pages));
	if (!open_pages)
		return -ENOMEM;
	error = rs_view_create(engine, &wanted, &view);
	if (!error)
		error = rs_view_set_access(view, options.first_gfn, options.last_gfn, CLOSED, &missing);
	if (!error && missing.count)
		fprintf(stderr, "ringside trace: %" PRIu64 " of the frames are no RAM, the first is %#"
			PRIx64 "\n", missing.count, missing.first_gfn);
	return error ? error : rs_view_switch(engine, rs_view_index(view));
}

static void end_pages(void)
{
	printf("%" PRIu64 " of %" PRIu64 " pages executed\n", found,
	       options.last_gfn - options.first_gfn + 1);
}

/* -- blocks -- */

static void on_hit(const struct rs_event *event, uint32_t index, void *user)
{
	runner_lock();
	print_found(event, "block", list.addresses[index]);
	runner_unlock();
}

static int begin_blocks(struct rs_coverage **coverage)
{
	struct rs_coverage_options wanted = {
		.addresses = list.addresses, .count = list.count, .place = RS_PLACE_LINEAR,
		.cr3 = options.cr3, .on_hit = on_hit,
	};

	return rs_coverage_open(engine, &wanted, coverage);
}

static int write_drcov(struct rs_coverage *coverage)
{
	uint64_t *hit = calloc(list.count / 64 + 1, sizeof(*hit));
	int error;

	if (!hit)
		return -ENOMEM;
	rs_coverage_read(coverage, hit);
	error = block_list_write_drcov(&list, hit, options.domain, options.drcov);
	free(hit);
	if (error)
		fprintf(stderr, "ringside trace: %s: %s\n", options.drcov, strerror(-error));
	return error;
}

static int end_blocks(struct rs_coverage *coverage)
{
	struct rs_coverage_statistics statistics;
	int error = 0;

	rs_coverage_statistics(coverage, &statistics);
	if (options.drcov)
		error = write_drcov(coverage);
	rs_coverage_close(coverage);
	printf("%" PRIu64 " of %u blocks executed, in %u pages", found, statistics.addresses,
	       statistics.pages);
	if (statistics.missing)
		printf("; %u are mapped nowhere", statistics.missing);
	putchar('\n');
	return error;
}

/* -- together -- */

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * NS + (uint64_t)time.tv_nsec;
}

static bool go_on(uint64_t end)
{
	bool more;

	runner_lock();
	more = !interrupted && !(options.count && found >= options.count);
	runner_unlock();
	return more && now() < end;
}

static int run(void)
{
	uint64_t end = options.seconds ? now() + (uint64_t)(options.seconds * NS) : UINT64_MAX;
	int handled = runner_begin(engine);

	if (handled) {
		fprintf(stderr, "ringside trace: %s\n", strerror(-handled));
		return handled;
	}
	while (handled >= 0 && go_on(end)) {
		handled = runner_wait(handled ? 0 : WAIT_MS);
		if (!handled && fflush(stdout))
			break;
	}
	runner_end();
	if (handled >= 0)
		return 0;
	fprintf(stderr, "ringside trace: %s\n", runner_error());
	return handled;
}

static int trace(void)
{
	struct rs_engine_options wanted = { .log = on_log, .workers = 1 };
	struct rs_coverage *coverage = NULL;
	struct rs_engine *attached;
	int error, result;

	with_keeper(&wanted);
	if (!options.no_sandbox)
		wanted.sandbox = RS_SANDBOX_WANTED;
	error = rs_engine_attach(&engine, options.domain, &wanted);
	if (!error)
		error = options.blocks ? begin_blocks(&coverage) : begin_pages();
	if (error)
		fprintf(stderr, "ringside trace: %s\n", rs_strerror(error));
	else
		error = run();
	if (coverage)
		error = (result = end_blocks(coverage)) && !error ? result : error;
	else if (view)
		end_pages();
	/* A signal from here on finds none: not one that is being freed. */
	attached = engine;
	engine = NULL;
	result = rs_engine_detach(attached);
	if (result)
		fprintf(stderr, "ringside trace: detaching: %s\n", rs_strerror(result));
	free(open_pages);
	return error ? error : result;
}

/* -- the command line -- */

static int complain(const char *what, const char *about)
{
	fprintf(stderr, "ringside trace: %s%s (ringside trace --help)\n", what, about);
	return EXIT_USAGE;
}

static bool read_range(const char *text)
{
	uint64_t limit = 1ULL << 40;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	options.last_gfn = options.first_gfn = strtoull(text, &end, 0);
	if (*end == '-' && end[1] >= '0' && end[1] <= '9')
		options.last_gfn = strtoull(end + 1, &end, 0);
	options.has_pages = true;
	return !*end && options.first_gfn <= options.last_gfn && options.last_gfn < limit &&
	       options.last_gfn - options.first_gfn < 1ULL << 28;
}

static bool read_seconds(const char *text)
{
	char *end;

	options.seconds = strtod(text, &end);
	return end != text && !*end && options.seconds > 0 && options.seconds < 1e9;
}

/* One option: 0, or an exit code. */
static int read_option(int option)
{
	switch (option) {
	case 'p':
		return read_range(optarg) ? 0 : complain("--pages: GFN[-GFN], not ", optarg);
	case 'b':
		options.blocks = optarg;
		return 0;
	case 'd':
		options.drcov = optarg;
		return 0;
	case 'c':
		return parse_number(optarg, &options.cr3) && options.cr3
			       ? 0 : complain("--cr3: a number, not ", optarg);
	case 'n':
		return parse_number(optarg, &options.count) && options.count
			       ? 0 : complain("--count: a number above 0, not ", optarg);
	case 's':
		return read_seconds(optarg) ? 0 : complain("--seconds: a number above 0, not ", optarg);
	case 'x':
		options.no_sandbox = true;
		return 0;
	case 'q':
		options.quiet = true;
		return 0;
	default:
		return complain("unknown option, or its value is missing", "");
	}
}

static int check_options(int argc, char **argv)
{
	if (optind == argc)
		return complain("which domain? A name or a number", "");
	if (argc - optind > 1)
		return complain("one domain at a time: too much is ", argv[optind + 1]);
	options.domain = argv[optind];
	if (options.has_pages == (options.blocks != NULL))
		return complain("either --pages or --blocks", "");
	if (options.has_pages && (options.cr3 || options.drcov))
		return complain("--cr3 and --drcov are for --blocks", "");
	return 0;
}

static int read_blocks(void)
{
	size_t line;
	int error = block_list_read(&list, options.blocks, &line);

	if (error == -EINVAL)
		fprintf(stderr, "ringside trace: %s:%zu: no ADDRESS [SIZE]\n", options.blocks, line);
	else if (error)
		fprintf(stderr, "ringside trace: %s: %s\n", options.blocks, strerror(-error));
	else if (!list.count)
		fprintf(stderr, "ringside trace: %s: no blocks are there\n", options.blocks);
	return error || !list.count ? EXIT_INPUT : 0;
}

int trace_main(int argc, char **argv)
{
	static const struct option known[] = {
		{ "pages", required_argument, NULL, 'p' }, { "blocks", required_argument, NULL, 'b' },
		{ "cr3", required_argument, NULL, 'c' }, { "drcov", required_argument, NULL, 'd' },
		{ "count", required_argument, NULL, 'n' }, { "seconds", required_argument, NULL, 's' },
		{ "no-sandbox", no_argument, NULL, 'x' }, { "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	int option, status = 0;

	opterr = 0;
	while (!status && (option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return EXIT_DONE;
		}
		status = read_option(option);
	}
	if (!status)
		status = check_options(argc, argv);
	if (!status && options.blocks)
		status = read_blocks();
	if (status)
		return status;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	signal(SIGHUP, on_signal);
	status = finish_output("trace", trace());
	block_list_free(&list);
	return status;
}
