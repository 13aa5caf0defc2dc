/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * torture.c: everything at once, on fakexen's default guest.
 *
 *	fakexen --vcpus 16 --threads 2 --report FILE -- \
 *		tests/torture/torture [--seconds N] [--workers N] [--waiting MODE] [--seed N] \
 *		[--deadline MS]
 *
 * While the vCPUs storm: threads add and remove watches, handlers keep events that other threads
 * answer (twice: the second answer must be refused), handlers sleep now and then and remove
 * watches, and the engine is detached in the middle of it and attached again. With deadlines some
 * handlers, and some answers, are late. What is checked:
 * a vCPU's events come one at a time and in order; no handler runs after its watch has gone;
 * the model's report says that every request was answered once and nothing was left behind.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ringside/ringside.h>

#include "guests/map.h"
#include "ring/atomics.h"
#include "tests/unit/tap.h"

#define VCPUS_MAX 128
#define ADDERS 2
#define ANSWERERS 2
#define KEPT_MAX 64
#define WATCHES_EACH 6
#define CANARY 0x5ca1ab1e
#define DATA_GFN (GUEST_DATA_PAGE >> 12)
#define CODE_GFN (GUEST_CODE_PAGE >> 12)

static struct rs_engine *engine;
static struct rs_engine_options options = { .workers = 4 };
static unsigned int seconds = 5;
static unsigned int seed = 1;

/* Held for reading by whoever calls the engine, for writing by who detaches it. */
static pthread_rwlock_t attached = PTHREAD_RWLOCK_INITIALIZER;
static uint32_t ending;

static struct {
	uint32_t inside;
	uint64_t serial;
} lanes[VCPUS_MAX];

static uint32_t events, overlaps, disorder, after_gone, kept_count, answered, refused, wrong,
	too_late, rounds, added;

/* The user data of a watch: poisoned when the watch has gone. */
struct user {
	uint32_t canary;
	unsigned int style;
};

/* Events that are kept. A slot's `state` says who may touch it: 0 free, 1 being filled, 2 full. */
static struct {
	uint32_t state;
	struct rs_event event;
} kept[KEPT_MAX];

static void die(const char *what, int error)
{
	tap_ok(false, "%s: %s", what, rs_strerror(error));
	exit(tap_done());
}

static void on_log(enum rs_log_level level, const char *line, void *user)
{
	if (level == RS_LOG_ERROR)
		printf("# %s\n", line);
}

static void sleep_us(unsigned int us)
{
	nanosleep(&(struct timespec){ .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 },
		  NULL);
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1103515245 + 12345;
	return *state >> 16;
}

static bool keep(const struct rs_event *event)
{
	for (unsigned int i = 0; i < KEPT_MAX; i++) {
		uint32_t unused = 0;

		if (!rs_compare_exchange_acq_rel(&kept[i].state, &unused, 1))
			continue;
		kept[i].event = *event;
		rs_store_release(&kept[i].state, 2);
		rs_add_relaxed(&kept_count, 1);
		return true;
	}
	return false;
}

static void check_lane(const struct rs_event *event)
{
	if (rs_exchange_acquire(&lanes[event->vcpu].inside, 1))
		rs_add_relaxed(&overlaps, 1);
	if (event->serial < lanes[event->vcpu].serial)
		rs_add_relaxed(&disorder, 1);
	lanes[event->vcpu].serial = event->serial;
}

static struct rs_reply on_event(const struct rs_event *event, void *data)
{
	const struct user *user = data;
	struct rs_reply reply = RS_CONTINUE;
	uint32_t number = rs_add_relaxed(&events, 1);

	check_lane(event);
	if (rs_load_relaxed(&user->canary) != CANARY)
		rs_add_relaxed(&after_gone, 1);
	if (user->style == 1 && number % 7 == 0)
		sleep_us(200);
	if (user->style == 2 && event->synchronous && keep(event))
		reply = RS_LATER;
	if (user->style == 3 && number % 64 == 0)
		sched_yield();
	if (options.deadline_ms && number % 97 == 0)
		sleep_us(options.deadline_ms * (number % 5) * 1000 / 2);
	rs_store_release(&lanes[event->vcpu].inside, 0);
	return reply;
}

