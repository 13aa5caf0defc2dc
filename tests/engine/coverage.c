/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * coverage.c: breakpoints that go when they are hit, in guests/sums.S, which notices changes of its
 * code.
 *
 *	fakexen --guest sums.elf --report FILE -- tests/engine/coverage SCENARIO
 *
 * coverage.sh runs the scenarios and looks at the model's report.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "altp2m/trap_page.h"
#include "engine/private.h"
#include "guests/map.h"
#include "ring/atomics.h"
#include "tests/engine/bed.h"
#include "tests/engine/scenario.h"
#include "tests/unit/tap.h"
#include "xen/memory.h"

#define FUNCTION(number) (SUMS_CODE + (number) * SUMS_FUNCTION_SIZE)
#define NOT_RAM 0xe0000000
#define UNMAPPED 0x8000000000

static uint8_t map[SUMS_FUNCTIONS];
static uint64_t addresses[SUMS_FUNCTIONS + 2];
static uint32_t calls, last_index;
static struct rs_coverage *coverage;

static void on_hit(const struct rs_event *event, uint32_t index, void *user)
{
	rs_add_relaxed(&calls, 1);
	rs_store_relaxed(&last_index, index);
	if (rs_event_rip(event) != addresses[index])
		tap_ok(false, "hit at %#" PRIx64 ", as number %u", rs_event_rip(event), index);
}

static struct rs_coverage_options wanted = {
	.addresses = addresses, .count = SUMS_FUNCTIONS, .place = RS_PLACE_LINEAR,
	.map = map, .map_size = sizeof(map), .on_hit = on_hit,
};

/* Not in the order in which they lie there. */
static void list_functions(void)
{
	for (uint32_t i = 0; i < SUMS_FUNCTIONS; i++)
		addresses[i] = FUNCTION((i * 7 + 3) % SUMS_FUNCTIONS);
}

static void open_coverage(void)
{
	int error = rs_coverage_open(engine, &wanted, &coverage);

	if (!tap_ok(!error, "opened%s%s", error ? ": " : "", error ? rs_error_text() : ""))
		exit(tap_done());
}

static struct rs_coverage_statistics statistics(void)
{
	struct rs_coverage_statistics found;

	rs_coverage_statistics(coverage, &found);
	return found;
}

static uint64_t sum_of(unsigned int slot)
{
	uint64_t sum = 0;

	for (uint32_t vcpu = 0; vcpu < engine->vcpu_count; vcpu++) {
		uint64_t address = GUEST_SLOTS + vcpu * GUEST_SLOT_SIZE + slot, value = 0;

		rs_xen_memory_read(engine->xen, engine->domain, address >> 12, address & 4095,
				   &value, sizeof(value));
		sum += value;
	}
	return sum;
}

static bool rounds(uint64_t more)
{
	uint64_t end_at = sum_of(SLOT_LOOPS) + more * engine->vcpu_count;
	double end = now() + PATIENCE;

	while (sum_of(SLOT_LOOPS) < end_at && now() < end)
		if (rs_engine_step(engine, 2) < 0)
			return false;
	return sum_of(SLOT_LOOPS) >= end_at;
}

/* Or all of them were hit. */
static bool until_hit(uint32_t left)
{
	double end = now() + PATIENCE;

	while (statistics().armed > left && now() < end)
		if (rs_engine_step(engine, 2) < 0)
			return false;
	return statistics().armed <= left;
}

static bool is_unharmed(void)
{
	return TAP_SAME(sum_of(SLOT_WRONG_SUMS), 0) && TAP_SAME(sum_of(SLOT_WRONG_CALLS), 0) &&
	       TAP_SAME(sum_of(SLOT_WRONG_CODE), 0) && TAP_SAME(sum_of(SLOT_BP), 0) &&
	       TAP_SAME(sum_of(SLOT_UD) + sum_of(SLOT_GP) + sum_of(SLOT_PF) + sum_of(SLOT_DB), 0);
}

static uint64_t breakpoints(void)
{
	struct rs_statistics found;

	rs_engine_statistics(engine, &found);
	return found.events[RS_BREAKPOINT];
}

