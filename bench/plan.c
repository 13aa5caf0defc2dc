/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan.c: reads the command line of `ringside bench`. */
#include "bench/plan.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/case.h"
#include "bench/clock.h"
#include "bench/contestant.h"
#include "guests/bench.h"
#include "tools/exit_code.h"

enum {
	OPTION_CASE = 256, OPTION_KIND, OPTION_CONTESTANT, OPTION_METHOD, OPTION_VCPUS,
	OPTION_WORKERS, OPTION_WATCHES, OPTION_THINK, OPTION_PERIOD, OPTION_HANDLER, OPTION_CHANGES,
	OPTION_LOOKS, OPTION_WARMUP, OPTION_SECONDS, OPTION_EVENTS, OPTION_REPEAT, OPTION_ATTEMPTS,
	OPTION_CPU, OPTION_GUEST_CPU, OPTION_SEED, OPTION_BED, OPTION_JSON, OPTION_HISTOGRAM,
	OPTION_DOMAIN, OPTION_LIST, OPTION_ACT,
};

#define WITH_VALUE(name, option) { name, required_argument, NULL, option }

static const struct option known[] = {
	WITH_VALUE("case", OPTION_CASE), WITH_VALUE("kind", OPTION_KIND),
	WITH_VALUE("contestant", OPTION_CONTESTANT), WITH_VALUE("method", OPTION_METHOD),
	WITH_VALUE("vcpus", OPTION_VCPUS), WITH_VALUE("workers", OPTION_WORKERS),
	WITH_VALUE("watches", OPTION_WATCHES), WITH_VALUE("think", OPTION_THINK),
	WITH_VALUE("period", OPTION_PERIOD), WITH_VALUE("handler", OPTION_HANDLER),
	WITH_VALUE("changes", OPTION_CHANGES), WITH_VALUE("looks", OPTION_LOOKS),
	WITH_VALUE("warmup", OPTION_WARMUP), WITH_VALUE("seconds", OPTION_SECONDS),
	WITH_VALUE("events", OPTION_EVENTS), WITH_VALUE("repeat", OPTION_REPEAT),
	WITH_VALUE("attempts", OPTION_ATTEMPTS), WITH_VALUE("cpu", OPTION_CPU),
	WITH_VALUE("guest-cpu", OPTION_GUEST_CPU), WITH_VALUE("seed", OPTION_SEED),
	WITH_VALUE("bed", OPTION_BED), WITH_VALUE("json", OPTION_JSON),
	WITH_VALUE("histogram", OPTION_HISTOGRAM), WITH_VALUE("domain", OPTION_DOMAIN),
	WITH_VALUE("act", OPTION_ACT),
	{ "list", no_argument, NULL, OPTION_LIST }, { "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
"Usage: ringside bench [OPTIONS] DOMAIN...\n"
"       ringside bench --report OUT.html FILE.json...\n"
"       ringside bench --compare A.json B.json\n"
"Measures what it costs to consume the events of a domain that runs the bench's guest\n"
"(guests/bench.elf). Prints one JSON object for each run.\n"
"\n"
"  --list               the cases, kinds and contestants, explained\n"
"  --case NAME          what to ask (null)\n"
"  --kind NAME          the kind of events (cr3)\n"
"  --contestant A,B,... who consumes, in turn (hybrid,engine)\n"
"  --vcpus N            how many of each domain's vCPUs take part (all)\n"
"  --think NS           what a vCPU does between two events (0)\n"
"  --handler NS, --watches N, --changes N, --period NS, --method NAME\n"
"                       of some cases: see --list\n"
"  --workers N          threads of the engine\n"
"  --looks N            at the ring, by hybrid, before it sleeps (2000)\n"
"  --seconds S          how long each run is measured (1), after --warmup S (0.2)\n"
"  --events N           of each vCPU, in place of a time; no warm-up\n"
"  --repeat N           runs of each contestant, interleaved (5)\n"
"  --attempts N         how often a disturbed run is made anew (3)\n"
"  --cpu N              where the contestant runs\n"
"  --guest-cpu N        where the guest's vCPUs run: for the pings between the two\n"
"  --seed N             of the order of the contestants\n"
"  --json FILE          append the objects to FILE too\n"
"  --histogram FILE     append the round trips as HdrHistogram's percentiles, in us\n"
"  --bed NAME           fakexen, lab or xen, where it cannot be told\n";

static const char *const kind_names[BENCH_KINDS] = {
	[BENCH_CR3] = "cr3", [BENCH_MSR] = "msr", [BENCH_BREAKPOINT] = "breakpoint",
	[BENCH_PAGE] = "page", [BENCH_CPUID] = "cpuid", [BENCH_REQUEST] = "request",
	[BENCH_CR4] = "cr4",	[BENCH_MIX] = "mix", [BENCH_BARE] = "bare",
};

static const char *const kind_summaries[BENCH_KINDS] = {
	[BENCH_CR3] = "writes to CR3",
	[BENCH_MSR] = "writes to an MSR",
	[BENCH_BREAKPOINT] = "INT3, which the contestant skips",
	[BENCH_PAGE] = "reads of a closed page, which Xen emulates",
	[BENCH_CPUID] = "CPUID",
	[BENCH_REQUEST] = "guest requests",
	[BENCH_CR4] = "writes to CR4, which xen-access can watch too",
	[BENCH_MIX] = "the first four in turn",
	[BENCH_BARE] = "writes to CR3 without any measuring: how many the bed can make",
};

static const char *const method_names[METHOD_COUNT] = {
	[METHOD_HOST] = "host", [METHOD_EMULATE] = "emulate", [METHOD_FAST] = "fast",
	[METHOD_STEP] = "step",
};

const char *plan_kind_name(uint32_t kind)
{
	return kind < BENCH_KINDS && kind_names[kind] ? kind_names[kind] : "none";
}

const char *plan_method_name(enum plan_method method)
{
	return method_names[method];
}

static void list(void)
{
	puts("Cases:");
	for (const struct bench_case *at = NULL; (at = case_next(at));)
		printf("  %-12s %s\n", at->name, at->summary);
	puts("\nKinds:");
	for (uint32_t kind = 0; kind < BENCH_KINDS; kind++)
		if (kind_names[kind])
			printf("  %-12s %s\n", kind_names[kind], kind_summaries[kind]);
	puts("\nContestants:");
	for (const struct contestant *at = NULL; (at = contestant_next(at));)
		printf("  %-12s %s\n", at->name, at->summary);
}

static int complain(const char *what, const char *value)
{
	fprintf(stderr, "ringside bench: %s%s%s (ringside bench --help says what there is)\n", what,
		value ? ": " : "", value ? value : "");
	return EXIT_USAGE;
}

static int whole(const char *text, uint64_t least, uint64_t most, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 0);
	if (errno || *text < '0' || *text > '9' || *end || *number < least || *number > most)
		return complain("no such number here", text);
	return -1;
}

static int whole32(const char *text, uint32_t least, uint32_t *number)
{
	uint64_t value;
	int status = whole(text, least, INT32_MAX, &value);

	*number = (uint32_t)value;
	return status;
}

static int given(const char *text, uint64_t *number, bool *flag)
{
	*flag = true;
	return whole(text, 0, UINT64_MAX >> 8, number);
}

static int seconds(const char *text, uint64_t *ns)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= 0) || value > 1e6)
		return complain("not so many seconds", text);
	*ns = (uint64_t)(value * CLOCK_SECOND);
	return -1;
}