static void on_gone(void *data)
{
	struct user *user = data;

	rs_store_relaxed(&user->canary, 0xdead);
	free(user);
}

static struct user *make_user(uint32_t *random)
{
	struct user *user = malloc(sizeof(*user));

	user->canary = CANARY;
	user->style = next_random(random) % 4;
	return user;
}

static struct rs_watch_options choose(uint32_t *random)
{
	struct rs_watch_options chosen[] = {
		{ .kind = RS_CR, .cr = { .which = RS_CR3 } },
		{ .kind = RS_CR, .cr = { .which = RS_CR3 }, .asynchronous = true },
		{ .kind = RS_MSR, .msr = { .index = 0xc0000082 } },
		{ .kind = RS_CPUID },
		{ .kind = RS_BREAKPOINT },
		{ .kind = RS_GUEST_REQUEST },
		{ .kind = RS_PAGE, .page = { .first_gfn = DATA_GFN } },
		{ .kind = RS_PAGE, .page = { .first_gfn = DATA_GFN, .last_gfn = CODE_GFN,
					     .access = RS_ACCESS_R } },
		{ .kind = RS_DESCRIPTOR },
		{ .kind = RS_CR, .cr = { .which = RS_CR4 }, .vcpus = { 5 } },
	};
	struct rs_watch_options *one =
		&chosen[next_random(random) % (sizeof(chosen) / sizeof(chosen[0]))];

	one->handler = on_event;
	one->user = make_user(random);
	one->gone = on_gone;
	return *one;
}

/* Another user, and other vCPUs; the former user is told to go. */
static void change(struct rs_watch *watch, struct rs_watch_options wanted, uint32_t *random)
{
	int error;

	wanted.user = make_user(random);
	wanted.vcpus[0] = next_random(random) % 2 ? 0 : next_random(random);
	error = rs_watch_change(watch, &wanted);
	if (!error)
		return;
	printf("# change: %s\n", rs_strerror(error));
	rs_add_relaxed(&wrong, 1);
	on_gone(wanted.user);
}

static void *add_and_remove(void *number)
{
	uint32_t random = seed * 31 + (uint32_t)(uintptr_t)number;

	while (!rs_load_relaxed(&ending)) {
		struct rs_watch *watches[WATCHES_EACH] = { NULL };

		pthread_rwlock_rdlock(&attached);
		for (unsigned int i = 0; i < WATCHES_EACH; i++) {
			struct rs_watch_options wanted = choose(&random);
			int error = rs_watch(engine, &wanted, &watches[i]);

			if (error) {
				printf("# watch: %s\n", rs_strerror(error));
				rs_add_relaxed(&wrong, 1);
				on_gone(wanted.user);
			} else if (next_random(&random) % 2) {
				change(watches[i], wanted, &random);
			}
			rs_add_relaxed(&added, 1);
			sleep_us(next_random(&random) % 500);
		}
		for (unsigned int i = 0; i < WATCHES_EACH; i++)
			/* Some stay, for detaching to remove. */
			if (next_random(&random) % 8)
				rs_unwatch(watches[i]);
		pthread_rwlock_unlock(&attached);
		sched_yield();
	}
	return NULL;
}

static void answer(unsigned int i)
{
	struct rs_event event = kept[i].event;
	int error = rs_event_reply(&event, RS_CONTINUE);

	/* -EALREADY: so late that the engine has forgotten it. */
	if ((error == -ETIMEDOUT || error == -EALREADY) && options.deadline_ms)
		rs_add_relaxed(&too_late, 1);
	else if (error)
		rs_add_relaxed(&wrong, 1);
	rs_add_relaxed(&answered, 1);
	/* -ETIMEDOUT: the first was in time, but came before its handler had returned, who was late. */
	error = rs_event_reply(&event, RS_RESUME);
	if (error == -EALREADY || (error == -ETIMEDOUT && options.deadline_ms))
		rs_add_relaxed(&refused, 1);
}

