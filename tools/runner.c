/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* runner.c: see runner.h. */
#include "tools/runner.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#define NS 1000000000ull
#define NS_PER_MS 1000000
#define MOMENT_NS NS_PER_MS

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t woken;
static struct rs_engine *running;
static pthread_t thread;
static bool asleep, stirred;
static int result; /* 1: it runs */
static char text[512]; /* of it, if it is an error */

static void wake(void)
{
	if (asleep)
		pthread_cond_signal(&woken);
	asleep = false;
}

static void *run(void *unused)
{
	int ended = rs_engine_run(running);

	pthread_mutex_lock(&lock);
	result = ended;
	snprintf(text, sizeof(text), "%s", ended < 0 ? rs_strerror(ended) : "");
	wake();
	pthread_mutex_unlock(&lock);
	return NULL;
}

int runner_begin(struct rs_engine *engine)
{
	pthread_condattr_t clock;
	int error;

	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&woken, &clock);
	pthread_condattr_destroy(&clock);
	running = engine;
	result = 1;
	stirred = asleep = false;
	error = pthread_create(&thread, NULL, run, NULL);
	if (error)
		pthread_cond_destroy(&woken);
	return -error;
}

void runner_lock(void)
{
	pthread_mutex_lock(&lock);
}

void runner_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

void runner_stir(void)
{
	stirred = true;
	wake();
}

static struct timespec after(uint64_t ms)
{
	struct timespec time;
	uint64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &time);
	ns = (uint64_t)time.tv_nsec + ms % 1000 * NS_PER_MS;
	time.tv_sec += (time_t)(ms / 1000 + ns / NS);
	time.tv_nsec = (long)(ns % NS);
	return time;
}

static void sleep_until(struct timespec time)
{
	asleep = !stirred && result > 0;
	while (asleep && !pthread_cond_timedwait(&woken, &lock, &time))
		continue;
	asleep = false;
}

int runner_wait(uint64_t ms)
{
	int found;

	if (!ms)
		nanosleep(&(struct timespec){ .tv_nsec = MOMENT_NS }, NULL);
	pthread_mutex_lock(&lock);
	if (ms)
		sleep_until(after(ms));
	found = result < 0 ? result : stirred;
	stirred = false;
	pthread_mutex_unlock(&lock);
	return found;
}

const char *runner_error(void)
{
	return text;
}

void runner_end(void)
{
	rs_engine_stop(running);
	pthread_join(thread, NULL);
	pthread_cond_destroy(&woken);
}
