/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cost.c: what one event costs the guest, by its own TSC: a table.
 *
 * In the emulator a tick is an instruction, of anybody: Xen, dom0's kernel, the engine. So these
 * numbers say how much is done until the vCPU goes on, and with one processor they hardly change
 * between two runs. With two, sleepers lock to the tick of dom0's clock.
 */
#include "config.h"

#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/private.h"
#include "tests/xen/driver/plain.h"
#include "tests/xen/driver/tests.h"
#include "xen/altp2m.h"
#include "xen/domain.h"
#include "xen/vcpu.h"

#define ROUNDS 100
#define WARM_UP_ROUNDS 10 /* before them: pages are touched for the first time, and it is learned */
#define SPIN_ALONE_ROUNDS 2 /* with one processor: each event takes the guest a time slice */
#define LSTAR 0xc0000082

/* An event, and how it is answered: by an engine's handler, and by a plain loop. */
struct row {
	const char *name;
	unsigned int command;
	uint64_t argument;
	enum rs_kind kind;
	uint32_t index; /* of the register */
	bed_answer *engine;
	void (*plain)(struct plain *plain, const vm_event_request_t *request,
		      vm_event_response_t *answer);
	unsigned int events; /* of each round */
	unsigned int after;  /* of the end of the loop: CR3 goes back */
};

struct column {
	const char *name;
	bool is_engine;
	enum rs_waiting engine;
	enum plain_waiting plain;
};

static struct rs_reply nop(struct bed *bed, const struct rs_event *event)
{
	memset(rs_answer_instruction(event), 0x90, RS_INSTRUCTION_SIZE);
	return rs_reply_emulate(RS_REPLY_INSTRUCTION);
}

/* Two events: the fault, stepped past in view 0, and the step. */
static struct rs_reply step(struct bed *bed, const struct rs_event *event)
{
	if (event->kind == RS_PAGE)
		return rs_reply_step_in(0);
	return rs_reply_with_view(RS_CONTINUE, rs_engine_view(bed->engine));
}

static const struct row rows[] = {
	{ "guest request", MB_LOOP_REQUEST, 0, RS_GUEST_REQUEST, 0, bed_continue,
	  plain_continue, 1, 0 },
	{ "CR3", MB_LOOP_CR3, 0, RS_CR, RS_CR3, bed_continue, plain_continue, 1, 1 },
	{ "MSR", MB_LOOP_MSR, 0, RS_MSR, LSTAR, bed_continue, plain_continue, 1, 0 },
	{ "CPUID", MB_LOOP_CPUID, 0, RS_CPUID, 0, bed_continue, plain_cpuid, 1, 0 },
	{ "INT3 skipped", MB_LOOP_INT3, 0, RS_BREAKPOINT, 0, bed_skip, plain_skip, 1, 0 },
	{ "INT3 emulated", MB_LOOP_INT3, 0, RS_BREAKPOINT, 0, nop, plain_nop, 1, 0 },
	{ "INT3 given back", MB_LOOP_INT3, 0, RS_BREAKPOINT, 0, bed_give_back, plain_give_back,
	  1, 0 },
	{ "read, emulated", MB_LOOP_READ, MB_DATA, RS_PAGE, 0, bed_emulate, plain_emulate, 1,
	  0 },
	{ "read, fast step", MB_LOOP_READ, MB_DATA, RS_PAGE, 0, bed_fast_step, plain_fast_step,
	  1, 0 },
	{ "read, view and step", MB_LOOP_READ, MB_DATA, RS_PAGE, 0, step, plain_step, 2, 0 },
};
#define ROW_COUNT (sizeof(rows) / sizeof(*rows))

static const struct column columns[] = {
	{ "engine", true, RS_WAIT_ADAPTIVE, 0 },
	{ "eng-block", true, RS_WAIT_BLOCK, 0 },
	{ "eng-spin", true, RS_WAIT_SPIN, 0 },
	{ "plain", false, 0, PLAIN_BLOCK },
	{ "xen-acc", false, 0, PLAIN_XEN_ACCESS },
	{ "hybrid", false, 0, PLAIN_HYBRID },
	{ "spin", false, 0, PLAIN_SPIN },
};
#define COLUMN_COUNT (sizeof(columns) / sizeof(*columns))

/* What the table compares, and what the engine may add where nothing jitters. */
#define ENGINE 0
#define PLAIN 3
#define LIMIT_PERCENT 103

/* Mean ticks; 0: it did not work. */
static uint64_t table[ROW_COUNT][COLUMN_COUNT];

static bool is_alone(void)
{
	return sysconf(_SC_NPROCESSORS_ONLN) < 2;
}

static bool spins_alone(const struct column *column)
{
	bool spins = column->is_engine ? column->engine == RS_WAIT_SPIN
				       : column->plain == PLAIN_SPIN;

	return spins && is_alone();
}

static unsigned int rounds_of(const struct column *column)
{
	return spins_alone(column) ? SPIN_ALONE_ROUNDS : ROUNDS;
}