static void *answer_kept(void *number)
{
	uint32_t random = seed * 17 + (uint32_t)(uintptr_t)number;

	while (!rs_load_relaxed(&ending)) {
		pthread_rwlock_rdlock(&attached);
		for (unsigned int i = 0; i < KEPT_MAX; i++) {
			uint32_t full = 2;

			if (!rs_compare_exchange_acq_rel(&kept[i].state, &full, 3))
				continue;
			if (next_random(&random) % 4 == 0)
				sleep_us(100);
			if (options.deadline_ms && next_random(&random) % 16 == 0)
				sleep_us(options.deadline_ms * 2000);
			answer(i);
			rs_store_release(&kept[i].state, 0);
		}
		pthread_rwlock_unlock(&attached);
		sched_yield();
	}
	return NULL;
}

static int run_result;

static void *run(void *unused)
{
	run_result = rs_engine_run(engine);
	return NULL;
}

static pthread_t attach(void)
{
	pthread_t thread;
	int error;

	memset(lanes, 0, sizeof(lanes));
	memset(kept, 0, sizeof(kept));
	error = rs_engine_attach(&engine, "guest1", &options);
	if (error)
		die("attach", error);
	pthread_create(&thread, NULL, run, NULL);
	return thread;
}

static void detach(pthread_t thread)
{
	int error = rs_engine_detach(engine);

	pthread_join(thread, NULL);
	if (error || run_result != -ESHUTDOWN) {
		printf("# detach: %d, run: %d: %s\n", error, run_result, rs_error_text());
		rs_add_relaxed(&wrong, 1);
	}
}

/* Detaches now and then, in the middle of it all. */
static void storm(void)
{
	time_t end = time(NULL) + seconds;
	uint32_t random = seed;
	pthread_t threads[ADDERS + ANSWERERS], runner = attach();

	for (uintptr_t i = 0; i < ADDERS + ANSWERERS; i++)
		pthread_create(&threads[i], NULL, i < ADDERS ? add_and_remove : answer_kept,
			       (void *)i);
	while (time(NULL) < end) {
		sleep_us(200000 + next_random(&random) % 400000);
		pthread_rwlock_wrlock(&attached);
		detach(runner);
		runner = attach();
		rounds++;
		pthread_rwlock_unlock(&attached);
	}
	rs_store_relaxed(&ending, 1);
	for (unsigned int i = 0; i < ADDERS + ANSWERERS; i++)
		pthread_join(threads[i], NULL);
	detach(runner);
}

static void read_arguments(int argc, char **argv)
{
	static const struct option known[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "workers", required_argument, NULL, 'w' },
		{ "waiting", required_argument, NULL, 'm' },
		{ "seed", required_argument, NULL, 'r' },
		{ "deadline", required_argument, NULL, 'd' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 's')
			seconds = (unsigned int)atoi(optarg);
		else if (option == 'w')
			options.workers = (uint32_t)atoi(optarg);
		else if (option == 'r')
			seed = (unsigned int)atoi(optarg);
		else if (option == 'd')
			options.deadline_ms = (uint32_t)atoi(optarg);
		else if (option == 'm')
			options.waiting = !strcmp(optarg, "block") ? RS_WAIT_BLOCK
					  : !strcmp(optarg, "spin") ? RS_WAIT_SPIN
								     : RS_WAIT_ADAPTIVE;
		else
			exit(2);
	}
}

int main(int argc, char **argv)
{
	read_arguments(argc, argv);
	options.log = on_log;
	options.log_level = RS_LOG_ERROR;
	options.at_deadline = options.deadline_ms ? RS_AT_DEADLINE_CONTINUE : RS_AT_DEADLINE_TELL;
	printf("# seed %u, %u s, %u workers\n", seed, seconds, options.workers);
	storm();
	tap_ok(events > 100 && added > 10 && rounds > 0,
	       "%u events, %u watches added, %u times detached and attached", events, added, rounds);
	tap_ok(TAP_SAME(overlaps, 0) && TAP_SAME(disorder, 0),
	       "a vCPU's events came one at a time, in order");
	tap_ok(TAP_SAME(after_gone, 0), "no handler ran after its watch had gone");
	tap_ok(kept_count > 0 && TAP_SAME(refused, answered) && TAP_SAME(wrong, 0),
	       "%u events kept, %u answered by others, each once", kept_count, answered);
	printf("# %u of them too late\n", too_late);
	return tap_done();
}