static int name_in(const char *const *names, uint32_t count, const char *name, uint32_t *index)
{
	for (*index = 0; *index < count; ++*index)
		if (names[*index] && !strcmp(names[*index], name))
			return -1;
	return complain("there is no such name", name);
}

static int add_contestants(struct plan *plan, char *text)
{
	plan->contestant_count = 0;
	for (char *name; (name = strsep(&text, ","));) {
		const struct contestant *found = contestant_find(name);

		if (!found)
			return complain("there is no such contestant", name);
		if (plan->contestant_count == PLAN_CONTESTANTS_MAX)
			return complain("too many contestants", NULL);
		plan->contestants[plan->contestant_count++] = found;
	}
	return -1;
}

static int add_domain(struct plan *plan, const char *domain)
{
	if (plan->domain_count == PLAN_DOMAINS_MAX)
		return complain("too many domains", domain);
	plan->domains[plan->domain_count++] = domain;
	return -1;
}

static int cpu_number(const char *text, int *cpu)
{
	uint64_t value;
	int status = whole(text, 0, 4095, &value);

	*cpu = (int)value;
	return status;
}

static int take(struct plan *plan, int option, char *text)
{
	uint32_t index;
	int status;

	switch (option) {
	case OPTION_CASE:
		plan->what = case_find(text);
		return plan->what ? -1 : complain("there is no such case", text);
	case OPTION_KIND: return name_in(kind_names, BENCH_KINDS, text, &plan->kind);
	case OPTION_METHOD:
		status = name_in(method_names, METHOD_COUNT, text, &index);
		plan->method = (enum plan_method)index;
		return status;
	case OPTION_CONTESTANT: return add_contestants(plan, text);
	case OPTION_ACT:
		plan->act = contestant_find(text);
		return plan->act ? -1 : complain("there is no such contestant", text);
	case OPTION_DOMAIN: return add_domain(plan, text);
	case OPTION_VCPUS: return whole32(text, 1, &plan->vcpus);
	case OPTION_WORKERS: return whole32(text, 1, &plan->workers);
	case OPTION_LOOKS: return whole32(text, 0, &plan->looks);
	case OPTION_REPEAT: return whole32(text, 1, &plan->repeat);
	case OPTION_ATTEMPTS: return whole32(text, 1, &plan->attempts);
	case OPTION_WATCHES: return given(text, &plan->watches, &plan->watches_given);
	case OPTION_THINK: return given(text, &plan->think_ns, &plan->think_given);
	case OPTION_PERIOD: return given(text, &plan->period_ns, &plan->period_given);
	case OPTION_HANDLER: return given(text, &plan->handler_ns, &plan->handler_given);
	case OPTION_CHANGES: return given(text, &plan->changes_per_s, &plan->changes_given);
	case OPTION_WARMUP: return seconds(text, &plan->warmup_ns);
	case OPTION_SECONDS: return seconds(text, &plan->span_ns);
	case OPTION_EVENTS: return whole(text, 1, UINT64_MAX >> 8, &plan->limit);
	case OPTION_SEED: return whole(text, 0, UINT64_MAX, &plan->seed);
	case OPTION_CPU: return cpu_number(text, &plan->cpu);
	case OPTION_GUEST_CPU: return cpu_number(text, &plan->guest_cpu);
	case OPTION_BED: plan->bed = text; return -1;
	case OPTION_JSON: plan->json = text; return -1;
	case OPTION_HISTOGRAM: plan->histogram = text; return -1;
	case OPTION_LIST: list(); return EXIT_DONE;
	case 'h': fputs(usage, stdout); return EXIT_DONE;
	default: return complain("unknown option, or its value is missing", NULL);
	}
}

