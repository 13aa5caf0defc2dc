/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* world.c: the threads that run vCPUs, and stopping them all. Each thread goes round its
 * vCPUs, spins a little when none can run, and then sleeps until one is woken or a halted
 * one's timer is due. */
#include <stdlib.h>
#include <string.h>

#include "fakexen/atomics.h"
#include "fakexen/cpu/cpu.h"
#include "fakexen/futex.h"
#include "fakexen/launcher/launcher.h"
#include "fakexen/thread.h"
#include "fakexen/vcpu.h"

#define BUDGET 50000            /* instructions, when others wait for the thread */
#define IDLE_SPIN_NS 20000
#define STOP_SPINS 200

struct lane {                   /* one vCPU of a thread */
	struct fx_runner *runner;
	unsigned int slot, index;
	const struct fx_domain *domain;
	const struct fx_vcpu *vcpu;
	enum fx_ran ran;
	uint64_t deadline;              /* of a halted vCPU; 0: none */
	uint32_t word;                  /* the thread's word when it halted */
};

struct thread {
	struct world *world;
	struct fx_thread *shared;
	pthread_t id;
	uint32_t running;               /* between parks; futex */
	unsigned int lane_count, next;  /* whose turn it is */
	struct fx_code *code;           /* that its vCPUs have in common */
	struct lane *lanes;
};

struct inhabitant {             /* what the lanes of a domain slot were made for */
	uint32_t domid, vcpu_count;
};

struct world {
	struct launcher *launcher;
	pthread_mutex_t mutex;
	struct inhabitant *inhabitants; /* by slot */
	uint32_t ending;
	uint32_t waiting;               /* threads that sleep until the world goes on */
	unsigned int thread_count;
	struct thread threads[FX_THREADS];
};

/* ---- stopping ---- */

/* P1: `running` is stored before stop_requests is read; the stopper stores stop_requests
 * and then reads `running` (P2). In the same way `waiting` is counted before the futex
 * reads stop_requests (P3), and who lets the world go on stores that and then reads
 * `waiting` (P4). */
static void enter_world(struct thread *thread)
{
	struct world *world = thread->world;
	struct fx_model *model = world->launcher->model;
	uint32_t stops;

	for (;;) {
		fx_store_seq_cst(&thread->running, 1);
		stops = fx_load_seq_cst(&model->stop_requests);
		if (!stops)
			return;
		fx_store_seq_cst(&thread->running, 0);
		fx_futex_wake(&thread->running);
		fx_add_seq_cst(&world->waiting, 1);
		fx_futex_wait(&model->stop_requests, stops, 0);
		fx_add_seq_cst(&world->waiting, -1);
	}
}

static void leave_world(struct thread *thread)
{
	fx_store_seq_cst(&thread->running, 0);
	if (fx_load_seq_cst(&thread->world->launcher->model->stop_requests))
		fx_futex_wake(&thread->running);
}

void world_stop(struct world *world)
{
	pthread_mutex_lock(&world->mutex);
	fx_add_seq_cst(&world->launcher->model->stop_requests, 1);
	for (unsigned int i = 0; i < world->thread_count; i++) {
		const uint32_t *running = &world->threads[i].running;

		for (int spin = 0; spin < STOP_SPINS && fx_load_seq_cst(running); spin++)
			fx_pause();
		while (fx_load_seq_cst(running))
			fx_futex_wait(running, 1, 0);
	}
}

void world_hold(struct world *world)
{
	pthread_mutex_lock(&world->mutex);
}

void world_release(struct world *world)
{
	pthread_mutex_unlock(&world->mutex);
}

/* ---- running ---- */

static uint64_t now(const struct thread *thread)
{
	return fx_clock_now(&thread->world->launcher->model->clock);
}

/* Whether there is any point in running it again. */
static bool due(const struct thread *thread, const struct lane *lane, uint32_t word)
{
	switch (lane->ran) {
	case FX_RAN_DEAD: return false;
	case FX_RAN_PAUSED: return fx_vcpu_runnable(lane->domain, lane->vcpu);
	case FX_RAN_BLOCKED:
		return lane->word != word || (lane->deadline &&
			now(thread) >= lane->deadline);
	default: return true;
	}
}

