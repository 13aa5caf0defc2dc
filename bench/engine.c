/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* engine.c: the contestant that all this is about: libringside, through its public interface. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ringside/ringside.h>

#include "bench/case.h"
#include "bench/clock.h"
#include "bench/contestant.h"
#include "bench/registers.h"
#include "guests/bench.h"
#include "ring/atomics.h"
#include "xen/error.h"

#define CR4_PGE (1 << 7)
#define LSTAR 0xc0000082
#define DATA_GFN (GUEST_DATA_PAGE >> 12)
/* Where extra watches are put, above all that the guest uses. */
#define SPARE_GFN 0x1000
#define SPARE_MSR 0xc0001000
/* An engine that needs longer than this for its watches is not ready for so many. */
#define WATCHES_LIMIT_NS (20 * CLOCK_SECOND)
#define WATCHES_SAMPLE 256

struct table { /* one domain */
	const struct plan *plan;
	struct counts *counts;
	struct rs_engine *engine;
	pthread_t changer;
};

struct server { /* a thread that runs one domain's engine, or serves the set of all */
	struct rs_engine *engine; /* NULL: the set */
	pthread_t thread;
	int error; /* of the thread */
	char text[200];
};

static struct table tables[PLAN_DOMAINS_MAX];
static struct server servers[PLAN_DOMAINS_MAX];
static uint32_t server_count;
static struct rs_set *set; /* NULL: an engine, a thread */

/* ---- handlers ---- */

static struct rs_reply skip(const struct rs_event *event)
{
	struct rs_registers *registers = rs_answer_registers(event);

	if (!registers)
		return RS_CONTINUE;
	registers->rip += event->breakpoint.insn_length;
	return RS_SET_REGISTERS;
}

static struct rs_reply get_past(const struct table *table)
{
	switch (table->plan->method) {
	case METHOD_EMULATE: return RS_EMULATE;
	case METHOD_FAST: return RS_FAST_STEP;
	case METHOD_STEP: return rs_reply_step_in(0);
	default: return RS_CONTINUE;
	}
}

/* The first handler of vCPU 0's: not before the bench ends. */
static void get_stuck(void)
{
	static uint32_t stuck;

	if (rs_exchange_acq_rel(&stuck, 1))
		return;
	while (!contestant_stopping)
		clock_sleep(CLOCK_SECOND / 1000);
}

static struct rs_reply on_event(const struct rs_event *event, void *user)
{
	struct table *table = user;

	contestant_handle(table->plan, table->counts);
	if (table->plan->what->handler == HANDLER_STUCK && !event->vcpu)
		get_stuck();
	if (table->plan->what->handler == HANDLER_REGISTERS && event->kind != RS_PAGE)
		return bench_registers_answer(event, &table->counts->registers);
	if (event->kind == RS_BREAKPOINT)
		return skip(event);
	if (event->kind == RS_PAGE)
		return get_past(table);
	return RS_CONTINUE;
}

/* The second event of METHOD_STEP: back into the view. */
static struct rs_reply on_step(const struct rs_event *event, void *user)
{
	struct table *table = user;

	return rs_reply_with_view(RS_CONTINUE, rs_engine_view(table->engine));
}

/* Of watches that are only there. */
static struct rs_reply on_nothing(const struct rs_event *event, void *user)
{
	return RS_CONTINUE;
}

/* ---- watches ---- */

static int watch_kind(struct table *table, uint32_t kind)
{
	struct rs_watch_options options = { .handler = on_event, .user = table };

	switch (kind) {
	case BENCH_CR3:
	case BENCH_BARE:
		options.kind = RS_CR;
		options.cr.which = RS_CR3;
		break;
	case BENCH_CR4:
		options.kind = RS_CR;
		options.cr.which = RS_CR4;
		options.cr.ignored_bits = CR4_PGE;
		break;
	case BENCH_MSR:
		options.kind = RS_MSR;
		options.msr.index = LSTAR;
		break;
	case BENCH_BREAKPOINT: options.kind = RS_BREAKPOINT; break;
	case BENCH_CPUID: options.kind = RS_CPUID; break;
	case BENCH_REQUEST: options.kind = RS_GUEST_REQUEST; break;
	case BENCH_PAGE:
		options.kind = RS_PAGE;
		options.page.first_gfn = DATA_GFN;
		break;
	default: return 0;
	}
	return rs_watch(table->engine, &options, NULL);
}

