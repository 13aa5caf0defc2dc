/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fiber.c: the threads of all processes are fibers of one thread, and vCPUs steps of it. At each turn
 * one of those that can go on is chosen; when none can, virtual time goes on to the next deadline.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "engine/worker.h"
#include "tests/sim/edge.h"
#include "tests/sim/sim.h"
#include "xen/error.h"

#define FIBERS 64
#define STACK_SIZE (256u << 10)
#define STEP_NS 100
#define RELAX_NS 1500
#define NO_EDGE UINT32_MAX

struct fiber {
	ucontext_t context;
	struct sim_process *process;
	const char *name;
	void *(*main)(void *);
	void *argument;
	bool used, ended, waits;
	bool (*is_ready)(const void *);
	const void *ready_argument;
	uint64_t deadline; /* 0: none */
	bool timed_out;
	/* What a thread has of its own. */
	int error;
	struct rs_error_note note;
	struct rs_worker *worker;
	uint32_t reading; /* read sections that it is in, */
	uint64_t reads;   /* and of which number */
	void *stack;
};

uint64_t sim_now = 1000000000;
uint32_t sim_edges_left = NO_EDGE;

static struct fiber fibers[FIBERS];
static struct fiber *current; /* NULL: the scheduler */
static ucontext_t scheduler;
static uint32_t edges_given;

/* -- edges -- */

/* After so many edges the processor is taken away: often soon, sometimes late, or never. */
static uint32_t choose_gap(void)
{
	uint32_t chosen = sim_choose("preempted after", 80);

	return chosen ? ((chosen & 7) + 1) << (chosen >> 3) : NO_EDGE;
}

static void give_edges(void)
{
	uint32_t gap = choose_gap(), doom = process_doom_left();

	edges_given = gap < doom ? gap : doom;
	sim_edges_left = edges_given;
}

static void switch_out(void)
{
	struct fiber *self = current;

	self->error = errno;
	self->worker = rs_worker_here;
	rs_error_keep(&self->note);
	current = NULL;
	swapcontext(&self->context, &scheduler);
	rs_error_restore(&self->note);
	rs_worker_here = self->worker;
	errno = self->error;
}

void sim_preempt(const char *where)
{
	if (!current) {
		sim_edges_left = NO_EDGE;
		return;
	}
	sim_tell("%s of %u: preempted at %s", current->name, current->process->pid, where);
	switch_out();
}

void fiber_edge(const char *where)
{
	sim_edge(where);
}

void sim_relax(void)
{
	sim_now += RELAX_NS;
	if (current)
		switch_out();
}

uint64_t sim_ticks(void)
{
	return sim_now += 20;
}

/* -- waiting -- */

bool fiber_wait(bool (*is_ready)(const void *), const void *argument, uint64_t deadline)
{
	struct fiber *self = current;

	if (!self)
		sim_complain("the scheduler itself would wait");
	self->is_ready = is_ready;
	self->ready_argument = argument;
	self->deadline = deadline;
	self->waits = true;
	switch_out();
	return !self->timed_out;
}

static bool never(const void *unused)
{
	return false;
}

void fiber_sleep(uint64_t ns)
{
	fiber_wait(never, NULL, sim_now + ns);
}

/* -- RCU -- */

struct grace {
	uint64_t reads[FIBERS];
	bool awaited[FIBERS];
};

void sim_read_begin(void)
{
	fiber_edge("rcu_read_lock");
	if (current && !current->reading++)
		current->reads++;
}

void sim_read_end(void)
{
	fiber_edge("rcu_read_unlock");
	if (current)
		current->reading--;
}

static bool is_over(const void *argument)
{
	const struct grace *grace = argument;

	for (unsigned int i = 0; i < FIBERS; i++)
		if (grace->awaited[i] && fibers[i].used && fibers[i].reading &&
		    fibers[i].reads == grace->reads[i])
			return false;
	return true;
}

void sim_read_wait(void)
{
	struct grace grace;

	for (unsigned int i = 0; i < FIBERS; i++) {
		grace.awaited[i] = fibers[i].used && fibers[i].reading;
		grace.reads[i] = fibers[i].reads;
	}
	fiber_wait(is_over, &grace, 0);
}

