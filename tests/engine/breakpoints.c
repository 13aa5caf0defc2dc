/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * breakpoints.c: breakpoints that the engine places, in guests/sums.S, which notices changes of its
 * code.
 *
 *	fakexen --vcpus 2 --guest sums.elf --report FILE -- tests/engine/breakpoints SCENARIO
 *
 * breakpoints.sh runs the scenarios and looks at the model's report.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/private.h"
#include "guests/map.h"
#include "ring/atomics.h"
#include "tests/engine/bed.h"
#include "tests/engine/scenario.h"
#include "tests/unit/tap.h"
#include "xen/domain.h"

#define KINDS 5 /* of functions, by turns */
#define FUNCTION(number) (SUMS_CODE + (number) * SUMS_FUNCTION_SIZE)

/* By function: hits, and of those at another RIP. */
static uint32_t hits[SUMS_FUNCTIONS], strays;
static struct rs_watch *watches[SUMS_FUNCTIONS];

static struct rs_reply count_hit(const struct rs_event *event, void *user)
{
	uintptr_t number = (uintptr_t)user;

	rs_add_relaxed(&hits[number], 1);
	if (rs_event_rip(event) != FUNCTION(number))
		rs_add_relaxed(&strays, 1);
	return RS_CONTINUE;
}

/* Of a watch of all breakpoints, which are to be the guest's own. */
static struct rs_reply count_stray(const struct rs_event *event, void *user)
{
	rs_add_relaxed(&strays, 1);
	return RS_CONTINUE;
}

static void place(uintptr_t number)
{
	watches[number] = watch((struct rs_watch_options){
		.kind = RS_BREAKPOINT, .handler = count_hit, .user = (void *)number,
		.breakpoint = { FUNCTION(number), RS_PLACE_LINEAR } });
}

/* Looked at once an event: without a hypercall. */
static uint64_t word_of(uint32_t vcpu, unsigned int slot)
{
	uint64_t address = GUEST_SLOTS + vcpu * GUEST_SLOT_SIZE + slot, value = 0;

	if (rs_guest_read(rs_engine_guest(engine), address, &value, sizeof(value), NULL))
		tap_ok(false, "the guest's slot is read: %s", rs_error_text());
	return value;
}

static uint64_t sum_of(unsigned int slot)
{
	uint64_t sum = 0;

	for (uint32_t vcpu = 0; vcpu < engine->vcpu_count; vcpu++)
		sum += word_of(vcpu, slot);
	return sum;
}

/* Each vCPU does so many rounds more. */
static bool rounds(uint64_t wanted)
{
	uint64_t before[VCPUS_MAX];
	double end = now() + PATIENCE;
	bool all = false;

	for (uint32_t vcpu = 0; vcpu < engine->vcpu_count; vcpu++)
		before[vcpu] = word_of(vcpu, SLOT_LOOPS);
	while (!all && now() < end) {
		if (rs_engine_step(engine, 2) < 0)
			return false;
		all = true;
		for (uint32_t vcpu = 0; vcpu < engine->vcpu_count; vcpu++)
			all &= word_of(vcpu, SLOT_LOOPS) >= before[vcpu] + wanted;
	}
	return all;
}

/* The guest has noticed nothing. */
static bool is_unharmed(void)
{
	return TAP_SAME(sum_of(SLOT_WRONG_SUMS), 0) && TAP_SAME(sum_of(SLOT_WRONG_CALLS), 0) &&
	       TAP_SAME(sum_of(SLOT_WRONG_CODE), 0) && TAP_SAME(sum_of(SLOT_BP), 0) &&
	       TAP_SAME(sum_of(SLOT_UD) + sum_of(SLOT_GP) + sum_of(SLOT_PF) + sum_of(SLOT_DB), 0);
}

static uint64_t events_of(enum rs_kind kind)
{
	struct rs_statistics statistics;

	rs_engine_statistics(engine, &statistics);
	return statistics.events[kind];
}

/*
 * One of each of the kinds of functions, hit once a round, and so is a string instruction. The
 * first round of those that are counted may be past them already.
 */