static int watch_events(struct table *table)
{
	const struct plan *plan = table->plan;
	struct rs_watch_options step = { .kind = RS_SINGLESTEP, .handler = on_step, .user = table };
	uint32_t first = plan->kind, last = plan->kind;
	int error = 0;

	if (plan->kind == BENCH_MIX) {
		first = BENCH_CR3;
		last = BENCH_PAGE;
	}
	for (uint32_t kind = first; kind <= last && !error; kind++)
		error = watch_kind(table, kind);
	if (!error && plan->kind == BENCH_PAGE && plan->method == METHOD_STEP)
		error = rs_watch(table->engine, &step, NULL);
	return error;
}

/* Watches that make the table larger and never fire: one page each. */
static int watch_others(struct table *table)
{
	uint64_t others = table->plan->watches - 1, begin = clock_ns(), spent;

	for (uint64_t i = 0; i < others; i++) {
		const struct rs_watch_options options = {
			.kind = RS_PAGE, .handler = on_nothing,
			.page = { .first_gfn = SPARE_GFN + i, .access = RS_ACCESS_R | RS_ACCESS_X },
		};
		int error = rs_watch(table->engine, &options, NULL);

		if (error == -EFAULT)
			return contestant_not_yet(table->counts, "the guest is too small for %llu "
				"watches of a page each", (unsigned long long)others);
		if (error)
			return error;
		spent = clock_ns() - begin;
		if (i == WATCHES_SAMPLE && spent / WATCHES_SAMPLE * others > WATCHES_LIMIT_NS)
			return contestant_not_yet(table->counts, "%llu watches would take more than "
				"%llu s to make (%llu us each at first)", (unsigned long long)others,
				WATCHES_LIMIT_NS / CLOCK_SECOND,
				(unsigned long long)(spent / WATCHES_SAMPLE / 1000));
	}
	return 0;
}

/* Closes pages and opens them again. */
static int close_pages(struct table *table)
{
	struct rs_watch_options options = {
		.kind = RS_PAGE, .handler = on_nothing,
		.page = { .first_gfn = SPARE_GFN, .last_gfn = SPARE_GFN + table->plan->watches - 1,
			  .access = RS_ACCESS_R | RS_ACCESS_X },
	};
	struct rs_watch *watch;
	uint64_t begin = clock_ns();
	int error = rs_watch(table->engine, &options, &watch);

	if (error == -EFAULT)
		return contestant_not_yet(table->counts, "the guest is too small for %llu pages",
					  (unsigned long long)table->plan->watches);
	if (error)
		return error;
	table->counts->work_ns = clock_ns() - begin;
	begin = clock_ns();
	rs_unwatch(watch);
	table->counts->undo_ns = clock_ns() - begin;
	return 0;
}

static int measure_registers(struct table *table)
{
	struct rs_guest *guest = rs_engine_guest(table->engine);

	return guest ? bench_registers_measure(guest, &table->counts->registers)
		     : rs_fail(EIO, "%s", rs_error_text());
}

/* Watches an MSR that is never written and lets go of it, at a steady rate. */
static void *change(void *argument)
{
	struct table *table = argument;
	const struct rs_watch_options options = { .kind = RS_MSR, .handler = on_nothing,
						  .msr = { .index = SPARE_MSR } };
	uint64_t period = CLOCK_SECOND / table->plan->changes_per_s, due = clock_ns();
	struct rs_watch *watch;

	while (!contestant_stopping) {
		if (rs_watch(table->engine, &options, &watch))
			break;
		rs_unwatch(watch);
		rs_add_relaxed(&table->counts->changes, 2);
		/* Two changes a turn. One that is late is not made up for. */
		due += 2 * period;
		if (due > clock_ns())
			clock_sleep(due - clock_ns());
		else
			due = clock_ns();
	}
	return NULL;
}

/* ---- a domain's life ---- */