static uint32_t sum_map(void)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < SUMS_FUNCTIONS; i++)
		sum += map[i];
	return sum;
}

/* All functions, once; then once more. */
static void scenario_once(void)
{
	uint64_t hit[(SUMS_FUNCTIONS + 63) / 64], events;
	uint32_t read = 0;

	list_functions();
	attach();
	open_coverage();
	tap_ok(TAP_SAME(statistics().addresses, SUMS_FUNCTIONS) && TAP_SAME(statistics().pages, 4),
	       "a thousand functions in four pages");
	tap_ok(until_hit(0) && TAP_SAME(statistics().hits, SUMS_FUNCTIONS) &&
		       TAP_SAME(calls, SUMS_FUNCTIONS),
	       "each is hit, once");
	tap_ok(TAP_SAME(sum_map(), SUMS_FUNCTIONS) && !memchr(map, 0, sizeof(map)),
	       "and is in the map, once");
	rs_coverage_read(coverage, hit);
	for (uint32_t i = 0; i < SUMS_FUNCTIONS; i++)
		read += hit[i / 64] >> i % 64 & 1;
	tap_ok(TAP_SAME(read, SUMS_FUNCTIONS), "and can be read");
	rounds(1);
	events = breakpoints();
	tap_ok(rounds(5) && TAP_SAME(breakpoints(), events), "nothing is left to pay for");
	tap_ok(TAP_SAME(rs_coverage_rearm(coverage), SUMS_FUNCTIONS) && until_hit(0) &&
		       TAP_SAME(sum_map(), 2 * SUMS_FUNCTIONS),
	       "armed again: each is hit once more");
	/* Of several vCPUs each may have hit it before the first one's event is handled. */
	tap_ok(breakpoints() <= 2 * SUMS_FUNCTIONS * engine->vcpu_count, "with an event each: %" PRIu64,
	       breakpoints());
	tap_ok(is_unharmed(), "the guest has noticed nothing");
	rs_coverage_close(coverage);
	tap_ok(rounds(2) && is_unharmed() && all_answered(), "closed, every request answered");
	detach("coverage");
}

static struct rs_reply count_hit(const struct rs_event *event, void *user)
{
	rs_add_relaxed((uint32_t *)user, 1);
	return RS_CONTINUE;
}

/* Beside a watch of the same address; of another address space; and what cannot be placed. */
static void scenario_beside(void)
{
	struct rs_coverage *second;
	struct rs_watch *other;
	uint32_t hits = 0;

	list_functions();
	addresses[SUMS_FUNCTIONS] = UNMAPPED;
	addresses[SUMS_FUNCTIONS + 1] = FUNCTION(0);
	wanted.count = SUMS_FUNCTIONS + 2;
	attach();
	other = watch((struct rs_watch_options){
		.kind = RS_BREAKPOINT, .handler = count_hit, .user = &hits,
		.breakpoint = { FUNCTION(0), RS_PLACE_PHYSICAL } });
	open_coverage();
	tap_ok(TAP_SAME(statistics().addresses, SUMS_FUNCTIONS) && TAP_SAME(statistics().missing, 1),
	       "what is not mapped is counted, what is named twice is not");
	tap_ok(rs_coverage_open(engine, &wanted, &second) == -EBUSY && !second, "a second one: %s",
	       rs_error_text());
	tap_ok(until_hit(0), "all are hit");
	hits = 0;
	tap_ok(rounds(5) && hits >= 4, "the watch goes on: %u", hits);
	rs_unwatch(other);
	rs_coverage_rearm(coverage);
	hits = 0;
	tap_ok(until_hit(0) && TAP_SAME(hits, 0), "without it they are hit all the same");
	rs_coverage_close(coverage);
	wanted.count = SUMS_FUNCTIONS;
	wanted.cr3 = GUEST_ROOT_B; /* where this guest never is */
	open_coverage();
	tap_ok(rounds(2) && TAP_SAME(statistics().hits, 0) &&
		       TAP_SAME(statistics().armed, SUMS_FUNCTIONS),
	       "of another address space: none");
	rs_coverage_close(coverage);
	wanted.cr3 = 0;
	tap_ok(rounds(2) && is_unharmed() && all_answered(), "the guest has noticed nothing");
	detach("coverage");
}