static void scenario_few(void)
{
	uint64_t before, steps, passes;
	bool same = true;

	attach();
	watch((struct rs_watch_options){ .kind = RS_BREAKPOINT, .handler = count_stray });
	tap_ok(rounds(1), "the guest runs");
	for (uintptr_t i = 0; i < KINDS; i++)
		place(i);
	tap_ok(rounds(20), "it runs on with a breakpoint on each kind of function");
	before = events_of(RS_BREAKPOINT);
	steps = events_of(RS_SINGLESTEP);
	memset(hits, 0, sizeof(hits));
	tap_ok(rounds(30), "thirty rounds");
	for (unsigned int i = 0; i < KINDS; i++)
		same &= hits[i] >= 29 * engine->vcpu_count &&
			hits[i] <= hits[0] + engine->vcpu_count &&
			hits[i] + engine->vcpu_count >= hits[0];
	tap_ok(same, "each is hit once a pass: %u %u %u %u %u", hits[0], hits[1], hits[2], hits[3],
	       hits[4]);
	/* Of the string instruction one for each of its three iterations. */
	before = events_of(RS_BREAKPOINT) - before;
	passes = hits[0] + hits[1] + hits[2] + hits[3] + 3 * hits[4];
	tap_ok(before + 2 * engine->vcpu_count >= passes &&
		       before <= passes + 2 * engine->vcpu_count,
	       "with one event");
	/* vCPU 0 alone writes; nothing of it is stepped but that. */
	tap_ok(TAP_SAME(strays, 0) && TAP_SAME(events_of(RS_SINGLESTEP), steps),
	       "and no second one");
	for (unsigned int i = 0; i < KINDS; i++)
		rs_unwatch(watches[i]);
	memset(hits, 0, sizeof(hits));
	tap_ok(rounds(5) && TAP_SAME(hits[0] + hits[1] + hits[2] + hits[3] + hits[4], 0),
	       "removed, none is hit");
	tap_ok(is_unharmed(), "the guest has noticed nothing");
	tap_ok(all_answered(), "every request answered");
	detach("breakpoints");
}

/* The function that the guest writes all the time. */
static void scenario_written(void)
{
	struct rs_watch_options wanted = {
		.kind = RS_BREAKPOINT, .handler = count_hit, .user = (void *)0,
		.breakpoint = { SUMS_WRITTEN, RS_PLACE_PHYSICAL } };
	bool good;

	attach();
	rounds(1);
	watch(wanted);
	good = rounds(50);
	tap_ok(good && hits[0] >= 49,
	       "a breakpoint on code that is written in each round: %u hits", hits[0]);
	tap_ok(TAP_SAME(sum_of(SLOT_WRONG_CODE), 0), "what was written was executed each time");
	tap_ok(is_unharmed() && all_answered(), "the guest has noticed nothing");
	detach("breakpoints");
}

/* What dom0 writes raises no event. */
static void scenario_refresh(void)
{
	struct rs_watch *made;
	uint64_t word = 0x1122334455667788;
	uint32_t changed;
	bool good;

	attach();
	rounds(1);
	made = watch((struct rs_watch_options){
		.kind = RS_BREAKPOINT, .handler = count_hit,
		.breakpoint = { SUMS_WRITTEN, RS_PLACE_PHYSICAL } });
	good = rounds(2) && !rs_xen_domain_pause(engine->xen, engine->domain);
	rs_breakpoint_refresh(made);
	good &= !rs_guest_write(rs_engine_guest(engine), GUEST_DATA_PAGE + 0xf00, &word, sizeof(word),
				NULL);
	changed = rs_breakpoint_refresh(made);
	tap_ok(good && TAP_SAME(changed, sizeof(word)) && TAP_SAME(rs_breakpoint_refresh(made), 0),
	       "what dom0 wrote is copied, once");
	rs_xen_domain_unpause(engine->xen, engine->domain);
	tap_ok(rounds(2) && is_unharmed(), "the guest has noticed nothing");
	detach("breakpoints");
}

/* All thousand, come, hit and gone, while workers handle them. */
static void scenario_thousand(void)
{
	uint64_t least = UINT64_MAX;
	double begin;
	pthread_t thread;

	options.workers = 3;
	attach();
	thread = start();
	begin = now();
	for (uintptr_t i = 0; i < SUMS_FUNCTIONS; i++)
		place(i);
	printf("# placed in %.2f s\n", now() - begin);
	for (unsigned int round = 0; round < 3; round++)
		for (uintptr_t i = round; i < SUMS_FUNCTIONS; i += 7) {
			rs_unwatch(watches[i]);
			place(i);
		}
	for (double end = now() + PATIENCE; now() < end;) {
		least = UINT64_MAX;
		for (unsigned int i = 0; i < SUMS_FUNCTIONS; i++)
			if (rs_load_relaxed(&hits[i]) < least)
				least = rs_load_relaxed(&hits[i]);
		if (least >= 2)
			break;
		sleep_us(1000);
	}
	tap_ok(least >= 2, "a thousand breakpoints, each hit twice at least");
	for (uintptr_t i = 0; i < SUMS_FUNCTIONS; i++)
		rs_unwatch(watches[i]);
	tap_ok(TAP_SAME(strays, 0), "none at another place");
	tap_ok(stop(thread), "stopped");
	tap_ok(rounds(2) && is_unharmed(), "no sum, no call and no write of the guest's was wrong");
	tap_ok(all_answered(), "every request answered");
	detach("breakpoints");
}

