/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bed.c: see bed.h. */
#include "tests/engine/bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guests/map.h"
#include "ring/atomics.h"
#include "tests/unit/tap.h"

struct rs_engine *engine;
struct rs_engine_options options;
struct seen lanes[VCPUS_MAX];
uint32_t at_once_max;
int run_result;

static uint32_t overlaps, at_once;

static void die(const char *what, int error)
{
	printf("Bail out! %s: %s\n", what, rs_strerror(error));
	exit(1);
}

static void on_log(enum rs_log_level level, const char *line, void *user)
{
	printf("# %s\n", line);
}

void attach(void)
{
	int error;

	options.log = on_log;
	memset(lanes, 0, sizeof(lanes));
	overlaps = at_once = at_once_max = 0;
	error = rs_engine_attach(&engine, "guest1", &options);
	if (error)
		die("attach", error);
}

void detach(const char *name)
{
	int error = rs_engine_detach(engine);

	tap_ok(!error, "%s: detached%s%s", name, error ? ": " : "", error ? rs_strerror(error) : "");
}

struct rs_watch *watch(struct rs_watch_options wanted)
{
	struct rs_watch *made;
	int error = rs_watch(engine, &wanted, &made);

	if (error)
		die("watch", error);
	return made;
}

void sleep_us(unsigned int us)
{
	nanosleep(&(struct timespec){ .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 },
		  NULL);
}

double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

void enter(const struct rs_event *event)
{
	uint32_t count = rs_add_acq_rel(&at_once, 1) + 1;

	if (count > rs_load_relaxed(&at_once_max))
		rs_store_relaxed(&at_once_max, count);
	if (rs_exchange_acquire(&lanes[event->vcpu].inside, 1))
		rs_add_relaxed(&overlaps, 1);
	/* Plain: only one vCPU's events could race here, and they come one at a time. */
	/* The further pages of an instruction have the event's own. */
	if (event->serial < lanes[event->vcpu].serial)
		lanes[event->vcpu].out_of_order++;
	lanes[event->vcpu].serial = event->serial;
	rs_add_relaxed(&lanes[event->vcpu].events, 1);
}

void leave(const struct rs_event *event)
{
	rs_store_release(&lanes[event->vcpu].inside, 0);
	rs_add_acq_rel(&at_once, -1);
}

uint32_t sum_events(void)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < VCPUS_MAX; i++)
		sum += rs_load_relaxed(&lanes[i].events);
	return sum;
}

static uint32_t sum_out_of_order(void)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < VCPUS_MAX; i++)
		sum += lanes[i].out_of_order;
	return sum;
}

bool in_order(void)
{
	return TAP_SAME(overlaps, 0) && TAP_SAME(sum_out_of_order(), 0);
}

bool all_answered(void)
{
	struct rs_statistics statistics;

	rs_engine_statistics(engine, &statistics);
	return TAP_SAME(statistics.refused, 0) && TAP_SAME(statistics.faults, 0) &&
	       TAP_SAME(statistics.requests, statistics.answers);
}

static void *run_main(void *unused)
{
	run_result = rs_engine_run(engine);
	return NULL;
}

pthread_t start(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, run_main, NULL);
	return thread;
}

bool stop(pthread_t thread)
{
	rs_engine_stop(engine);
	pthread_join(thread, NULL);
	return TAP_SAME(run_result, 0);
}

bool wait_for(uint32_t count)
{
	double end = now() + PATIENCE;

	while (sum_events() < count && now() < end)
		sleep_us(1000);
	return sum_events() >= count;
}

struct rs_reply count_event(const struct rs_event *event, void *user)
{
	enter(event);
	leave(event);
	return RS_CONTINUE;
}

uint64_t guest_counter_of(uint32_t vcpu, uint32_t slot)
{
	uint64_t value = 0;
	int error = rs_guest_read(rs_engine_guest(engine),
				  GUEST_SLOTS + vcpu * GUEST_SLOT_SIZE + slot, &value,
				  sizeof(value), NULL);

	if (error)
		die("reading the guest's counters", error);
	return value;
}

uint64_t guest_counter(uint32_t slot)
{
	uint64_t sum = 0;

	for (uint32_t vcpu = 0; vcpu < rs_engine_vcpu_count(engine); vcpu++)
		sum += guest_counter_of(vcpu, slot);
	return sum;
}

uint64_t guest_mishaps(void)
{
	return guest_counter(SLOT_UD) + guest_counter(SLOT_GP) + guest_counter(SLOT_PF) +
	       guest_counter(SLOT_DB);
}
