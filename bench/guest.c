/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* guest.c: the guest's parameters, and what it has counted, through mappings of its memory. */
#include "bench/guest.h"

#include <errno.h>
#include <string.h>

#include "bench/clock.h"
#include "guests/bench.h"
#include "ring/atomics.h"
#include "xen/domain.h"
#include "xen/error.h"
#include "xen/memory.h"
#include "xen/store.h"

#define PAGE 4096
#define AREA_PAGES (GUEST_AREA_SIZE / PAGE)
/* An idle vCPU looks at its parameters after its nap, one that waits for an answer after that. */
#define TAKE_UP_LIMIT_NS (10 * CLOCK_SECOND)
#define BOOT_LIMIT_NS (5 * CLOCK_SECOND)
#define CLOCK_SPAN_NS (CLOCK_SECOND / 20)

static uint64_t *parameter(const struct guest *guest, uint32_t offset)
{
	return (uint64_t *)((char *)guest->mailbox + GUEST_BENCH % PAGE + offset);
}

static uint64_t *word(const struct guest *guest, uint32_t vcpu, uint32_t offset)
{
	return (uint64_t *)(guest->areas + (size_t)vcpu * GUEST_AREA_SIZE + offset);
}

static uint64_t area(const struct guest *guest, uint32_t vcpu, uint32_t offset)
{
	return rs_load_relaxed(word(guest, vcpu, offset));
}

/* A domain that was just built may not have run yet. */
static int wait_for_magic(const struct guest *guest, const char *domain)
{
	uint64_t limit = clock_ns() + BOOT_LIMIT_NS;

	while (rs_load_acquire(parameter(guest, BENCH_MAGIC)) != GUEST_BENCH_MAGIC) {
		if (clock_ns() > limit)
			return rs_fail(ENOEXEC, "domain %s does not run the bench's guest: boot it "
						"from guests/bench.elf", domain);
		clock_sleep(CLOCK_MS);
	}
	return 0;
}

static int map(struct guest *guest)
{
	void *areas;
	int error = rs_xen_memory_map(guest->xen, guest->domain, GUEST_MAILBOX / PAGE, 1, true,
				      &guest->mailbox);

	if (error)
		return error;
	error = rs_xen_memory_map(guest->xen, guest->domain, GUEST_AREAS / PAGE,
				  (size_t)guest->vcpu_count * AREA_PAGES, true, &areas);
	guest->areas = areas;
	return error;
}

int guest_open(struct guest *guest, struct rs_xen *xen, const char *domain)
{
	struct rs_xen_domain info;
	int error;

	*guest = (struct guest){ .xen = xen };
	error = rs_xen_store_find(xen, domain, &guest->domain);
	if (!error)
		error = rs_xen_domain_read(xen, guest->domain, &info);
	if (error)
		return error;
	guest->vcpu_count = info.vcpu_count < GUEST_CPUS ? info.vcpu_count : GUEST_CPUS;
	error = map(guest);
	if (!error)
		error = wait_for_magic(guest, domain);
	if (!error) {
		guest->generation = rs_load_relaxed(parameter(guest, BENCH_GENERATION));
		error = guest_stop(guest);
	}
	if (error)
		guest_close(guest);
	return error;
}

void guest_close(struct guest *guest)
{
	if (guest->areas)
		rs_xen_memory_unmap(guest->xen, guest->areas, guest->vcpu_count * AREA_PAGES);
	if (guest->mailbox)
		rs_xen_memory_unmap(guest->xen, guest->mailbox, 1);
	guest->areas = NULL;
	guest->mailbox = NULL;
}

static int wait_for_all(const struct guest *guest)
{
	uint64_t limit = clock_ns() + TAKE_UP_LIMIT_NS;

	for (uint32_t vcpu = 0; vcpu < guest->vcpu_count; vcpu++)
		while (area(guest, vcpu, AREA_GENERATION) != guest->generation) {
			if (clock_ns() > limit)
				return rs_fail(ETIMEDOUT,
					       "domain %u: vCPU %u does not run: is the domain paused, "
					       "or has an event of it no answer?",
					       guest->domain, vcpu);
			clock_sleep(CLOCK_MS / 10);
		}
	return 0;
}

int guest_start(struct guest *guest, const struct guest_task *task)
{
	rs_store_relaxed(parameter(guest, BENCH_KIND), task->kind);
	rs_store_relaxed(parameter(guest, BENCH_THINK), task->think_ticks);
	rs_store_relaxed(parameter(guest, BENCH_PERIOD), task->period_ticks);
	rs_store_relaxed(parameter(guest, BENCH_LIMIT), task->limit);
	rs_store_relaxed(parameter(guest, BENCH_VCPUS), task->vcpu_count);
	/* Releases the parameters to the guest, which reads the generation first. */
	rs_store_release(parameter(guest, BENCH_GENERATION), ++guest->generation);
	return wait_for_all(guest);
}

int guest_stop(struct guest *guest)
{
	const struct guest_task idle = { .kind = BENCH_IDLE };

	return guest_start(guest, &idle);
}

uint64_t guest_vcpu_events(const struct guest *guest, uint32_t vcpu)
{
	return area(guest, vcpu, AREA_EVENTS);
}

uint64_t guest_events(const struct guest *guest)
{
	uint64_t events = 0;

	for (uint32_t vcpu = 0; vcpu < guest->vcpu_count; vcpu++)
		events += area(guest, vcpu, AREA_EVENTS);
	return events;
}

void guest_look(const struct guest *guest, struct guest_view *view)
{
	*view = (struct guest_view){ 0 };
	for (uint32_t vcpu = 0; vcpu < guest->vcpu_count; vcpu++) {
		uint64_t longest = area(guest, vcpu, AREA_MAX);

		view->events += area(guest, vcpu, AREA_EVENTS);
		view->ticks += area(guest, vcpu, AREA_TICKS);
		if (longest > view->ticks_max)
			view->ticks_max = longest;
		for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++)
			view->histogram.buckets[i] += area(guest, vcpu, AREA_HISTOGRAM + 8 * i);
	}
}

bool guest_done(const struct guest *guest, uint32_t vcpu_count)
{
	for (uint32_t vcpu = 0; vcpu < vcpu_count && vcpu < guest->vcpu_count; vcpu++)
		if (area(guest, vcpu, AREA_DONE) != guest->generation)
			return false;
	return true;
}

/* Both clocks at one moment: the guest's just after it has changed. */
static int read_clocks(const struct guest *guest, uint64_t *ticks, uint64_t *ns)
{
	uint64_t limit = clock_ns() + TAKE_UP_LIMIT_NS, before = area(guest, 0, AREA_NOW);

	do {
		*ns = clock_ns();
		*ticks = area(guest, 0, AREA_NOW);
	} while (*ticks == before && *ns < limit);
	return *ticks == before ? rs_fail(ETIMEDOUT, "domain %u: vCPU 0 does not run",
					  guest->domain) : 0;
}

int guest_measure_clock(struct guest *guest, double *ticks_per_ns)
{
	const struct guest_task task = { .kind = BENCH_CLOCK, .vcpu_count = 1 };
	uint64_t ticks[2], ns[2];
	int error = guest_start(guest, &task);

	if (!error)
		error = read_clocks(guest, &ticks[0], &ns[0]);
	if (error)
		return error;
	clock_sleep(CLOCK_SPAN_NS);
	error = read_clocks(guest, &ticks[1], &ns[1]);
	if (error)
		return error;
	*ticks_per_ns = (double)(ticks[1] - ticks[0]) / (double)(ns[1] - ns[0]);
	return guest_stop(guest);
}
