/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * set.c: many domains served by some threads.
 *
 *	fakexen --domains 8 --threads 2 --report FILE -- tests/engine/set [DOMAINS [THREADS]]
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <ringside/ringside.h>

#include "ring/atomics.h"
#include "tests/unit/tap.h"

#define DOMAINS_MAX 64
#define THREADS_MAX 8

static struct rs_engine *engines[DOMAINS_MAX];
static uint32_t events[DOMAINS_MAX], inside[DOMAINS_MAX], overlaps;
static unsigned int domains = 8, threads = 2;
static struct rs_set *set;
static int results[THREADS_MAX];

static void sleep_us(unsigned int us)
{
	nanosleep(&(struct timespec){ .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 },
		  NULL);
}

static struct rs_reply on_event(const struct rs_event *event, void *user)
{
	uintptr_t domain = (uintptr_t)user;

	if (rs_exchange_acquire(&inside[domain], 1))
		rs_add_relaxed(&overlaps, 1);
	rs_add_relaxed(&events[domain], 1);
	rs_store_release(&inside[domain], 0);
	return RS_CONTINUE;
}

static bool watch(unsigned int domain, enum rs_kind kind)
{
	struct rs_watch_options options = { .kind = kind, .handler = on_event,
					    .user = (void *)(uintptr_t)domain };

	if (kind == RS_CR)
		options.cr.which = RS_CR3;
	return !rs_watch(engines[domain], &options, NULL);
}

static bool attach_all(void)
{
	bool good = true;

	for (unsigned int i = 0; i < domains && good; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%u", i + 1);
		good &= !rs_engine_attach(&engines[i], name,
					  &(struct rs_engine_options){ .workers = 1 });
		good = good && !rs_set_add(set, engines[i]);
	}
	if (!good)
		printf("# %s\n", rs_error_text());
	return good;
}

static void *serve(void *number)
{
	results[(uintptr_t)number] = rs_set_run(set);
	return NULL;
}

static bool wait_for_all(uint32_t count)
{
	for (int i = 0; i < 20000; i++) {
		uint32_t least = UINT32_MAX;

		for (unsigned int domain = 0; domain < domains; domain++) {
			uint32_t seen = rs_load_relaxed(&events[domain]);

			least = seen < least ? seen : least;
		}
		if (least >= count)
			return true;
		sleep_us(1000);
	}
	return false;
}

int main(int argc, char **argv)
{
	pthread_t servers[THREADS_MAX];
	bool good = true;

	domains = argc > 1 ? (unsigned int)atoi(argv[1]) : domains;
	threads = argc > 2 ? (unsigned int)atoi(argv[2]) : threads;
	if (domains > DOMAINS_MAX || threads > THREADS_MAX || rs_set_open(&set, NULL, NULL))
		return 2;
	tap_ok(attach_all(), "%u domains in one set", domains);
	tap_ok(rs_set_add(set, engines[0]) == -EEXIST, "each once");
	for (uintptr_t i = 0; i < threads; i++)
		pthread_create(&servers[i], NULL, serve, (void *)i);
	for (unsigned int i = 0; i < domains; i++)
		good &= watch(i, RS_CR);
	/* The first one is noisier than the others. */
	good &= watch(0, RS_CPUID) && watch(0, RS_DESCRIPTOR) &&
		watch(0, RS_GUEST_REQUEST);
	tap_ok(good && wait_for_all(100), "100 events of each, with %u threads", threads);
	tap_ok(TAP_SAME(overlaps, 0), "a domain's come one at a time");
	good = !rs_set_remove(set, engines[0]) && rs_set_remove(set, engines[0]) == -ENOENT &&
	       !rs_engine_detach(engines[0]);
	tap_ok(good, "one leaves while the others are served");
	events[0] = UINT32_MAX;
	for (unsigned int i = 1; i < domains; i++)
		rs_store_relaxed(&events[i], 0);
	tap_ok(wait_for_all(50), "and they are served on");
	rs_set_stop(set);
	for (unsigned int i = 0; i < threads; i++) {
		pthread_join(servers[i], NULL);
		good &= TAP_SAME(results[i], 0);
	}
	tap_ok(good, "all threads stop");
	for (unsigned int i = 1; i < domains; i++)
		good &= !rs_engine_detach(engines[i]);
	rs_set_close(set);
	tap_ok(good, "detached");
	return tap_done();
}
