/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench.c: `ringside bench`: measures what it costs to consume a domain's events. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ringside/error.h>

#include "bench/case.h"
#include "bench/machine.h"
#include "bench/measure.h"
#include "bench/report.h"
#include "bench/result.h"
#include "tools/commands.h"
#include "xen/error.h"

struct output {
	FILE *json, *histogram;
};

/* ---- what goes out ---- */

static int open_append(const char *path, FILE **file)
{
	*file = NULL;
	if (!path)
		return -1;
	*file = fopen(path, "a");
	if (*file)
		return -1;
	fprintf(stderr, "ringside bench: %s: %s\n", path, strerror(errno));
	return EXIT_FAILED;
}

static int close_file(FILE *file, const char *path)
{
	if (!file || !fclose(file))
		return EXIT_DONE;
	fprintf(stderr, "ringside bench: %s: %s\n", path, strerror(errno));
	return EXIT_FAILED;
}

static void print(json_t *object, const struct output *output)
{
	json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(5));
	putchar('\n');
	fflush(stdout);
	if (output->json) {
		json_dumpf(object, output->json, JSON_COMPACT | JSON_REAL_PRECISION(5));
		fputc('\n', output->json);
	}
	json_decref(object);
}

static void print_histogram(const struct setting *setting, const struct contestant *contestant,
			    const struct measure *measure, FILE *file)
{
	fprintf(file, "#[%s, %s, %s, vcpus %u, think %llu ns, repetition %u; us]\n", setting->bed,
		contestant->name, plan_kind_name(setting->plan->kind), measure->vcpus,
		(unsigned long long)setting->plan->think_ns, measure->number);
	histogram_write(&measure->rtt, setting->ticks_per_ns * 1000, file);
}

/* ---- runs ---- */

/* The order of the contestants within a repetition: shuffled, so that none always comes after the
 * same other. */
static void shuffle(const struct contestant **contestants, uint32_t count, uint64_t *seed)
{
	for (uint32_t left = count; left > 1; left--) {
		const struct contestant *last = contestants[left - 1];
		uint32_t at;

		*seed = *seed * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
		at = (uint32_t)(*seed >> 33) % left;
		contestants[left - 1] = contestants[at];
		contestants[at] = last;
	}
}

/* An exit code. `skip`: contestants that cannot do this. */
static int run_one(struct field *field, const struct setting *setting,
		   const struct contestant *contestant, uint32_t number, bool *skip,
		   const struct output *output)
{
	static struct measure measure;
	int error = measure_run(field, setting->plan, contestant, &measure);

	measure.number = number;
	if (error == -EOPNOTSUPP) {
		*skip = true;
		fprintf(stderr, "ringside bench: %s, %s: not yet: %s\n", setting->plan->what->name,
			contestant->name, rs_strerror(error));
		print(result_not_yet(setting, contestant, rs_strerror(error)), output);
		return EXIT_DONE;
	}
	if (error) {
		fprintf(stderr, "ringside bench: %s\n", rs_strerror(error));
		return exit_code_of(error);
	}
	print(result_json(setting, contestant, &measure), output);
	if (output->histogram)
		print_histogram(setting, contestant, &measure, output->histogram);
	return EXIT_DONE;
}

static int run_all(struct field *field, const struct setting *setting, const struct output *output)
{
	const struct plan *plan = setting->plan;
	const struct contestant *order[PLAN_CONTESTANTS_MAX];
	bool skip[PLAN_CONTESTANTS_MAX] = { false };
	uint64_t seed = plan->seed;
	int status = EXIT_DONE;

	memcpy(order, plan->contestants, sizeof(order));
	for (uint32_t number = 0; number < plan->repeat && status == EXIT_DONE; number++) {
		shuffle(order, plan->contestant_count, &seed);
		for (uint32_t i = 0; i < plan->contestant_count && status == EXIT_DONE; i++) {
			uint32_t who = 0;

			while (plan->contestants[who] != order[i])
				who++;
			if (!skip[who])
				status = run_one(field, setting, order[i], number, &skip[who],
						 output);
		}
	}
	return status;
}

static int fail(int error)
{
	fprintf(stderr, "ringside bench: %s\n", rs_strerror(error));
	return exit_code_of(error);
}

static int measure_all(struct rs_xen *xen, const struct plan *plan, const struct output *output)
{
	static struct field field;
	struct setting setting = { .plan = plan, .bed = machine_bed(xen, plan) };
	int error = field_open(&field, xen, plan), status;

	if (error)
		return fail(error);
	setting.machine = machine_json(xen, setting.bed);
	setting.ticks_per_ns = field.ticks_per_ns;
	setting.domain_count = field.count;
	setting.vcpus = plan->vcpus ? plan->vcpus : field.guests[0].vcpu_count;
	status = run_all(&field, &setting, output);
	json_decref(setting.machine);
	field_close(&field);
	return status;
}

static int bench(const struct plan *plan)
{
	const struct rs_log silent = { 0 };
	struct output output = { NULL, NULL };
	struct rs_xen *xen;
	int status, error, closed;

	status = open_append(plan->json, &output.json);
	if (status >= 0)
		return status;
	status = open_append(plan->histogram, &output.histogram);
	if (status >= 0)
		return status;
	error = rs_xen_open(&xen, &silent);
	if (error)
		return fail(error);
	status = measure_all(xen, plan, &output);
	rs_xen_close(xen);
	closed = close_file(output.json, plan->json);
	status = status ? status : closed;
	closed = close_file(output.histogram, plan->histogram);
	return status ? status : closed;
}

int bench_main(int argc, char **argv)
{
	static struct plan plan;
	int status;

	if (argc > 1 && (!strcmp(argv[1], "--report") || !strcmp(argv[1], "--compare")))
		return report_main(argc, argv);
	status = plan_parse(&plan, argc, argv);
	if (status >= 0)
		return status;
	return plan.act ? contestant_act(&plan) : bench(&plan);
}