static bool wait_until_done(const struct bed *bed)
{
	for (unsigned int i = 0; i < 1000 && !guest_is_done(&bed->guest, 0); i++)
		sleep_ms(1);
	return guest_is_done(&bed->guest, 0);
}

/* The handler counts down and stops the engine: nothing else is in the way of an event. */
static struct rs_reply handle(const struct rs_event *event, void *user)
{
	struct bed *bed = user;

	if (--bed->countdown == 0)
		rs_engine_stop(bed->engine);
	return bed->answer(bed, event);
}

static bool watch(struct bed *bed, const struct row *row)
{
	struct rs_watch_options options = { .kind = row->kind, .handler = handle, .user = bed };
	int error;

	if (row->kind == RS_CR)
		options.cr.which = row->index;
	if (row->kind == RS_MSR)
		options.msr.index = row->index;
	if (row->kind == RS_PAGE)
		options.page.first_gfn = MB_DATA >> 12;
	error = rs_watch(bed->engine, &options, &bed->watches[bed->watch_count]);
	bed->watch_count += !error;
	if (!error && row->events == 2) {
		options = (struct rs_watch_options){ .kind = RS_SINGLESTEP, .handler = handle,
						     .user = bed };
		error = rs_watch(bed->engine, &options, &bed->watches[bed->watch_count]);
		bed->watch_count += !error;
	}
	return !error || check(false, "watch: %s", rs_strerror(error));
}

static uint64_t engine_ticks(struct bed *bed, const struct row *row, unsigned int rounds)
{
	int error;

	if (!watch(bed, row))
		return 0;
	bed->answer = row->engine;
	bed->countdown = rounds * row->events + row->after;
	bed_start(bed, 0, row->command, rounds, row->argument);
	error = rs_engine_run(bed->engine);
	if (error)
		check(false, "%s: the engine runs: %s", row->name, rs_strerror(error));
	bed_unwatch_all(bed);
	return wait_until_done(bed) ? bed_get(bed, MB_RESULT0) / rounds : 0;
}

static void fill_engine(struct bed *bed, size_t index)
{
	struct rs_engine_options options = { .waiting = columns[index].engine,
					     .page_method = RS_PAGE_METHOD_ALTP2M };

	if (!bed_attach(bed, &options))
		return;
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (!spins_alone(&columns[index]))
			engine_ticks(bed, &rows[i], WARM_UP_ROUNDS);
		table[i][index] = engine_ticks(bed, &rows[i], rounds_of(&columns[index]));
	}
	bed_detach(bed);
}

/* One page closed in a view of its own, and the guest in that view. */
static int close_page(struct bare *bare, uint16_t *view)
{
	uint64_t gfn = MB_DATA >> 12;
	uint8_t access = 0;
	int error = rs_xen_altp2m_activate(bare->xen, bare->domain, true);

	if (!error)
		error = rs_xen_altp2m_create(bare->xen, bare->domain, view);
	if (!error)
		error = rs_xen_altp2m_access(bare->xen, bare->domain, *view, &gfn, &access, 1);
	return error ? error : rs_xen_altp2m_switch(bare->xen, bare->domain, *view);
}

static bool prepare(struct plain *plain, const struct row *row)
{
	int error;

	plain->answer = row->plain;
	if (row->kind != RS_PAGE)
		return bare_switch(&plain->bare, row->kind, row->index, true);
	error = plain->view ? 0 : close_page(&plain->bare, &plain->view);
	return !error || check(false, "close a page: %s", rs_strerror(error));
}

static uint64_t plain_ticks(struct bed *bed, struct plain *plain, const struct row *row,
			    unsigned int rounds)
{
	int error;

	if (!prepare(plain, row))
		return 0;
	bed_start(bed, 0, row->command, rounds, row->argument);
	error = plain_run(plain, rounds * row->events + row->after);
	if (error)
		check(false, "%s: the loop runs: %s", row->name, rs_strerror(error));
	if (row->kind != RS_PAGE)
		bare_switch(&plain->bare, row->kind, row->index, false);
	return wait_until_done(bed) ? bed_get(bed, MB_RESULT0) / rounds : 0;
}

/* A fast step needs the source of steps (all the time: a step may be under way). */
static void fill_plain(struct bed *bed, size_t index)
{
	struct plain plain = { .waiting = columns[index].plain };
	struct bare *bare = &plain.bare;

	if (!bare_open(bare, &bed->guest, plain.waiting == PLAIN_HYBRID ? PLAIN_LOOKS : 0))
		return;
	bare_switch(bare, RS_SINGLESTEP, 0, true);
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (!spins_alone(&columns[index]))
			plain_ticks(bed, &plain, &rows[i], WARM_UP_ROUNDS);
		table[i][index] = plain_ticks(bed, &plain, &rows[i], rounds_of(&columns[index]));
	}
	rs_xen_domain_pause(bare->xen, bare->domain);
	rs_xen_vcpu_step(bare->xen, bare->domain, 0, false);
	if (plain.view)
		rs_xen_altp2m_switch(bare->xen, bare->domain, 0);
	bare_switch(bare, RS_SINGLESTEP, 0, false);
	rs_xen_domain_unpause(bare->xen, bare->domain);
	if (plain.view)
		rs_xen_altp2m_activate(bare->xen, bare->domain, false);
	bare_close(bare);
	check(guest_lives(&bed->guest), "%s: the guest runs on", columns[index].name);
}