/* -- life -- */

static void run_main(void)
{
	current->main(current->argument);
	current->ended = true;
	switch_out();
}

struct fiber *fiber_start(struct sim_process *process, const char *name, void *(*main)(void *),
			  void *argument)
{
	struct fiber *fiber = fibers;

	while (fiber < fibers + FIBERS && fiber->used)
		fiber++;
	if (fiber == fibers + FIBERS)
		sim_complain("more than %u threads", FIBERS);
	*fiber = (struct fiber){ .process = process, .name = name, .main = main,
				 .argument = argument, .used = true, .stack = fiber->stack };
	if (!fiber->stack)
		fiber->stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (fiber->stack == MAP_FAILED || getcontext(&fiber->context))
		sim_complain("no stack for a thread");
	fiber->context.uc_stack.ss_sp = fiber->stack;
	fiber->context.uc_stack.ss_size = STACK_SIZE;
	makecontext(&fiber->context, run_main, 0);
	return fiber;
}

struct fiber *fiber_here(void)
{
	return current;
}

struct sim_process *fiber_process(void)
{
	return current ? current->process : NULL;
}

bool fiber_has_ended(const struct fiber *fiber)
{
	return fiber->ended;
}

void fiber_drop_all(const struct sim_process *process)
{
	for (unsigned int i = 0; i < FIBERS; i++)
		if (fibers[i].used && fibers[i].process == process) {
			fibers[i].used = false;
			fibers[i].ended = true;
		}
	/* It was its own end: there is nowhere to return to. */
	if (current && current->process == process)
		switch_out();
}

/* -- the scheduler -- */

static bool can_run(struct fiber *fiber)
{
	if (!fiber->used || fiber->ended)
		return false;
	if (!fiber->waits)
		return true;
	if (fiber->is_ready(fiber->ready_argument)) {
		fiber->timed_out = false;
		return true;
	}
	fiber->timed_out = fiber->deadline && fiber->deadline <= sim_now;
	return fiber->timed_out;
}

static void switch_to(struct fiber *fiber)
{
	enum sim_role doomed;
	uint32_t passed;

	fiber->waits = false;
	give_edges();
	current = fiber;
	rs_worker_here = fiber->worker;
	errno = fiber->error;
	swapcontext(&scheduler, &fiber->context);
	passed = edges_given - sim_edges_left;
	sim_edges_left = NO_EDGE;
	while (process_is_doomed(passed, &doomed)) {
		passed = 0;
		if (process_living(doomed))
			process_end(process_living(doomed));
	}
}

/* Nobody can go on now: when can somebody? */
static void pass_time(void)
{
	uint64_t first = world_deadline();

	for (unsigned int i = 0; i < FIBERS; i++) {
		const struct fiber *fiber = &fibers[i];

		if (fiber->used && !fiber->ended && fiber->waits && fiber->deadline &&
		    (!first || fiber->deadline < first))
			first = fiber->deadline;
	}
	if (!first)
		sim_complain("everybody waits for ever");
	if (first > sim_now)
		sim_now = first;
}

static void step(void)
{
	struct fiber *ready[FIBERS];
	uint32_t count = 0, vcpus = world_runnable(), chosen;

	for (unsigned int i = 0; i < FIBERS; i++)
		if (can_run(&fibers[i]))
			ready[count++] = &fibers[i];
	if (!count && !vcpus) {
		pass_time();
		return;
	}
	sim_now += STEP_NS;
	chosen = sim_choose("runs next", count + vcpus);
	if (chosen < count)
		switch_to(ready[chosen]);
	else
		world_step(chosen - count);
}

void fiber_run(void *(*main)(void *), struct sim_process *process)
{
	const struct fiber *first = fiber_start(process, "story", main, NULL);

	while (!first->ended) {
		if (++sim_run->steps > sim_run->steps_max)
			sim_complain("it has not come to an end after %lu steps",
				     (unsigned long)sim_run->steps_max);
		step();
	}
}