/* Without views: the guest sees the INT3s, but executes the right thing. */
static void scenario_visible(void)
{
	bool good;

	attach();
	rounds(1);
	for (uintptr_t i = 0; i < 8; i++)
		place(i);
	good = rounds(20);
	tap_ok(good && hits[0] >= 19 && hits[1] >= 19 && hits[7] >= 19,
	       "eight visible breakpoints: %u hits of the first", hits[0]);
	tap_ok(sum_of(SLOT_WRONG_SUMS) > 0, "they are visible");
	tap_ok(TAP_SAME(sum_of(SLOT_WRONG_CALLS), 0) && TAP_SAME(sum_of(SLOT_BP), 0) &&
		       TAP_SAME(strays, 0),
	       "but the guest's calls are right");
	for (unsigned int i = 0; i < 4; i++)
		rs_unwatch(watches[i]);
	tap_ok(rounds(5) && all_answered(), "half of them removed");
	detach("breakpoints");
}

static uint64_t max_pages(void)
{
	uint64_t pages = 0;

	rs_xen_domain_max_pages(engine->xen, engine->domain, &pages);
	return pages;
}

/* As a program sees it that comes meanwhile. */
static uint64_t address_max(void)
{
	struct rs_guest *guest;
	uint64_t address = 0;

	if (!rs_guest_open(&guest, "guest1", NULL)) {
		address = rs_guest_address_max(guest);
		rs_guest_close(guest);
	}
	return address;
}

/* Xen's own, which does not go down. */
static uint64_t max_gfn(void)
{
	uint64_t gfn = 0;

	rs_xen_domain_max_gfn(engine->xen, engine->domain, &gfn);
	return gfn;
}

/* Detached at any moment, with breakpoints in place and vCPUs on them. */
static void scenario_fire(void)
{
	uint64_t before, after, end, top = 0;
	bool good = true;

	attach();
	rounds(1);
	before = max_pages();
	end = address_max();
	detach("breakpoints");
	for (unsigned int i = 0; i < 30 && good; i++) {
		attach();
		for (uintptr_t k = i; k < SUMS_FUNCTIONS; k += 31)
			place(k);
		watch((struct rs_watch_options){
			.kind = RS_BREAKPOINT, .handler = count_hit,
			.breakpoint = { SUMS_WRITTEN, RS_PLACE_PHYSICAL } });
		for (unsigned int k = 0; k < i * 5; k++)
			good &= rs_engine_step(engine, 1) >= 0;
		good &= TAP_SAME(address_max(), end);
		top = top ? top : max_gfn();
		good &= TAP_SAME(max_gfn(), top);
		good &= !rs_engine_detach(engine);
	}
	tap_ok(good && top > end / 4096, "30 times attached, placed, hit and detached, with pages in the "
					 "same place");
	strays = 0;
	attach();
	after = max_pages();
	tap_ok(rounds(5) && is_unharmed(), "the guest has noticed nothing");
	tap_ok(TAP_SAME(after, before) && TAP_SAME(address_max(), end),
	       "the domain may have as many pages as before, and ends where it ended");
	detach("breakpoints");
}

static struct rs_reply give_back(const struct rs_event *event, void *user)
{
	rs_add_relaxed(&hits[0], 1);
	return RS_GIVE_BACK;
}

static struct rs_reply change(const struct rs_event *event, void *user)
{
	rs_add_relaxed(&hits[1], 1);
	rs_answer_registers(event)->rdx = 1;
	return rs_reply_with_registers(RS_CONTINUE);
}

static struct rs_reply remove_itself(const struct rs_event *event, void *user)
{
	rs_add_relaxed(&hits[2], 1);
	rs_unwatch(watches[2]);
	watches[2] = NULL;
	return RS_CONTINUE;
}

static struct rs_watch *place_with(uintptr_t number, rs_handler handler, uint64_t cr3)
{
	return watch((struct rs_watch_options){
		.kind = RS_BREAKPOINT, .handler = handler, .cr3 = cr3,
		.breakpoint = { FUNCTION(number), RS_PLACE_LINEAR } });
}

