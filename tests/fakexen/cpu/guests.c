/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* guests.c: our guest images under the smallest hypervisor: they boot, start all vCPUs,
 * and do what map.h promises; and how fast exits are, with a floor far below the real. */
#include <stdlib.h>
#include <time.h>

#include "guests/map.h"
#include "tests/fakexen/cpu/machine.h"
#include "tests/unit/tap.h"

static struct machine machine;

static uint64_t slot(unsigned int cpu, unsigned int word)
{
	return *machine_word(&machine, GUEST_SLOTS + cpu * GUEST_SLOT_SIZE + word);
}

static uint64_t *header(unsigned int word)
{
	return machine_word(&machine, GUEST_MAILBOX + word);
}

static void boot(const char *name)
{
	char path[256];
	const char *top = getenv("top_builddir");

	snprintf(path, sizeof(path), "%s/guests/%s.elf", top ? top : ".", name);
	machine_open(&machine, 4);
	machine_load(&machine, path);
	machine_run(&machine, 100);
	tap_ok(TAP_SAME(*header(HEADER_MAGIC), GUEST_MAGIC) &&
	       TAP_SAME(*header(HEADER_CPUS), MACHINE_CPUS) && TAP_SAME(machine.unknown, 0),
		"%s boots and starts all vCPUs", name);
}

/* Exceptions that nobody asked for. */
static bool quiet(void)
{
	bool good = true;

	for (unsigned int i = 0; i < MACHINE_CPUS; i++)
		good = TAP_SAME(slot(i, SLOT_UD) + slot(i, SLOT_GP) + slot(i, SLOT_PF) +
				slot(i, SLOT_OTHER), 0) && good;
	return good;
}

static void worker(void)
{
	const struct machine_cpu *vcpu = &machine.vcpu[3];
	uint64_t loops;

	boot("worker");
	machine_run(&machine, 20000);
	for (unsigned int i = 0; i < MACHINE_CPUS; i++)
		tap_ok(TAP_SAME(slot(i, SLOT_LOOPS) > 20, 1) && TAP_SAME(slot(i, SLOT_TIMER) > 10, 1) &&
		       TAP_SAME(slot(i, SLOT_BP), slot(i, SLOT_LOOPS)),
			"worker's vCPU %u: rounds, naps, an int3 a round", i);
	tap_ok(quiet() && TAP_SAME(machine.unknown, 0), "no exception that is not meant");
	loops = slot(3, SLOT_LOOPS);
	tap_ok(TAP_SAME(vcpu->exits[FX_EXIT_CPUID], loops) &&
	       TAP_SAME(vcpu->exits[FX_EXIT_CR_WRITE], 2 * loops) &&
	       TAP_SAME(vcpu->exits[FX_EXIT_XSETBV], (loops + 3) / 4 * 2) &&
	       TAP_SAME(machine.guest_requests >= 4 * ((loops - 1) / 16), 1),
		"cpuid, CR4, XCR0 and guest requests as often as they should be");
	tap_ok(TAP_SAME(vcpu->exits[FX_EXIT_HLT] > vcpu->exits[FX_EXIT_CPUID], 1), "it mostly sleeps");
	*header(HEADER_ROUNDS) = 0;
	machine_run(&machine, 2000);
	tap_ok(TAP_SAME(slot(3, SLOT_LOOPS) > loops + 100, 1), "without naps it runs on and on");
	machine_close(&machine);
}

static void idle(void)
{
	boot("idle");
	machine_run(&machine, 100);
	tap_ok(TAP_SAME(slot(0, SLOT_LOOPS), 1) && TAP_SAME(machine.vcpu[2].state.halted, 1) && quiet(),
		"idle sleeps");
	machine_close(&machine);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* What a hypervisor does at least about an exit of `loop`'s. */
static void complete(struct machine_cpu *vcpu)
{
	const struct fx_cpu_exit *exit = &vcpu->exit;

	if (exit->reason == FX_EXIT_CR_WRITE)
		fx_cpu_write_cr(vcpu->cpu, exit->cr.index, exit->cr.value);
	else if (exit->reason == FX_EXIT_MSR_WRITE)
		fx_cpu_write_msr(vcpu->cpu, exit->msr.index, exit->msr.value);
	if (exit->reason != FX_EXIT_BUDGET)
		fx_cpu_skip(vcpu->cpu, exit->insn_length);
}

static void speed(const char *name, unsigned int command, enum fx_exit reason)
{
	enum { EXITS = 300000 };
	struct machine_cpu *vcpu = &machine.vcpu[0];
	struct fx_cpu_controls *controls = fx_cpu_controls(vcpu->cpu);
	unsigned int seen = 0;
	double start;

	controls->cr3_exiting = controls->breakpoint_exiting = true;
	*header(HEADER_COMMAND) = command;
	fx_cpu_run(vcpu->cpu, 10000, &vcpu->exit);
	complete(vcpu);
	start = seconds();
	for (unsigned int i = 0; i < EXITS; i++) {
		seen += fx_cpu_run(vcpu->cpu, 100000, &vcpu->exit) == reason;
		complete(vcpu);
	}
	start = seconds() - start;
	printf("# %s: %.2f million exits a second\n", name, EXITS / start * 1e-6);
	tap_ok(TAP_SAME(seen > EXITS - 300, 1) && TAP_SAME(EXITS / start > 100000, 1),
		"cr3loop: %s after another", name);
}

static void loops(void)
{
	uint64_t before;
	double start;

	boot("cr3loop");
	speed("CR3 write", LOOP_CR3, FX_EXIT_CR_WRITE);
	speed("wrmsr", LOOP_MSR, FX_EXIT_MSR_WRITE);
	speed("int3", LOOP_INT3, FX_EXIT_BREAKPOINT);
	speed("cpuid", LOOP_CPUID, FX_EXIT_CPUID);
	*header(HEADER_COMMAND) = LOOP_READ;
	for (unsigned int i = 0; i < 300; i++) {
		fx_cpu_run(machine.vcpu[0].cpu, 10000, &machine.vcpu[0].exit);
		complete(&machine.vcpu[0]);
	}
	machine_protect(&machine, GUEST_DATA_PAGE / 4096, 0);
	tap_ok(TAP_SAME(fx_cpu_run(machine.vcpu[0].cpu, 10000, &machine.vcpu[0].exit), FX_EXIT_EPT) &&
	       TAP_SAME(machine.vcpu[0].exit.ept.gpa, GUEST_DATA_PAGE), "cr3loop: reads of the data page");
	machine_protect(&machine, GUEST_DATA_PAGE / 4096, 7);
	before = slot(0, SLOT_LOOPS);
	*header(HEADER_THINK) = 1000;
	fx_cpu_run(machine.vcpu[0].cpu, 5000, &machine.vcpu[0].exit);
	start = seconds();
	fx_cpu_run(machine.vcpu[0].cpu, 10000000, &machine.vcpu[0].exit);
	printf("# %.0f million instructions a second\n", 10 / (seconds() - start));
	tap_ok(TAP_SAME(slot(0, SLOT_LOOPS) - before < 6000, 1), "cr3loop: it thinks between two events");
	tap_ok(quiet(), "no exception that is not meant");
	machine_close(&machine);
}

int main(void)
{
	worker();
	idle();
	loops();
	return tap_done();
}
