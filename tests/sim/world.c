/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* world.c: machines, each with one guest, of which a run has one; and what has to be as it was. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/record.h"
#include "fakexen/cpu/cpu.h"
#include "fakexen/hypercall.h"
#include "fakexen/model.h"
#include "fakexen/p2m.h"
#include "fakexen/vcpu.h"
#include "fakexen/vm_event.h"
#include "guests/map.h"
#include "journal/journal.h"
#include "tests/sim/sim.h"

#define SLOT 1
#define MEMORY_MIB 3
#define FRAMES 1536
#define WARM_ROUNDS 2
#define WAIT_MAX_NS 450000000 /* an engine whose wake-ups are lost looks every 500 ms */
#define WARM_STEPS 100000

struct machine {
	struct fx_model *model;
	struct fx_runner *runners[SIM_VCPUS_MAX];
	enum fx_ran ran[SIM_VCPUS_MAX];
	uint64_t deadlines[SIM_VCPUS_MAX];
	bool woken[SIM_VCPUS_MAX];
	/* As it was at first. */
	uint64_t max_pages, total_pages, pool_bytes, mishaps;
};

static const uint32_t vcpu_counts[] = { 2, 1, 4, 10 };
#define MACHINES (sizeof(vcpu_counts) / sizeof(vcpu_counts[0]))

static struct machine machines[MACHINES];
static struct machine *machine; /* the run's */

struct fx_model *world_model;

/* -- the model's host -- */

static uint64_t now(void *unused)
{
	return sim_now += 20;
}

static void deliver(void *unused, unsigned int device, uint32_t port)
{
	xen_event_deliver(device, port);
}

static void wake(void *unused, unsigned int slot, unsigned int vcpu)
{
	machine->woken[vcpu] = true;
}

static int copy_in(void *unused, pid_t pid, void *to, uint64_t from, size_t size)
{
	memcpy(to, (const void *)(uintptr_t)from, size);
	return 0;
}

static int copy_out(void *unused, pid_t pid, uint64_t to, const void *from, size_t size)
{
	memcpy((void *)(uintptr_t)to, from, size);
	return 0;
}

static void log_line(void *unused, const char *line)
{
	sim_tell("xen: %s", line);
}

const struct fx_host world_host = { .now = now, .deliver = deliver, .wake = wake,
				    .copy_in = copy_in, .copy_out = copy_out, .log = log_line };

/* -- vCPUs -- */

struct fx_domain *world_domain(void)
{
	return fx_domain(world_model, SLOT);
}

uint32_t world_vcpus(void)
{
	return world_domain()->vcpu_count;
}

static bool is_due(uint32_t vcpu)
{
	const struct fx_domain *domain = world_domain();

	switch (machine->ran[vcpu]) {
	case FX_RAN_DEAD:
		return false;
	case FX_RAN_PAUSED:
		return fx_vcpu_runnable(domain, &domain->vcpus[vcpu]);
	case FX_RAN_BLOCKED:
		return machine->woken[vcpu] || (machine->deadlines[vcpu] &&
						machine->deadlines[vcpu] <= sim_now);
	default:
		return true;
	}
}

uint32_t world_runnable(void)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < world_vcpus(); i++)
		count += is_due(i);
	return count;
}

static void run(uint32_t vcpu, uint64_t budget)
{
	machine->woken[vcpu] = false;
	machine->ran[vcpu] = fx_runner_run(machine->runners[vcpu], budget,
					   &machine->deadlines[vcpu]);
	sim_now += budget;
}

void world_step(uint32_t number)
{
	static const uint16_t budgets[] = { 400, 1, 7, 40, 150, 1000 };

	for (uint32_t i = 0; i < world_vcpus(); i++)
		if (is_due(i) && !number--) {
			run(i, budgets[sim_choose("instructions", 6)]);
			return;
		}
}

uint64_t world_deadline(void)
{
	uint64_t first = 0;

	for (uint32_t i = 0; i < world_vcpus(); i++)
		if (machine->ran[i] == FX_RAN_BLOCKED && machine->deadlines[i] &&
		    (!first || machine->deadlines[i] < first))
			first = machine->deadlines[i];
	return first;
}

