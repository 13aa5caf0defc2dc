/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* watch_options.c: see watch_options.h. */
#include "tools/watch_options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/exit_code.h"

static const char usage[] =
	"usage: ringside watch DOMAIN [WHAT...] [OPTION...]\n"
	"\n"
	"Prints the events of a guest, given by its name or its number, as they happen, and a\n"
	"summary at the end. The guest goes on as if nobody looked.\n"
	"\n"
	"What to watch (--cr3 if nothing is named):\n"
	"  --cr0, --cr3, --cr4, --xcr0   writes of a control register\n"
	"  --msr INDEX                   writes of a model-specific register\n"
	"  --breakpoint                  int3\n"
	"  --break ADDR[@CR3]            execution of the instruction at a linear address, in the address\n"
	"                                space of CR3 or in all; the guest cannot see the breakpoint\n"
	"  --break NAME[+OFFSET]         the same in a Linux guest's kernel: see --symbols\n"
	"  --page GFN[-GFN]:ACCESS       accesses to guest frames that may still be accessed as\n"
	"                                ACCESS says: n (not at all), r, rw, rx, x\n"
	"  --cpuid                       CPUID\n"
	"  --descriptor                  lgdt, sgdt, lidt, sidt, lldt, sldt, ltr, str\n"
	"  --guest-request               the guest's own request hypercall\n"
	"  --debug                       debug exceptions\n"
	"\n"
	"Options:\n"
	"  --symbols FILE the guest's System.map or Volatility ISF (.xz too), for --break NAME\n"
	"  --count N      leave after N events\n"
	"  --seconds S    leave after S seconds\n"
	"  --json         one JSON object a line, with the keys of `ringside decode --json`\n"
	"  --table        a table that counts by what is watched, instead of each event\n"
	"  --quiet        only the summary\n"
	"  --follow       when the guest ends, or is not there yet, wait for one of that name\n"
	"  --workers N    handle events in N threads (1)\n"
	"  --deadline MS  answer an event that its handler holds up for so long; with 2 workers if\n"
	"                 --workers says nothing\n"
	"  --stall MS     be killed if events wait so long on the ring: the guest goes on\n"
	"  --no-keeper    no process that lets the guest go if this one is killed\n"
	"  --no-sandbox   handle events with all that this process may do\n"
	"  --waiting MODE adaptive, block or spin: how to wait for the next event\n"
	"  --verbose      what the library has to say, on stderr\n"
	"  --help         this\n"
	"\n"
	"Ctrl-C leaves, too, and lets go of the guest first. Exit status: ringside(1).\n";

enum {
	WATCH_CR = 256, WATCH_MSR, WATCH_PAGE, WATCH_BREAK, WATCH_KIND,
	OPTION_COUNT, OPTION_SECONDS, OPTION_JSON, OPTION_TABLE, OPTION_QUIET, OPTION_VERBOSE,
	OPTION_WORKERS, OPTION_NO_KEEPER, OPTION_NO_SANDBOX, OPTION_STALL, OPTION_DEADLINE, OPTION_WAITING, OPTION_FOLLOW,
	OPTION_SYMBOLS,
};

static const struct option long_options[] = {
	{ "cr0", no_argument, NULL, WATCH_CR },
	{ "cr3", no_argument, NULL, WATCH_CR },
	{ "cr4", no_argument, NULL, WATCH_CR },
	{ "xcr0", no_argument, NULL, WATCH_CR },
	{ "msr", required_argument, NULL, WATCH_MSR },
	{ "page", required_argument, NULL, WATCH_PAGE },
	{ "break", required_argument, NULL, WATCH_BREAK },
	{ "breakpoint", no_argument, NULL, WATCH_KIND },
	{ "cpuid", no_argument, NULL, WATCH_KIND },
	{ "descriptor", no_argument, NULL, WATCH_KIND },
	{ "guest-request", no_argument, NULL, WATCH_KIND },
	{ "debug", no_argument, NULL, WATCH_KIND },
	{ "count", required_argument, NULL, OPTION_COUNT },
	{ "seconds", required_argument, NULL, OPTION_SECONDS },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "table", no_argument, NULL, OPTION_TABLE },
	{ "quiet", no_argument, NULL, OPTION_QUIET },
	{ "verbose", no_argument, NULL, OPTION_VERBOSE },
	{ "workers", required_argument, NULL, OPTION_WORKERS },
	{ "stall", required_argument, NULL, OPTION_STALL },
	{ "deadline", required_argument, NULL, OPTION_DEADLINE },
	{ "no-keeper", no_argument, NULL, OPTION_NO_KEEPER },
	{ "no-sandbox", no_argument, NULL, OPTION_NO_SANDBOX },
	{ "waiting", required_argument, NULL, OPTION_WAITING },
	{ "follow", no_argument, NULL, OPTION_FOLLOW },
	{ "symbols", required_argument, NULL, OPTION_SYMBOLS },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