static int check(struct plan *plan)
{
	static const char *const beds[] = { "fakexen", "lab", "xen" };
	uint32_t index;

	if (!plan->domain_count)
		return complain("which domain? A name or a number", NULL);
	if (plan->bed && name_in(beds, 3, plan->bed, &index) >= 0)
		return EXIT_USAGE;
	if (!strcmp(plan->what->name, "past"))
		plan->kind = BENCH_PAGE;
	case_settle(plan);
	return -1;
}

int plan_parse(struct plan *plan, int argc, char **argv)
{
	int option, status;

	*plan = (struct plan){
		.contestants = { contestant_find("hybrid"), contestant_find("engine") },
		.contestant_count = 2,
		.what = case_find("null"),
		.kind = BENCH_CR3,
		.looks = 2000,
		.warmup_ns = CLOCK_SECOND / 5,
		.span_ns = CLOCK_SECOND,
		.repeat = 5,
		.attempts = 3,
		.cpu = NO_CPU,
		.guest_cpu = NO_CPU,
		.seed = clock_ns(),
		.words = argv,
		.word_count = argc,
	};
	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		if (option == '?')
			return complain("unknown option, or its value is missing",
					argv[optind - 1]);
		status = take(plan, option, optarg);
		if (status >= 0)
			return status;
	}
	for (; optind < argc; optind++) {
		status = add_domain(plan, argv[optind]);
		if (status >= 0)
			return status;
	}
	return check(plan);
}
