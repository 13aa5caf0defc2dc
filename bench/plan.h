/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan.h: what is to be measured: the command line of `ringside bench`, read. */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#define PLAN_DOMAINS_MAX 64
#define PLAN_CONTESTANTS_MAX 16
#define NO_CPU (-1)

struct contestant;
struct bench_case;

/* How the guest gets past a page fault. */
enum plan_method {
	METHOD_HOST,    /* no views: Xen's emulator */
	METHOD_EMULATE, /* in a view: Xen's emulator */
	METHOD_FAST,    /* in a view: fast single-step in view 0 */
	METHOD_STEP,    /* in a view: step in view 0, then back: two events */
	METHOD_COUNT,
};

struct plan {
	const char *domains[PLAN_DOMAINS_MAX];
	uint32_t domain_count;
	const struct contestant *contestants[PLAN_CONTESTANTS_MAX];
	uint32_t contestant_count;
	const struct contestant *act; /* not NULL: we are the contestant, run by the bench */
	const struct bench_case *what;
	uint32_t kind; /* BENCH_CR3... of guests/bench.h */
	enum plan_method method;
	uint32_t vcpus;   /* of each domain that take part; 0: all */
	uint32_t workers; /* 0: as many as the contestant likes */
	uint64_t watches; /* that the engine has, or pages that are closed */
	uint64_t think_ns, period_ns, handler_ns;
	bool think_given, period_given, handler_given, watches_given, changes_given;
	uint64_t changes_per_s; /* watches that come and go */
	uint32_t looks;   /* of `hybrid` before it sleeps */
	uint64_t warmup_ns, span_ns;
	uint64_t limit;   /* events of each vCPU, in place of a span of time; 0: none */
	uint32_t repeat, attempts;
	int cpu, guest_cpu; /* where the contestant runs, and the guest's vCPUs; NO_CPU: anywhere */
	uint64_t seed;
	const char *bed, *json, *histogram;
	char **words; /* of the command line, for the contestant */
	int word_count;
};

/* An exit code, or -1: go on. Complains on stderr. */
int plan_parse(struct plan *plan, int argc, char **argv);

const char *plan_kind_name(uint32_t kind);
const char *plan_method_name(enum plan_method method);

#endif