static uint64_t counter(uint32_t vcpu, uint32_t slot)
{
	uint64_t address = GUEST_SLOTS + vcpu * GUEST_SLOT_SIZE + slot, value;
	const struct fx_p2m_entry *entry = fx_p2m_entry(world_domain(), address / FX_PAGE);

	memcpy(&value, fx_page(world_model, entry->frame) + address % FX_PAGE, sizeof(value));
	return value;
}

uint64_t world_rounds(uint32_t vcpu)
{
	return counter(vcpu, SLOT_LOOPS);
}

static uint64_t mishaps(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < world_vcpus(); i++)
		sum += counter(i, SLOT_UD) + counter(i, SLOT_GP) + counter(i, SLOT_PF) +
		       counter(i, SLOT_DB);
	return sum;
}

/* -- building -- */

static void die(const char *what)
{
	fprintf(stderr, "sim: %s\n", what);
	exit(2);
}

static void make(uint32_t vcpus, const char *image)
{
	struct fx_domain_options options = { .name = "guest1", .vcpus = vcpus,
					     .memory_mib = MEMORY_MIB, .image = image };
	struct fx_code *code = fx_code_create();
	char why[256] = "no memory";
	uint32_t id;

	world_model = mmap(NULL, fx_model_size(SLOT + 1, FRAMES), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!code || world_model == MAP_FAILED)
		die(why);
	fx_model_init(world_model, SLOT + 1, FRAMES);
	world_model->options = (struct fx_options){ .altp2m = true };
	machine->model = world_model;
	if (fx_domain_boot(world_model, &world_host, &options, &id, why, sizeof(why)))
		die(why);
	for (uint32_t i = 0; i < vcpus; i++) {
		if (fx_runner_create(&machine->runners[i], world_model, &world_host, SLOT, i))
			die("no memory for a vCPU");
		fx_runner_use_code(machine->runners[i], code);
	}
}

static bool is_warm(void)
{
	for (uint32_t i = 0; i < world_vcpus(); i++)
		if (world_rounds(i) < WARM_ROUNDS)
			return false;
	return true;
}

static void warm(void)
{
	for (unsigned int step = 0; !is_warm(); step++) {
		if (step == WARM_STEPS)
			die("the guest does not start");
		for (uint32_t i = 0; i < world_vcpus(); i++)
			if (is_due(i) || machine->ran[i] == FX_RAN_PAUSED)
				run(i, 1000);
		sim_now += 1000;
	}
	machine->max_pages = world_domain()->max_pages;
	machine->total_pages = world_domain()->total_pages;
	machine->pool_bytes = world_domain()->paging_pool_bytes;
	machine->mishaps = mishaps();
}

void world_build(const char *image)
{
	for (unsigned int i = 0; i < MACHINES; i++) {
		machine = &machines[i];
		make(vcpu_counts[i], image);
		warm();
	}
}

static void set_header(uint32_t offset, uint64_t value)
{
	const struct fx_p2m_entry *entry = fx_p2m_entry(world_domain(), GUEST_MAILBOX / FX_PAGE);

	memcpy(fx_page(world_model, entry->frame) + offset, &value, sizeof(value));
}

void world_choose(void)
{
	static const uint8_t rounds[] = { 10, 1, 100, 0 };

	machine = &machines[sim_choose("machine", MACHINES)];
	world_model = machine->model;
	set_header(HEADER_ROUNDS, rounds[sim_choose("rounds between naps", 4)]);
	sim_tell("%u vCPUs", world_vcpus());
}

/* -- what has to be as it was -- */