static void refused(const struct rs_coverage_options *asked, int error, const char *what)
{
	int result = rs_coverage_open(engine, asked, &coverage);

	tap_ok(TAP_SAME(-result, error) && !coverage, "%s: %s", what, rs_error_text());
}

static void scenario_refused(void)
{
	struct rs_coverage_options wrong = wanted;

	attach();
	wrong.count = 0;
	refused(&wrong, EINVAL, "no addresses");
	wrong.count = 1;
	wrong.place = RS_PLACE_NOWHERE;
	refused(&wrong, EINVAL, "no place");
	wrong.place = RS_PLACE_LINEAR;
	wrong.map_size = 0;
	refused(&wrong, EINVAL, "a map without a size");
	wrong.map = NULL;
	addresses[0] = UNMAPPED;
	refused(&wrong, EFAULT, "nothing mapped there");
	wrong.place = RS_PLACE_PHYSICAL;
	addresses[0] = NOT_RAM;
	refused(&wrong, EFAULT, "no RAM");
	tap_ok(rounds(2) && is_unharmed(), "the guest runs on");
	detach("coverage");
}

/* In workers, on several vCPUs, armed again and again; and detached from in the middle. */
static void scenario_fire(void)
{
	pthread_t thread;
	double end;

	list_functions();
	options.workers = 3;
	for (unsigned int i = 0; i < 4; i++) {
		attach();
		open_coverage();
		thread = start();
		end = now() + 0.3;
		while (now() < end) {
			rs_coverage_rearm(coverage);
			sleep_us(2000);
		}
		if (i % 2)
			rs_coverage_close(coverage);
		tap_ok(stop(thread) && all_answered(), "armed again all the time: %u hits", calls);
		detach("coverage");
	}
	options.workers = 1;
	attach();
	tap_ok(rounds(2) && is_unharmed(), "the guest has noticed nothing");
	detach("coverage");
}

/* -- a hundred thousand -- */

#define PAGES 2000
#define A_PAGE 50
#define BASE 0x1000000ULL /* RAM that the guest does not use */

static double processor_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* As if the guest had executed them. */
static uint32_t hit_all(void)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < RS_TRAP_BUCKETS; i++)
		for (struct rs_trap_page *page = engine->traps.buckets[i]; page; page = page->next)
			for (uint32_t k = 0; k < RS_TRAP_PAGE_BYTES; k++)
				if (page->once[k / 64] >> k % 64 & 1)
					count += rs_traps_take(&engine->traps, page, k);
	return count;
}

static void scenario_many(void)
{
	uint64_t *many = malloc(PAGES * A_PAGE * sizeof(*many));
	double least = 1e9, begin;
	bool good = many;

	for (uint64_t i = 0; many && i < PAGES * A_PAGE; i++)
		many[i] = BASE + i % PAGES * 4096 + i / PAGES * 80 + i % 3;
	wanted.addresses = many;
	wanted.count = PAGES * A_PAGE;
	wanted.place = RS_PLACE_PHYSICAL;
	attach();
	begin = now();
	open_coverage();
	printf("# placed in %.2f s\n", now() - begin);
	tap_ok(TAP_SAME(statistics().armed, PAGES * A_PAGE) && TAP_SAME(statistics().pages, PAGES),
	       "a hundred thousand in two thousand pages");
	for (unsigned int i = 0; i < 5; i++) {
		good &= TAP_SAME(hit_all(), PAGES * A_PAGE);
		begin = processor_ms();
		good &= TAP_SAME(rs_coverage_rearm(coverage), PAGES * A_PAGE);
		begin = processor_ms() - begin;
		least = begin < least ? begin : least;
	}
	tap_ok(good && least < 10, "armed again in %.2f ms", least);
	rs_coverage_close(coverage);
	detach("coverage");
	free(many);
}

static const struct scenario scenarios[] = {
	{ "once", scenario_once },
	{ "beside", scenario_beside },
	{ "refused", scenario_refused },
	{ "fire", scenario_fire },
	{ "many", scenario_many },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	options.workers = 1;
	return scenario_run(scenarios, argc, argv);
}