static void scenario_replies(void)
{
	struct rs_watch *given;
	uint64_t bp;

	attach();
	rounds(1);
	bp = sum_of(SLOT_BP);
	given = place_with(0, give_back, 0);
	rounds(5);
	rs_unwatch(given);
	rounds(1);
	bp = sum_of(SLOT_BP) - bp;
	/* A vCPU's first one comes again, if its stack is new to the view. */
	tap_ok(hits[0] >= 4 && bp <= hits[0] && bp + engine->vcpu_count >= hits[0],
	       "given back: %u hits, the guest's handler got %" PRIu64, hits[0], bp);
	place_with(1, change, 0);
	watches[2] = place_with(2, remove_itself, 0);
	place_with(3, count_hit, GUEST_ROOT_B);
	rounds(5);
	tap_ok(hits[1] >= 4, "registers set, and the instruction executed: %u", hits[1]);
	tap_ok(hits[2] == 1, "removed by its own handler: %u", hits[2]);
	tap_ok(TAP_SAME(strays, 0) && TAP_SAME(hits[3], 0), "another address space's: none");
	detach("breakpoints");
}

static void scenario_refused(void)
{
	struct rs_watch_options wanted = { .kind = RS_BREAKPOINT };
	struct rs_watch *made;

	attach();
	rounds(1);
	wanted.breakpoint.place = (enum rs_place)3;
	tap_ok(rs_watch(engine, &wanted, &made) == -EINVAL, "no such place: %s", rs_error_text());
	wanted.breakpoint.place = RS_PLACE_LINEAR;
	wanted.breakpoint.address = 0xffff800000000000;
	tap_ok(rs_watch(engine, &wanted, &made) == -EFAULT, "nothing mapped: %s", rs_error_text());
	wanted.breakpoint.place = RS_PLACE_PHYSICAL;
	wanted.breakpoint.address = 0xe0000000;
	tap_ok(rs_watch(engine, &wanted, &made) < 0, "no RAM: %s", rs_error_text());
	tap_ok(rounds(2) && is_unharmed(), "the guest runs on");
	detach("breakpoints");
}

/* In the immediate of `add rax, 1`: no instruction begins there, so none is caught. */
static void scenario_middle(void)
{
	struct rs_watch *made;
	uint64_t wrong;

	attach();
	rounds(1);
	made = watch((struct rs_watch_options){
		.kind = RS_BREAKPOINT, .handler = count_hit,
		.breakpoint = { FUNCTION(0) + 3, RS_PLACE_LINEAR } });
	tap_ok(rounds(5) && TAP_SAME(hits[0], 0) && sum_of(SLOT_WRONG_CALLS) > 0,
	       "in the middle of an instruction it is not hit: another one is executed");
	tap_ok(TAP_SAME(sum_of(SLOT_WRONG_SUMS), 0) && TAP_SAME(sum_of(SLOT_BP), 0),
	       "and it is as hidden as others");
	rs_unwatch(made);
	rounds(1);
	wrong = sum_of(SLOT_WRONG_CALLS);
	tap_ok(rounds(5) && TAP_SAME(sum_of(SLOT_WRONG_CALLS), wrong) && all_answered(),
	       "removed, the guest's own is executed again");
	detach("breakpoints");
}

/* Hit, and removed before anybody has looked: a watch of the guest's own INT3s does not hear of it. */
static void scenario_stale(void)
{
	uint64_t unseen = 0;
	bool runs = true;

	attach();
	rounds(1);
	watch((struct rs_watch_options){ .kind = RS_BREAKPOINT, .handler = count_stray });
	for (unsigned int i = 0; i < 20; i++) {
		place(i % KINDS);
		runs &= rounds(1);
		sleep_us(2000);
		unseen -= events_of(RS_BREAKPOINT);
		rs_unwatch(watches[i % KINDS]);
		runs &= rounds(2);
		unseen += events_of(RS_BREAKPOINT);
	}
	tap_ok(runs, "the guest runs on");
	tap_ok(unseen, "%" PRIu64 " were hit that had gone when somebody looked", unseen);
	tap_ok(TAP_SAME(strays, 0), "nobody else has seen one");
	tap_ok(is_unharmed() && all_answered(), "the guest has noticed nothing");
	detach("breakpoints");
}

#define PAGE_DIRECTORY (GUEST_ROOT_A + 0x3000)
#define SPARE 0x240000 /* two pages that the guest does not use */
#define COPY (SPARE + 0x1000)
#define PRESENT 0x63 /* writable, accessed, dirty */