static void run(struct thread *thread, struct lane *lane, uint32_t word)
{
	lane->deadline = 0;
	lane->word = word;
	lane->ran = fx_runner_run(lane->runner, BUDGET, &lane->deadline);
	if (lane->ran == FX_RAN_DEAD) {
		fx_runner_destroy(lane->runner);
		lane->runner = NULL;
	}
}

/* Gives each vCPU its turn: true if one of them is worth another. A round that is cut short
 * goes on where it was: a tool that makes one call after the other would else starve all
 * vCPUs but the first. */
static bool go_round(struct thread *thread, uint32_t word)
{
	const struct fx_model *model = thread->world->launcher->model;
	bool any = false;

	for (unsigned int i = 0; i < thread->lane_count; i++) {
		struct lane *lane = &thread->lanes[thread->next % thread->lane_count];

		if (fx_load_relaxed(&model->stop_requests))
			return true;
		thread->next = (thread->next + 1) % thread->lane_count;
		if (!due(thread, lane, word))
			continue;
		run(thread, lane, word);
		any |= lane->ran == FX_RAN;
	}
	return any;
}

static uint64_t first_deadline(const struct thread *thread)
{
	uint64_t first = 0;

	for (unsigned int i = 0; i < thread->lane_count; i++) {
		const struct lane *lane = &thread->lanes[i];

		if (lane->ran == FX_RAN_BLOCKED && lane->deadline &&
		    (!first || lane->deadline < first))
			first = lane->deadline;
	}
	return first;
}

static bool spin(const struct thread *thread, uint32_t word, uint64_t deadline)
{
	uint64_t until = now(thread) + IDLE_SPIN_NS, time;

	if (deadline && deadline < until)
		until = deadline;
	do {
		for (int i = 0; i < 32; i++) {
			if (fx_load_relaxed(&thread->shared->word) != word)
				return true;
			fx_pause();
		}
		if (fx_load_relaxed(&thread->world->launcher->model->stop_requests))
			return true;
		time = now(thread);
	} while (time < until);
	return deadline && time >= deadline;
}

/* The kernel waits by its own clock. */
static uint64_t kernel_time(const struct thread *thread, uint64_t deadline)
{
	uint64_t time = now(thread);

	if (!deadline)
		return 0;
	return fx_monotonic_ns() + (deadline > time ? deadline - time : 0);
}

static void idle(struct thread *thread, uint32_t word)
{
	uint64_t deadline = first_deadline(thread);

	if (spin(thread, word, deadline))
		return;
	leave_world(thread);
	fx_store_seq_cst(&thread->shared->sleeping, 1);
	/* W2: see fx_thread_wake(). */
	if (fx_load_seq_cst(&thread->shared->word) == word)
		fx_futex_wait(&thread->shared->word, word, kernel_time(thread, deadline));
	fx_store_seq_cst(&thread->shared->sleeping, 0);
	enter_world(thread);
}

static void *thread_main(void *argument)
{
	struct thread *thread = argument;
	struct world *world = thread->world;
	const struct fx_model *model = world->launcher->model;
	uint32_t word;

	enter_world(thread);
	while (!fx_load_relaxed(&world->ending)) {
		word = fx_load_seq_cst(&thread->shared->word);
		if (!go_round(thread, word))
			idle(thread, word);
		if (fx_load_relaxed(&model->stop_requests)) {
			leave_world(thread);
			enter_world(thread);
		}
	}
	leave_world(thread);
	return NULL;
}

/* ---- domains that come and go ---- */

static struct lane *find_lane(struct thread *thread, unsigned int slot, unsigned int index)
{
	for (unsigned int i = 0; i < thread->lane_count; i++)
		if (thread->lanes[i].slot == slot && thread->lanes[i].index == index)
			return &thread->lanes[i];
	return NULL;
}

