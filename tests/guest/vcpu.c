/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vcpu.c: the registers of vCPUs, and holding a guest still.
 *
 *	fakexen --vcpus 2 --guest guests/cr3loop.elf --report FILE -- tests/guest/vcpu SCENARIO
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ringside/ringside.h>

#include "guests/map.h"
#include "tests/guest/dom0.h"
#include "tests/unit/tap.h"

#define GUEST_SLOT(vcpu) (GUEST_SLOTS + (vcpu) * GUEST_SLOT_SIZE)

static struct rs_guest *guest;

static void open_guest(void)
{
	if (rs_guest_open(&guest, "guest1", NULL)) {
		printf("Bail out! %s\n", rs_error_text());
		exit(1);
	}
}

static void sleep_ms(unsigned int ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L },
		  NULL);
}

static bool says(const char *words)
{
	if (strstr(rs_error_text(), words))
		return true;
	printf("# it said: %s\n", rs_error_text());
	return false;
}

static uint64_t loops_of(unsigned int vcpu)
{
	uint64_t loops = 0;

	if (rs_guest_read(guest, GUEST_SLOT(vcpu) + SLOT_LOOPS, &loops, sizeof(loops), NULL))
		printf("# %s\n", rs_error_text());
	return loops;
}

/* Within ten seconds. */
static bool runs(unsigned int vcpu)
{
	uint64_t before = loops_of(vcpu);

	for (unsigned int i = 0; i < 10000 && loops_of(vcpu) == before; i++)
		sleep_ms(1);
	return loops_of(vcpu) != before;
}

static bool stands(unsigned int vcpu)
{
	uint64_t before = loops_of(vcpu);

	sleep_ms(20);
	return loops_of(vcpu) == before;
}

/* ---- registers ---- */

static struct rs_vcpu_registers registers_of(uint32_t vcpu)
{
	struct rs_vcpu_registers registers;

	if (rs_vcpu_read_registers(guest, vcpu, &registers))
		printf("# %s\n", rs_error_text());
	return registers;
}

static bool same(const struct rs_vcpu_registers *a, const struct rs_vcpu_registers *b)
{
	const uint64_t *left = (const uint64_t *)a, *right = (const uint64_t *)b;
	bool good = true;

	for (size_t i = 0; i < sizeof(*a) / sizeof(*left); i++)
		if (left[i] != right[i]) {
			printf("# word %zu is %#" PRIx64 ", not %#" PRIx64 "\n", i, left[i], right[i]);
			good = false;
		}
	return good;
}

static void read_registers(void)
{
	struct rs_vcpu_registers registers = registers_of(0);

	tap_ok(registers.rip >= GUEST_BASE && registers.rip < GUEST_BASE + 0x10000 &&
	       (registers.cr3 == GUEST_ROOT_A || registers.cr3 == GUEST_ROOT_B) &&
	       registers.cr0 & 1 && registers.cr0 >> 31 && registers.cr4 & 0x20 &&
	       TAP_SAME(registers.efer & 0x500, 0x500), "the guest's are those of 64-bit mode");
	tap_ok(registers.cs.attributes & 0x200 && registers.cs.selector && registers.gdtr.base &&
	       registers.gdtr.limit && registers.rflags & 2, "segments, tables, flags");
	tap_ok(TAP_SAME(registers.apic_base & 0xfffff000, 0xfee00000), "the APIC's base");
	tap_ok(rs_vcpu_read_registers(guest, 2, &registers) == -ENOENT && says("no vCPU 2"),
	       "of a vCPU that does not exist");
}

/* Changes everything that may be anything. */
static void change(struct rs_vcpu_registers *registers)
{
	registers->rax = 0x1111222233334444;
	registers->rbx ^= 0xffff;
	registers->r8 = registers->r15 = UINT64_MAX;
	registers->rip += 0x1000;
	registers->rflags ^= 0x8d5;
	registers->cr2 = 0xdead0000;
	registers->dr0 = 0x123000;
	registers->lstar = 0xffffffff81000000;
	registers->star = 0x23001000000000;
	registers->shadow_gs = 0xffff888000000000;
	registers->sysenter_eip = 0x7fffffffffff;
	registers->fs.base = 0xffff800000000000;
	registers->gs.base = 0x7000;
	registers->es.limit = 0xfffff;
	registers->ds.attributes ^= 1;
	registers->tsc_aux = 7;
	registers->idtr.limit = 0xfff;
}

static void write_registers(void)
{
	struct rs_vcpu_registers old, other, changed, found;

	tap_ok(!rs_guest_pause(guest), "paused");
	old = registers_of(0);
	other = registers_of(1);
	changed = old;
	change(&changed);
	tap_ok(!rs_vcpu_write_registers(guest, 0, &changed), "all kinds of registers are set");
	found = registers_of(0);
	tap_ok(same(&found, &changed), "and read back");
	found = registers_of(1);
	tap_ok(same(&found, &other), "the other vCPU's are as they were");
	tap_ok(!rs_vcpu_write_registers(guest, 0, &old), "they are put back");
	found = registers_of(0);
	tap_ok(same(&found, &old), "as they were");
	tap_ok(!rs_guest_resume(guest) && runs(0) && runs(1), "both vCPUs run on");
}

