/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ping.c: a word between two threads. */
#define _GNU_SOURCE 1
#include "bench/ping.h"

#include <pthread.h>
#include <sched.h>

#include "bench/clock.h"
#include "bench/histogram.h"
#include "bench/plan.h"
#include "ring/atomics.h"

#define SPAN_NS (10 * CLOCK_MS)
#define GAP_NS 20000 /* what no cache miss takes */
#define LOST_MOST 0.05
#define SLOWER_MOST 2

struct court {
	uint32_t word __attribute__((aligned(64)));
	uint32_t end __attribute__((aligned(64)));
	int cpu;
};

static void pin(int cpu)
{
	cpu_set_t set;

	if (cpu == NO_CPU)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static void *play(void *argument)
{
	struct court *court = argument;

	pin(court->cpu);
	while (!rs_load_relaxed(&court->end)) {
		uint32_t word = rs_load_acquire(&court->word);

		if (word & 1)
			rs_store_release(&court->word, word + 1);
		else
			rs_cpu_relax();
	}
	return NULL;
}

/* The server: odd words go out, even ones come back. */
static void serve(struct court *court, struct histogram *times, struct ping *ping)
{
	uint64_t begin = clock_ns(), before = begin, now, gaps = 0;
	uint32_t word = 0;

	do {
		rs_store_release(&court->word, ++word);
		word++;
		do {
			rs_cpu_relax();
			now = clock_ns();
		} while (rs_load_acquire(&court->word) != word && now - begin < 10 * SPAN_NS);
		times->buckets[histogram_bucket(now - before)]++;
		if (now - before > GAP_NS)
			gaps += now - before;
		before = now;
	} while (now - begin < SPAN_NS);
	ping->lost = (double)gaps / (double)(now - begin);
}

struct server {
	struct court *court;
	struct histogram times;
	struct ping *ping;
	int cpu;
};

static void *serve_thread(void *argument)
{
	struct server *server = argument;

	pin(server->cpu);
	serve(server->court, &server->times, server->ping);
	return NULL;
}

void ping_measure(int cpu, int other_cpu, struct ping *ping)
{
	struct court court = { .cpu = other_cpu };
	static struct server server;
	pthread_t here, there;

	*ping = (struct ping){ .lost = 1 };
	server = (struct server){ .court = &court, .ping = ping, .cpu = cpu };
	if (pthread_create(&there, NULL, play, &court))
		return;
	if (!pthread_create(&here, NULL, serve_thread, &server))
		pthread_join(here, NULL);
	rs_store_relaxed(&court.end, 1);
	pthread_join(there, NULL);
	ping->p50_ns = histogram_quantile(&server.times, 0.5);
	ping->p99_ns = histogram_quantile(&server.times, 0.99);
}

bool ping_is_disturbed(const struct ping *ping)
{
	static uint64_t best = UINT64_MAX;

	if (ping->p50_ns && ping->p50_ns < best)
		best = ping->p50_ns;
	return ping->lost > LOST_MOST || ping->p50_ns > SLOWER_MOST * best;
}