static struct lane *add_lane(struct thread *thread)
{
	struct lane *lanes = realloc(thread->lanes, (thread->lane_count + 1) * sizeof(*lanes));

	if (!lanes)
		die("out of memory");
	thread->lanes = lanes;
	lanes[thread->lane_count].runner = NULL;
	return &lanes[thread->lane_count++];
}

/* A runner remembers what its vCPU was about, so a new domain in an old slot gets new ones. */
static void give_lane(struct world *world, unsigned int slot, unsigned int index)
{
	struct launcher *launcher = world->launcher;
	struct thread *thread = &world->threads[fx_thread_of(launcher->model, slot, index)];
	struct fx_domain *domain = fx_domain(launcher->model, slot);
	struct lane *lane = find_lane(thread, slot, index);

	if (!lane)
		lane = add_lane(thread);
	fx_runner_destroy(lane->runner);
	*lane = (struct lane){ .slot = slot, .index = index, .domain = domain,
		.vcpu = &domain->vcpus[index], .ran = FX_RAN };
	if (fx_runner_create(&lane->runner, launcher->model, &launcher->host, slot, index))
		die("out of memory");
	if (!thread->code)
		thread->code = fx_code_create();
	if (!thread->code)
		die("out of memory");
	fx_runner_use_code(lane->runner, thread->code);
}

/* Gives lanes to the vCPUs of domains that were created since the last time. Only while
 * all threads stand still. */
static void admit(struct world *world)
{
	struct fx_model *model = world->launcher->model;

	for (unsigned int slot = 1; slot < model->domain_slots; slot++) {
		const struct fx_domain *domain = fx_domain(model, slot);
		struct inhabitant *known = &world->inhabitants[slot];

		if (domain->state != FX_DOMAIN_ALIVE || !domain->is_hvm ||
		    (known->domid == domain->id && known->vcpu_count == domain->vcpu_count))
			continue;
		for (unsigned int i = 0; i < domain->vcpu_count; i++)
			give_lane(world, slot, i);
		*known = (struct inhabitant){ domain->id, domain->vcpu_count };
	}
}

void world_go(struct world *world)
{
	struct fx_model *model = world->launcher->model;

	admit(world);
	fx_add_seq_cst(&model->stop_requests, -1);
	if (fx_load_seq_cst(&world->waiting))
		fx_futex_wake(&model->stop_requests);
	pthread_mutex_unlock(&world->mutex);
}

/* ---- birth and end ---- */

void world_start(struct launcher *launcher)
{
	struct world *world = calloc(1, sizeof(*world));
	struct fx_model *model = launcher->model;

	if (world)
		world->inhabitants = calloc(model->domain_slots, sizeof(*world->inhabitants));
	if (!world || !world->inhabitants)
		die("out of memory");
	world->launcher = launcher;
	world->thread_count = model->options.threads;
	pthread_mutex_init(&world->mutex, NULL);
	launcher->world = world;
	admit(world);
	for (unsigned int i = 0; i < world->thread_count; i++) {
		struct thread *thread = &world->threads[i];

		thread->world = world;
		thread->shared = &model->threads[i];
		if (pthread_create(&thread->id, NULL, thread_main, thread))
			die("no thread for vCPUs");
	}
}

void world_end(struct world *world)
{
	fx_store_relaxed(&world->ending, 1);
	for (unsigned int i = 0; i < world->thread_count; i++) {
		fx_thread_wake(world->launcher->model, i);
		pthread_join(world->threads[i].id, NULL);
	}
	for (unsigned int i = 0; i < world->thread_count; i++) {
		for (unsigned int k = 0; k < world->threads[i].lane_count; k++)
			fx_runner_destroy(world->threads[i].lanes[k].runner);
		fx_code_destroy(world->threads[i].code);
		free(world->threads[i].lanes);
	}
	pthread_mutex_destroy(&world->mutex);
	free(world->inhabitants);
	free(world);
}