static void check_vcpu(const struct fx_domain *domain, uint32_t i)
{
	const struct fx_vcpu *vcpu = &domain->vcpus[i];

	if (vcpu->vm_event_pause_count || vcpu->pause_count)
		sim_complain("vCPU %u is left paused", i);
	if (vcpu->vm_event_blocked || vcpu->vm_event_waiting)
		sim_complain("vCPU %u is left waiting for the ring", i);
	if (vcpu->view)
		sim_complain("vCPU %u is left in view %u", i, vcpu->view);
	if (vcpu->single_step || vcpu->fast_single_step)
		sim_complain("vCPU %u is left single-stepping", i);
}

static void check_memory(struct fx_domain *domain)
{
	for (uint64_t gfn = 0; gfn < MEMORY_MIB << 8; gfn++)
		if (fx_p2m_entry(domain, gfn)->access != domain->default_access)
			sim_complain("page %#lx is left with access %u", (unsigned long)gfn,
				     fx_p2m_entry(domain, gfn)->access);
	if (fx_domain_changed_code(world_model, domain))
		sim_complain("the guest's code is changed");
	if (domain->max_pages != machine->max_pages)
		sim_complain("it may have %lu pages, not %lu", (unsigned long)domain->max_pages,
			     (unsigned long)machine->max_pages);
	/* The ring's own page goes for good at the first attach. */
	if (domain->total_pages != machine->total_pages &&
	    domain->total_pages + 1 != machine->total_pages)
		sim_complain("it has %lu pages, not %lu", (unsigned long)domain->total_pages,
			     (unsigned long)machine->total_pages);
	if (domain->paging_pool_bytes != machine->pool_bytes)
		sim_complain("its pool of shadow memory is left changed");
}

/* What was only begun says nothing, and is written over some day. */
static void check_files(void)
{
	struct rs_journal *journal;
	struct rs_record *record;

	if (!rs_journal_find(&journal, world_domain()->id, world_domain()->uuid))
		sim_complain("the journal is left");
	if (!rs_record_find(&record, world_domain()->id))
		sim_complain("the record is left");
}

static void check_dom0(void)
{
	if (world_model->mappings)
		sim_complain("%lu pages are left mapped", (unsigned long)world_model->mappings);
	/* They are given from the lowest on. */
	for (uint32_t i = 0; i < 16; i++)
		if (world_model->ports[i].state != FX_PORT_FREE)
			sim_complain("port %u is left bound", i);
	check_files();
}

static void check_answers(const struct fx_domain *domain, bool surplus)
{
	const struct fx_statistics *statistics = &domain->statistics;

	if (statistics->rejected)
		sim_complain("%lu answers mean nothing to Xen", (unsigned long)statistics->rejected);
	if (statistics->postponed)
		sim_complain("%lu times a vCPU went on without what was asked of it",
			     (unsigned long)statistics->postponed);
	if (surplus)
		return;
	if (fx_vm_event_missing(domain))
		sim_complain("%lu requests were never answered",
			     (unsigned long)fx_vm_event_missing(domain));
	if (statistics->surplus)
		sim_complain("%lu answers are to no request", (unsigned long)statistics->surplus);
}

void world_check(bool surplus, bool prompt)
{
	struct fx_domain *domain = world_domain();

	sim_run->requests = domain->statistics.requests;
	if (domain->shutdown)
		sim_complain("the guest has crashed");
	if (domain->vm_event.enabled)
		sim_complain("the ring is left on");
	check_answers(domain, surplus);
	if (prompt && domain->statistics.rtt_ns_max > WAIT_MAX_NS)
		sim_complain("a request has waited for %lu us",
			     (unsigned long)domain->statistics.rtt_ns_max / 1000);
	if (domain->pause_count)
		sim_complain("the domain is left paused, %u times", domain->pause_count);
	for (uint32_t i = 0; i < domain->vcpu_count; i++)
		check_vcpu(domain, i);
	if (domain->altp2m_active)
		sim_complain("altp2m is left on");
	if (domain->monitor.cr3_exiting || domain->monitor.descriptor_exiting)
		sim_complain("an intercept is left");
	check_memory(domain);
	check_dom0();
	if (mishaps() != machine->mishaps)
		sim_complain("the guest has noticed: %lu exceptions",
			     (unsigned long)(mishaps() - machine->mishaps));
}