static void refuse(const char *words, const struct rs_vcpu_registers *registers)
{
	tap_ok(TAP_SAME(rs_vcpu_write_registers(guest, 0, registers), -EINVAL) && says(words),
	       "refused: %s", words);
}

#define REFUSE(words, field, value) do {                        \
		struct rs_vcpu_registers bad = old;             \
                                                                \
		bad.field = (value);                            \
		refuse(words, &bad);                            \
	} while (0)

static void refused_registers(void)
{
	struct rs_vcpu_registers old, found;

	if (rs_guest_pause(guest))
		return;
	old = registers_of(0);
	REFUSE("RIP is not canonical", rip, 1ULL << 47);
	REFUSE("RFLAGS has a reserved bit", rflags, old.rflags | 1 << 15);
	REFUSE("RFLAGS has a reserved bit", rflags, 0);
	REFUSE("RFLAGS.VM", rflags, old.rflags | 1 << 17);
	REFUSE("CR0 has a reserved bit", cr0, old.cr0 | 1 << 6);
	REFUSE("CR0 has a reserved bit", cr0, old.cr0 | 1ULL << 32);
	REFUSE("CR0 has PG without PE", cr0, old.cr0 & ~1ULL);
	REFUSE("CR0 has NW without CD", cr0, old.cr0 | 1 << 29);
	REFUSE("EFER.LMA", cr0, old.cr0 & ~(1ULL << 31));
	REFUSE("CR4 has a reserved bit", cr4, old.cr4 | 1 << 15);
	REFUSE("CR4.PAE", cr4, old.cr4 & ~0x20ULL);
	REFUSE("EFER has a reserved bit", efer, old.efer | 2);
	REFUSE("EFER.LMA", efer, old.efer & ~0x400ULL);
	REFUSE("CR3 has a reserved bit", cr3, 1ULL << 60);
	REFUSE("GS is not canonical", gs.base, 1ULL << 50);
	REFUSE("LSTAR is not canonical", lstar, 1ULL << 63);
	REFUSE("DR6 or DR7", dr7, 1ULL << 32);
	REFUSE("XCR0 cannot be set", xcr0, old.xcr0 ^ 4);
	REFUSE("APIC_BASE cannot be set", apic_base, 0);
	found = registers_of(0);
	tap_ok(same(&found, &old), "nothing was changed by that");
	tap_ok(rs_vcpu_write_registers(guest, 2, &old) == -ENOENT, "of a vCPU that does not exist");
	tap_ok(!rs_guest_resume(guest) && runs(0) && runs(1), "both vCPUs run on");
}

static void records(void)
{
	uint8_t record[4096];
	size_t length = 0;

	tap_ok(!rs_guest_read_record(guest, 2, 0, record, sizeof(record), &length) && length > 512,
	       "the CPU record");
	tap_ok(rs_guest_read_record(guest, 2, 0, record, 16, &length) == -ENOBUFS && length > 512,
	       "too long for its place: its length is told");
	tap_ok(rs_guest_read_record(guest, 2, 9, record, sizeof(record), &length) == -ENOENT,
	       "of no such vCPU");
}

static void scenario_registers(void)
{
	open_guest();
	tap_ok(runs(0) && runs(1), "both vCPUs run");
	read_registers();
	write_registers();
	refused_registers();
	records();
	rs_guest_close(guest);
}

/* ---- control ---- */

static bool is_paused(void)
{
	struct rs_guest_facts facts = { 0 };

	return !rs_guest_facts(guest, &facts) && facts.paused;
}

static void pauses(void)
{
	struct rs_guest *other;

	tap_ok(!rs_guest_pause(guest) && is_paused() && stands(0), "paused");
	tap_ok(!rs_guest_pause(guest) && !rs_guest_resume(guest) && is_paused() && stands(0),
	       "paused twice, it wants two resumes");
	tap_ok(!rs_guest_resume(guest) && !is_paused() && runs(0), "resumed");
	tap_ok(rs_guest_resume(guest) == -EALREADY && says("not paused by this handle"),
	       "not once more");
	tap_ok(!rs_guest_open(&other, "1", NULL) && !rs_guest_pause(other) &&
	       !rs_guest_pause(other) && stands(0), "paused twice by another handle");
	tap_ok(rs_guest_resume(guest) == -EALREADY, "which is not ours to resume");
	rs_guest_close(other);
	tap_ok(!is_paused() && runs(0), "closing resumes it");
	tap_ok(rs_guest_adopt_pause(guest) == -EALREADY && says("by any tool"),
	       "a pause that is not there is not taken over");
	tap_ok(!rs_guest_open(&other, "1", NULL) && !rs_guest_pause(other), "a pause is left");
	rs_guest_leave_paused(other);
	rs_guest_close(other);
	tap_ok(is_paused() && !rs_guest_adopt_pause(guest) && !rs_guest_resume(guest) &&
	       !is_paused() && runs(0), "and taken over, and resumed");
}