__attribute__((format(printf, 1, 2))) static int complain(const char *format, ...)
{
	va_list arguments;

	fputs("ringside watch: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputs(" (ringside watch --help says what there is)\n", stderr);
	return EXIT_USAGE;
}

/* Reads a whole number up to max, decimal or 0x...; *end is where it stopped. */
static bool read_number(const char *text, uint64_t max, uint64_t *number, char **end)
{
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtoull(text, end, 0);
	return !errno && *number <= max;
}

static bool whole_number(const char *text, uint64_t max, uint64_t *number)
{
	char *end;

	return read_number(text, max, number, &end) && !*end;
}

static struct watched *add(struct watch_options *options, enum rs_kind kind)
{
	struct watched *watched = &options->watched[options->watched_count++];

	memset(watched, 0, sizeof(*watched));
	watched->options.kind = kind;
	return watched;
}

static int add_cr(struct watch_options *options, const char *name)
{
	static const struct { const char *name; enum rs_cr which; } registers[] = {
		{ "cr0", RS_CR0 }, { "cr3", RS_CR3 }, { "cr4", RS_CR4 }, { "xcr0", RS_XCR0 },
	};
	struct watched *watched = add(options, RS_CR);

	for (size_t i = 0; i < sizeof(registers) / sizeof(*registers); i++)
		if (!strcmp(name, registers[i].name))
			watched->options.cr.which = registers[i].which;
	/* Guests toggle CR4.PGE to flush the TLB: that alone is no news. */
	if (watched->options.cr.which == RS_CR4)
		watched->options.cr.ignored_bits = 1 << 7;
	snprintf(watched->label, sizeof(watched->label), "%s", name);
	return -1;
}

static int add_msr(struct watch_options *options, const char *text)
{
	struct watched *watched = add(options, RS_MSR);
	uint64_t index;

	if (!whole_number(text, UINT32_MAX, &index))
		return complain("--msr %s: an MSR's index is a number like 0xc0000082", text);
	watched->options.msr.index = index;
	snprintf(watched->label, sizeof(watched->label), "msr %#x", watched->options.msr.index);
	return -1;
}

static bool read_access(const char *text, uint32_t *access)
{
	*access = 0;
	if (!strcmp(text, "n"))
		return true;
	if (!*text)
		return false;
	for (; *text; text++)
		switch (*text) {
		case 'r': *access |= RS_ACCESS_R; break;
		case 'w': *access |= RS_ACCESS_W; break;
		case 'x': *access |= RS_ACCESS_X; break;
		default: return false;
		}
	return true;
}

static int add_page(struct watch_options *options, const char *text)
{
	struct watched *watched = add(options, RS_PAGE);
	uint64_t first, last;
	uint32_t access;
	char *end;

	if (!read_number(text, UINT64_MAX >> 12, &first, &end))
		return complain("--page %s: GFN[-GFN]:ACCESS, as 0x300-0x301:rx", text);
	last = first;
	if (*end == '-' && !read_number(end + 1, UINT64_MAX >> 12, &last, &end))
		return complain("--page %s: the second GFN is no frame number", text);
	if (*end != ':' || !read_access(end + 1, &access))
		return complain("--page %s: behind the frame stands what it may still do: :n, "
			":r, :rw, :rx or :x", text);
	if (last < first)
		return complain("--page %s: the last frame lies before the first", text);
	watched->options.page.first_gfn = first;
	watched->options.page.last_gfn = last;
	watched->options.page.access = access;
	snprintf(watched->label, sizeof(watched->label), "page %s", text);
	return -1;
}

static int add_break(struct watch_options *options, const char *text)
{
	struct watched *watched = add(options, RS_BREAKPOINT);
	uint64_t address, cr3 = 0;
	char *end;

	snprintf(watched->label, sizeof(watched->label), "break %s", text);
	if (isalpha((unsigned char)*text) || *text == '_') {
		watched->symbol = text;
		return -1;
	}
	if (!read_number(text, UINT64_MAX, &address, &end) ||
	    (*end == '@' && !read_number(end + 1, UINT64_MAX, &cr3, &end)) || *end)
		return complain("--break %s: ADDR[@CR3], as 0xffffffff81234560, or a name", text);
	watched->options.breakpoint.address = address;
	watched->options.breakpoint.place = RS_PLACE_LINEAR;
	watched->options.cr3 = cr3;
	return -1;
}

static int add_kind(struct watch_options *options, const char *name)
{
	static const struct { const char *name; enum rs_kind kind; } kinds[] = {
		{ "breakpoint", RS_BREAKPOINT }, { "cpuid", RS_CPUID },
		{ "descriptor", RS_DESCRIPTOR }, { "guest-request", RS_GUEST_REQUEST },
		{ "debug", RS_DEBUG },
	};
	struct watched *watched;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(name, kinds[i].name)) {
			watched = add(options, kinds[i].kind);
			snprintf(watched->label, sizeof(watched->label), "%s", name);
		}
	return -1;
}