/* The first 2 MiB by pages of 4 KiB, the first of the functions' being a copy. */
static bool remap(uint64_t *before)
{
	struct rs_guest *guest = rs_engine_guest(engine);
	uint64_t table[512], directory = SPARE | PRESENT;
	uint8_t page[4096];

	for (unsigned int i = 0; i < 512; i++)
		table[i] = i * sizeof(page) | PRESENT;
	table[SUMS_CODE / sizeof(page)] = COPY | PRESENT;
	return !rs_guest_read(guest, SUMS_CODE, page, sizeof(page), NULL) &&
	       !rs_guest_write(guest, COPY, page, sizeof(page), NULL) &&
	       !rs_guest_write(guest, SPARE, table, sizeof(table), NULL) &&
	       !rs_guest_read(guest, PAGE_DIRECTORY, before, sizeof(*before), NULL) &&
	       !rs_guest_write(guest, PAGE_DIRECTORY, &directory, sizeof(directory), NULL);
}

#define ON_NEXT_PAGE 300

static struct rs_reply let_pass(const struct rs_event *event, void *user)
{
	return RS_CONTINUE;
}

/*
 * The guest maps other memory where a breakpoint is: that stays with the old. Each time a page gets
 * its first breakpoint the vCPUs look at their page tables anew.
 */
static void scenario_remapped(void)
{
	uint64_t before;
	uint32_t old;
	bool good;

	attach();
	rounds(1);
	place(0);
	good = rounds(3) && hits[0] >= 2 && !rs_xen_domain_pause(engine->xen, engine->domain);
	tap_ok(good && remap(&before), "a breakpoint, and other memory where it is");
	place(KINDS);
	rs_xen_domain_unpause(engine->xen, engine->domain);
	rounds(1);
	old = hits[0];
	hits[KINDS] = 0;
	tap_ok(rounds(5) && TAP_SAME(hits[0], old), "it is not hit where that is");
	tap_ok(hits[KINDS] >= 4, "one that is placed now is: %u", hits[KINDS]);
	good = !rs_guest_write(rs_engine_guest(engine), PAGE_DIRECTORY, &before, sizeof(before), NULL);
	rs_unwatch(watches[KINDS]);
	place_with(ON_NEXT_PAGE, let_pass, 0);
	tap_ok(good && rounds(5) && hits[0] > old, "with the old memory back it is: %u",
	       hits[0] - old);
	tap_ok(is_unharmed() && TAP_SAME(strays, 0) && all_answered(), "the guest has noticed nothing");
	detach("breakpoints");
}

static struct rs_reply count_fault(const struct rs_event *event, void *user)
{
	rs_add_relaxed(&hits[KINDS], 1);
	return RS_CONTINUE;
}

/* A page that is read, written and executed, and breakpoints of each kind, each way. */
static void try_way(enum rs_way way, const char *name)
{
	uint64_t steps;

	attach();
	rounds(1);
	memset(hits, 0, sizeof(hits));
	watch((struct rs_watch_options){
		.kind = RS_PAGE, .handler = count_fault, .way = way,
		.page = { .first_gfn = GUEST_DATA_PAGE >> 12, .access = 0 } });
	for (uintptr_t i = 0; i < KINDS; i++)
		watch((struct rs_watch_options){
			.kind = RS_BREAKPOINT, .handler = count_hit, .user = (void *)i, .way = way,
			.breakpoint = { FUNCTION(i), RS_PLACE_PHYSICAL } });
	steps = events_of(RS_SINGLESTEP);
	tap_ok(rounds(10) && hits[KINDS] >= 9 && hits[0] >= 9 && hits[4] >= 9,
	       "%s: ten rounds", name);
	steps = events_of(RS_SINGLESTEP) - steps;
	tap_ok(way == RS_WAY_STEP ? steps >= 10 : steps == 0, "%s: %" PRIu64 " steps reported",
	       name, steps);
	tap_ok(is_unharmed() && TAP_SAME(strays, 0) && all_answered(), "%s: nothing is noticed",
	       name);
	detach("breakpoints");
}

static void scenario_ways(void)
{
	try_way(RS_WAY_AUTO, "automatic");
	try_way(RS_WAY_EMULATE, "emulate");
	try_way(RS_WAY_FAST_STEP, "fast step");
	try_way(RS_WAY_STEP, "step");
}

static const struct scenario scenarios[] = {
	{ "ways", scenario_ways },
	{ "few", scenario_few },
	{ "written", scenario_written },
	{ "refresh", scenario_refresh },
	{ "thousand", scenario_thousand },
	{ "visible", scenario_visible },
	{ "fire", scenario_fire },
	{ "replies", scenario_replies },
	{ "refused", scenario_refused },
	{ "middle", scenario_middle },
	{ "stale", scenario_stale },
	{ "remapped", scenario_remapped },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	options.workers = 1;
	return scenario_run(scenarios, argc, argv);
}