static int set_up(struct table *table, const char *domain, enum rs_waiting waiting)
{
	const struct plan *plan = table->plan;
	struct rs_engine_options options = {
		.waiting = waiting,
		/* The workers of a set are its threads. */
		.workers = plan->workers && !set ? plan->workers : 1,
		/* As the baselines do it, where it is not the question. */
		.page_method = plan->method == METHOD_HOST ? RS_PAGE_METHOD_HOST
							   : RS_PAGE_METHOD_ALTP2M,
		.deadline_ms = plan->what->deadline_ms,
		.at_deadline = plan->what->deadline_ms ? RS_AT_DEADLINE_CONTINUE
						       : RS_AT_DEADLINE_TELL,
	};
	int error = rs_engine_attach(&table->engine, domain, &options);

	if (!error && plan->what->handler == HANDLER_REGISTERS)
		error = measure_registers(table);
	if (!error)
		error = watch_events(table);
	if (!error && plan->what->measure == MEASURE_WORK)
		error = close_pages(table);
	else if (!error)
		error = watch_others(table);
	return error;
}

static int set_up_all(const struct plan *plan, struct counts *counts, enum rs_waiting waiting)
{
	int error = 0;

	for (uint32_t i = 0; i < plan->domain_count && !error; i++) {
		tables[i].plan = plan;
		tables[i].counts = counts;
		error = set_up(&tables[i], plan->domains[i], waiting);
		if (!error && set)
			error = rs_set_add(set, tables[i].engine);
	}
	return error;
}

/* ---- serving ---- */

static void *serve(void *argument)
{
	struct server *server = argument;

	server->error = server->engine ? rs_engine_run(server->engine) : rs_set_run(set);
	if (server->error < 0)
		snprintf(server->text, sizeof(server->text), "%s", rs_error_text());
	return NULL;
}

static void share_out(const struct plan *plan)
{
	server_count = plan->domain_count;
	if (set)
		server_count = plan->workers ? plan->workers : 1;
	if (server_count > PLAN_DOMAINS_MAX)
		server_count = PLAN_DOMAINS_MAX;
	for (uint32_t i = 0; i < server_count; i++)
		servers[i].engine = set ? NULL : tables[i].engine;
}

/* The first server is this thread. */
static int start(const struct plan *plan)
{
	share_out(plan);
	for (uint32_t i = 1; i < server_count; i++)
		if (pthread_create(&servers[i].thread, NULL, serve, &servers[i]))
			return rs_fail(EAGAIN, "no thread");
	if (plan->changes_per_s && pthread_create(&tables[0].changer, NULL, change, &tables[0]))
		return rs_fail(EAGAIN, "no thread");
	return 0;
}

static int finish(const struct plan *plan)
{
	int error = 0;

	for (uint32_t i = 0; i < server_count; i++) {
		if (i)
			pthread_join(servers[i].thread, NULL);
		if (servers[i].error < 0)
			error = rs_fail(servers[i].error, "%s", servers[i].text);
	}
	if (plan->changes_per_s)
		pthread_join(tables[0].changer, NULL);
	return error;
}

/* The same for all domains: the last one's duration is told. */
static int tear_down(const struct plan *plan, struct counts *counts)
{
	int error = 0;

	for (uint32_t i = 0; i < plan->domain_count; i++) {
		uint64_t begin = clock_ns();
		struct rs_engine *engine = tables[i].engine;
		int result;

		tables[i].engine = NULL;
		if (engine && set)
			rs_set_remove(set, engine);
		result = rs_engine_detach(engine);

		counts->detach_ns = clock_ns() - begin;
		if (result)
			error = result;
	}
	return error;
}

/* In a signal's handler. */
static void stop_all(void)
{
	if (set)
		rs_set_stop(set);
	for (uint32_t i = 0; i < PLAN_DOMAINS_MAX && !set; i++)
		if (tables[i].engine)
			rs_engine_stop(tables[i].engine);
}

int bench_engine_run(const struct contestant *contestant, const struct plan *plan,
		     struct counts *counts)
{
	struct rs_error_note note;
	int error, undone;

	contestant_on_stop = stop_all;
	error = set_up_all(plan, counts, (enum rs_waiting)contestant->mode);
	if (!error) {
		contestant_ready(counts);
		error = start(plan);
		if (!error) {
			serve(&servers[0]);
			error = finish(plan);
		}
	}
	rs_error_keep(&note);
	undone = tear_down(plan, counts);
	if (error)
		rs_error_restore(&note);
	return error ? error : undone;
}

int bench_set_run(const struct contestant *contestant, const struct plan *plan,
		  struct counts *counts)
{
	int error = rs_set_open(&set, NULL, NULL);

	if (error)
		return error;
	error = bench_engine_run(contestant, plan, counts);
	rs_set_close(set);
	return error;
}