static int read_seconds(struct watch_options *options, const char *text)
{
	char *end;

	options->seconds = strtod(text, &end);
	if (end == text || *end || !(options->seconds > 0) || options->seconds > 1e9)
		return complain("--seconds %s: a number above 0", text);
	return -1;
}

static int read_ms(const char *name, const char *text, uint32_t *out)
{
	uint64_t ms;

	if (!whole_number(text, 3600000, &ms) || !ms)
		return complain("--%s %s: a number of milliseconds, up to 3600000", name, text);
	*out = (uint32_t)ms;
	return -1;
}

static int read_workers(struct watch_options *options, const char *text)
{
	uint64_t workers;

	if (!whole_number(text, 64, &workers) || !workers)
		return complain("--workers %s: a number from 1 to 64", text);
	options->workers = (uint32_t)workers;
	return -1;
}

static int read_waiting(struct watch_options *options, const char *text)
{
	static const char *const modes[] = { "adaptive", "block", "spin" };

	for (unsigned int i = 0; i < sizeof(modes) / sizeof(*modes); i++)
		if (!strcmp(text, modes[i])) {
			options->waiting = (enum rs_waiting)i;
			return -1;
		}
	return complain("--waiting %s: adaptive, block or spin", text);
}

static int parse_one(struct watch_options *options, int option, const char *name)
{
	if (option <= WATCH_KIND && option >= WATCH_CR && options->watched_count == WATCHES_MAX)
		return complain("at most %d things can be watched at once", WATCHES_MAX);
	switch (option) {
	case WATCH_CR: return add_cr(options, name);
	case WATCH_MSR: return add_msr(options, optarg);
	case WATCH_PAGE: return add_page(options, optarg);
	case WATCH_BREAK: return add_break(options, optarg);
	case WATCH_KIND: return add_kind(options, name);
	case OPTION_COUNT:
		if (!whole_number(optarg, UINT64_MAX, &options->count) || !options->count)
			return complain("--count %s: a number above 0", optarg);
		return -1;
	case OPTION_SECONDS: return read_seconds(options, optarg);
	case OPTION_JSON: options->output = OUTPUT_JSON; return -1;
	case OPTION_TABLE: options->output = OUTPUT_TABLE; return -1;
	case OPTION_QUIET: options->output = OUTPUT_NONE; return -1;
	case OPTION_VERBOSE: options->verbose = true; return -1;
	case OPTION_FOLLOW: options->follow = true; return -1;
	case OPTION_SYMBOLS: options->symbols = optarg; return -1;
	case OPTION_NO_KEEPER: options->keeper = false; return -1;
	case OPTION_NO_SANDBOX: options->sandbox = false; return -1;
	case OPTION_STALL: return read_ms(name, optarg, &options->stall_ms);
	case OPTION_DEADLINE: return read_ms(name, optarg, &options->deadline_ms);
	case OPTION_WORKERS: return read_workers(options, optarg);
	case OPTION_WAITING: return read_waiting(options, optarg);
	case 'h': fputs(usage, stdout); return EXIT_DONE;
	default: return complain("unknown option, or its value is missing");
	}
}

int watch_options_parse(struct watch_options *options, int argc, char **argv)
{
	int option, which = 0, status;

	memset(options, 0, sizeof(*options));
	options->keeper = options->sandbox = true;
	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, "h", long_options, &which)) != -1) {
		if (option == '?')
			return complain("%s: unknown option, or its value is missing",
				argv[optind - 1]);
		status = parse_one(options, option, option == 'h' ? "" : long_options[which].name);
		if (status >= 0)
			return status;
	}
	if (options->deadline_ms && options->workers == 1)
		return complain("--deadline: with one worker nobody is left while its handler runs");
	if (!options->workers)
		options->workers = options->deadline_ms ? 2 : 1;
	if (optind == argc)
		return complain("which domain? A name or a number");
	options->domain = argv[optind++];
	if (options->follow && isdigit((unsigned char)*options->domain))
		return complain("--follow %s: by its name: a number does not come again",
			options->domain);
	if (optind < argc)
		return complain("one domain at a time: %s is too much", argv[optind]);
	for (unsigned int i = 0; i < options->watched_count; i++)
		if (options->watched[i].symbol && !options->symbols)
			return complain("--break %s: a name wants --symbols FILE",
					options->watched[i].symbol);
	return options->watched_count ? -1 : add_cr(options, "cr3");
}