/* What the processor and Xen take without anybody who watches. */
static void introduce(struct bed *bed)
{
	uint64_t nothing, cpuid;

	bed_start(bed, 0, MB_LOOP_NOTHING, ROUNDS, 0);
	wait_until_done(bed);
	nothing = bed_get(bed, MB_RESULT0) / ROUNDS;
	bed_start(bed, 0, MB_LOOP_CPUID, ROUNDS, 0);
	wait_until_done(bed);
	cpuid = bed_get(bed, MB_RESULT0) / ROUNDS;
	check_note("ticks from a trapping instruction to the next one, means of %u, %s", ROUNDS,
		   is_alone() ? "one dom0 CPU" : "two dom0 CPUs");
	check_note("two looks at the TSC alone: %" PRIu64 "; a CPUID that nobody watches: %" PRIu64,
		   nothing, cpuid);
}

static unsigned int percent_of_plain(size_t row)
{
	return table[row][PLAIN] ? 100 * table[row][ENGINE] / table[row][PLAIN] : 0;
}

/* A line of the table is a check: everything came, and the engine adds no more than it may. */
static void show_row(size_t row)
{
	char line[200];
	size_t at = (size_t)snprintf(line, sizeof(line), "%-20s", rows[row].name);
	bool good = !is_alone() || percent_of_plain(row) <= LIMIT_PERCENT;

	for (size_t j = 0; j < COLUMN_COUNT; j++) {
		at += (size_t)snprintf(line + at, sizeof(line) - at, " %9" PRIu64, table[row][j]);
		good &= table[row][j] != 0;
	}
	check(good, "%s  %u %%", line, percent_of_plain(row));
}

static void show(void)
{
	char line[200];
	size_t at = 0;

	for (size_t j = 0; j < COLUMN_COUNT; j++)
		at += (size_t)snprintf(line + at, sizeof(line) - at, " %9s", columns[j].name);
	check_note("%30s%s  engine of plain", "", line);
	for (size_t i = 0; i < ROW_COUNT; i++)
		show_row(i);
}

static void cost(struct bed *bed)
{
	introduce(bed);
	for (size_t j = 0; j < COLUMN_COUNT; j++)
		columns[j].is_engine ? fill_engine(bed, j) : fill_plain(bed, j);
	show();
}

/* By the host's map a fault can only be emulated. */
static void cost_host(struct bed *bed)
{
	uint64_t ticks = engine_ticks(bed, &rows[7], ROUNDS);

	check(ticks, "read, emulated in the host's map: %" PRIu64 " ticks", ticks);
}

static bool has_two(void)
{
	return !is_alone();
}

static bool run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return !sched_setaffinity(0, sizeof(set), &set);
}

/* Where its interrupt arrives. -1: that cannot be said. */
static int cpu_of(const struct rs_interrupt *interrupt)
{
	char path[64];
	int cpu = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/irq/%d/effective_affinity_list", interrupt->number);
	file = fopen(path, "re");
	if (!file)
		return -1;
	if (fscanf(file, "%d", &cpu) != 1)
		cpu = -1;
	fclose(file);
	return cpu;
}

/* Whoever sleeps for events is woken on the CPU where it sleeps: the interrupt has come there. */
static void cost_placement(struct bed *bed)
{
	struct rs_engine_options options = { .waiting = RS_WAIT_BLOCK };
	cpu_set_t before;

	sched_getaffinity(0, sizeof(before), &before);
	for (int cpu = 1; cpu >= 0; cpu--) {
		uint64_t ticks;

		if (!check(run_on(cpu), "a thread on CPU %d", cpu) || !bed_attach(bed, &options))
			break;
		ticks = engine_ticks(bed, &rows[1], ROUNDS);
		check(ticks, "CPU %d: %" PRIu64 " ticks for a CR3 write, asleep in between", cpu,
		      ticks);
		check(cpu_of(bed->engine->port.interrupt) == cpu,
		      "interrupt %d arrives on CPU %d", bed->engine->port.interrupt->number,
		      cpu_of(bed->engine->port.interrupt));
		bed_detach(bed);
	}
	sched_setaffinity(0, sizeof(before), &before);
}

const struct test tests_of_cost[] = {
	{ .name = "cost", .run = cost, .unattached = true, .own_guest = true,
	  .about = "ticks for each kind of event, with the engine and without" },
	{ .name = "cost-placement", .run = cost_placement, .unattached = true, .own_guest = true,
	  .about = "the interrupt follows who sleeps", .only_if = has_two },
	{ .name = "cost-host", .run = cost_host, .about = "ticks for a page fault",
	  .page_method = RS_PAGE_METHOD_HOST },
	{ 0 },
};