static void facts(void)
{
	struct rs_guest_facts found;
	struct rs_vcpu_facts vcpu, later;

	tap_ok(!rs_guest_facts(guest, &found) && TAP_SAME(found.vcpu_count, 2) && !found.dying &&
	       !found.ended && found.memory_bytes >= 64 << 20 &&
	       TAP_SAME(found.address_max, rs_guest_address_max(guest)), "what the guest is");
	tap_ok(!rs_vcpu_facts(guest, 1, &vcpu) && vcpu.online && vcpu.cpu_time_ns, "and a vCPU");
	for (unsigned int i = 0; i < 1000; i++) {
		if (rs_vcpu_facts(guest, 1, &later) || later.cpu_time_ns > vcpu.cpu_time_ns)
			break;
		sleep_ms(10);
	}
	tap_ok(later.cpu_time_ns > vcpu.cpu_time_ns, "which runs");
	tap_ok(rs_vcpu_facts(guest, 2, &vcpu) == -ENOENT, "and none that does not exist");
}

static void injections(void)
{
	tap_ok(rs_vcpu_inject(guest, 2, 3, RS_INJECT_SOFTWARE_EXCEPTION, RS_NO_ERROR_CODE, 1, 0) ==
	       -ENOENT, "inject: no such vCPU");
	tap_ok(rs_vcpu_inject(guest, 0, 40, RS_INJECT_HARDWARE_EXCEPTION, RS_NO_ERROR_CODE, 0, 0) ==
	       -EINVAL && rs_vcpu_inject(guest, 0, 3, RS_INJECT_NMI, RS_NO_ERROR_CODE, 0, 0) ==
	       -EINVAL && rs_vcpu_inject(guest, 0, 3, 7, RS_NO_ERROR_CODE, 0, 0) == -EINVAL &&
	       rs_vcpu_inject(guest, 0, 3, 1, RS_NO_ERROR_CODE, 0, 0) == -EINVAL,
	       "vectors and types that do not go together");
	tap_ok(rs_vcpu_inject(guest, 0, 3, RS_INJECT_SOFTWARE_EXCEPTION, RS_NO_ERROR_CODE, 16, 0) ==
	       -EINVAL, "an instruction too long");
	tap_ok(!rs_guest_pause(guest) &&
	       !rs_vcpu_inject(guest, 0, 3, RS_INJECT_SOFTWARE_EXCEPTION, RS_NO_ERROR_CODE, 1, 0) &&
	       rs_vcpu_inject(guest, 0, 3, RS_INJECT_SOFTWARE_EXCEPTION, RS_NO_ERROR_CODE, 1, 0) ==
	       -EBUSY, "one is queued, another one is not");
	rs_guest_resume(guest);
}

static void scenario_control(void)
{
	open_guest();
	tap_ok(runs(0) && runs(1), "both vCPUs run");
	pauses();
	facts();
	injections();
	rs_guest_close(guest);
}

static void scenario_ram(void)
{
	uint64_t begin = 1, end = 0, hole = 0x900;

	open_guest();
	tap_ok(!rs_guest_find_ram(guest, 0, &begin, &end) && TAP_SAME(begin, 0) &&
	       TAP_SAME(end, 64 << 20), "the first run of RAM is the guest's 64 MiB");
	tap_ok(dom0_remove(hole) && !rs_guest_find_ram(guest, 0x1234, &begin, &end) &&
	       TAP_SAME(begin, 0x1234) && TAP_SAME(end, hole * FRAME),
	       "with a hole: from within it, up to that");
	tap_ok(!rs_guest_find_ram(guest, end, &begin, &end) && TAP_SAME(begin, (hole + 1) * FRAME) &&
	       TAP_SAME(end, 64 << 20), "and from there on");
	while (!rs_guest_find_ram(guest, end, &begin, &end))
		tap_ok(begin < end && end <= rs_guest_address_max(guest) + 1,
		       "a run of special pages, at %#" PRIx64, begin);
	tap_ok(rs_guest_find_ram(guest, end, &begin, &end) == -ENOENT, "no more");
	tap_ok(rs_guest_find_ram(guest, UINT64_MAX, &begin, &end) == -ENOENT, "nor at the end of all");
	rs_guest_close(guest);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (!strcmp(name, "registers"))
		scenario_registers();
	else if (!strcmp(name, "control"))
		scenario_control();
	else if (!strcmp(name, "ram"))
		scenario_ram();
	else
		return 2;
	return tap_done();
}
