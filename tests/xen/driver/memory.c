/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory.c: the memory and the registers of a guest, from dom0. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <xenctrl.h>

#include "tests/xen/driver/tests.h"

#define FRAME 4096
#define FREE_GFN 0x300 /* of those that the guest has, and does not use */
#define MEMORY_END (GUEST_MEMORY_MB << 20)
#define APIC_PAGE 0xfee00000

static uint64_t word_at(struct rs_guest *guest, uint64_t address)
{
	uint64_t word = 0;
	int error = rs_guest_read(guest, address, &word, sizeof(word), NULL);

	return error ? ~0ULL : word;
}

static bool put_word(struct rs_guest *guest, uint64_t address, uint64_t word)
{
	return !rs_guest_write(guest, address, &word, sizeof(word), NULL);
}

static void physical(struct bed *bed)
{
	struct rs_guest *guest = rs_engine_guest(bed->engine);
	static uint8_t written[3 * FRAME], read[3 * FRAME];
	const uint64_t address = (FREE_GFN + 3) * FRAME - 5;
	struct rs_guest_statistics statistics;
	void *bytes;
	int error;

	check(word_at(guest, MB_DATA) == MB_DATA_0, "what the guest has in its memory is read");
	for (size_t i = 0; i < sizeof(written); i++)
		written[i] = (uint8_t)(i * 7 + 1);
	error = rs_guest_write(guest, address, written, sizeof(written), NULL);
	check(!error && !rs_guest_read(guest, address, read, sizeof(read), NULL) &&
		      !memcmp(written, read, sizeof(read)),
	      "%zu bytes from %#" PRIx64 " on are written, and read back", sizeof(written), address);
	error = rs_guest_map(guest, address, sizeof(written), true, &bytes);
	check(!error && !memcmp(bytes, written, sizeof(written)), "and mapped");
	rs_guest_unmap(guest, bytes, sizeof(written));
	put_word(guest, MB_DATA, MB_DATA_1);
	bed_run(bed, MB_READ, MB_DATA, 0, NULL);
	check(bed_get(bed, MB_RESULT0) == MB_DATA_1, "the guest reads what was written");
	put_word(guest, MB_DATA, MB_DATA_0);
	rs_guest_statistics(guest, &statistics);
	check(statistics.maps && statistics.frames == 64 * statistics.maps,
	      "by %" PRIu64 " calls of 64 frames", statistics.maps);
}

/* The balloon's two calls, from dom0. */
static bool remove_frame(const struct bed *bed, uint64_t gfn)
{
	xen_pfn_t frame = gfn;

	return !xc_domain_decrease_reservation_exact(guest_interface(), bed->guest.domain, 1, 0,
						     &frame);
}

static bool populate_frame(const struct bed *bed, uint64_t gfn)
{
	xen_pfn_t frame = gfn;

	return !xc_domain_populate_physmap_exact(guest_interface(), bed->guest.domain, 1, 0, 0,
						 &frame);
}

static void holes(struct bed *bed)
{
	struct rs_guest *guest = rs_engine_guest(bed->engine);
	static uint8_t bytes[2 * FRAME];
	uint64_t hole = (FREE_GFN + 17) * FRAME, begin, end;
	size_t done = 0;
	int error;

	put_word(guest, hole, 0x1234);
	check(remove_frame(bed, FREE_GFN + 17) && word_at(guest, hole) == 0x1234,
	      "a frame that is given away stays in its mapping");
	rs_guest_forget(guest, hole, FRAME);
	error = rs_guest_read(guest, hole - FRAME, bytes, sizeof(bytes), &done);
	check(error == -EFAULT && done == FRAME, "forgotten, it is missing: %s", rs_error_text());
	error = rs_guest_find_ram(guest, 0, &begin, &end);
	check(!error && begin == 0 && end == hole, "RAM is from %#" PRIx64 " to %#" PRIx64, begin,
	      end);
	error = rs_guest_find_ram(guest, end, &begin, &end);
	check(!error && begin == hole + FRAME && end == MEMORY_END,
	      "and from %#" PRIx64 " to %#" PRIx64, begin, end);
	/* With whatever is in it: Xen cleans what a domain leaves only when that dies. */
	check(populate_frame(bed, FREE_GFN + 17) && !rs_guest_read(guest, hole, bytes, 8, NULL),
	      "a new one is there at once");
	error = rs_guest_read(guest, APIC_PAGE, bytes, 4, &done);
	check(error == -EFAULT && !done, "a device's page: %s", rs_error_text());
	error = rs_guest_read(guest, rs_guest_address_max(guest) + 1, bytes, 4, &done);
	check(error == -EFAULT && !done, "beyond the end: %s", rs_error_text());
	check(rs_guest_address_max(guest) >= MEMORY_END - 1, "which is %#" PRIx64,
	      rs_guest_address_max(guest));
}

static void virtual(struct bed *bed)
{
	struct rs_guest *guest = rs_engine_guest(bed->engine);
	struct rs_translation translation = { 0 };
	struct rs_paging paging;
	uint64_t word = 0;
	int error;

	bed_watch(bed, (struct rs_watch_options){ .kind = RS_CR, .cr = { .which = RS_CR3 } });
	bed_run(bed, MB_WRITE_CR3, MB_ROOT_A, 0, NULL);
	paging = rs_event_paging(bed_event(bed, 0));
	check(paging.cr3 == MB_TABLES && paging.efer & 0x400, "an event's address space");
	error = rs_guest_translate(guest, &paging, MB_HIGH + MB_DATA + 8, &translation);
	check(!error && translation.physical == MB_DATA + 8 && translation.page_size == FRAME &&
		      translation.level == 1 && translation.rights & RS_RIGHT_WRITE,
	      "by pages of 4 KiB: %#" PRIx64 ", level %u", translation.physical,
	      translation.level);
	error = rs_guest_translate(guest, &paging, MB_DATA, &translation);
	check(!error && translation.physical == MB_DATA && translation.level > 1,
	      "by a large one: %#" PRIx64 ", level %u", translation.physical, translation.level);
	check(!rs_guest_read_virtual(guest, &paging, MB_HIGH + MB_DATA, &word, 8, NULL) &&
		      word == MB_DATA_0, "read through them");
	error = rs_guest_translate(guest, &paging, 0x7f0000000000, &translation);
	check(error == -EFAULT && translation.level == 4, "mapped nowhere: %s", rs_error_text());
	bed_run(bed, MB_WRITE_CR3, MB_TABLES, 0, NULL);
}

/* Of those that nobody but us changes. The rest Xen may write in another way than it was set. */
static bool same(const struct rs_vcpu_registers *a, const struct rs_vcpu_registers *b)
{
	return a->rax == b->rax && a->rsp == b->rsp && a->r15 == b->r15 && a->rip == b->rip &&
	       a->rflags == b->rflags && a->cr0 == b->cr0 && a->cr3 == b->cr3 &&
	       a->cr4 == b->cr4 && a->efer == b->efer && a->dr0 == b->dr0 &&
	       a->lstar == b->lstar && a->shadow_gs == b->shadow_gs && a->xcr0 == b->xcr0 &&
	       a->cs.selector == b->cs.selector && a->cs.attributes == b->cs.attributes &&
	       a->gs.base == b->gs.base && a->gdtr.base == b->gdtr.base &&
	       a->idtr.base == b->idtr.base;
}

static void registers(struct bed *bed)
{
	struct rs_guest *guest = rs_engine_guest(bed->engine);
	struct rs_vcpu_registers old, changed, found;
	int error;

	error = rs_vcpu_read_registers(guest, 0, &old);
	check(!error && old.cr3 == MB_TABLES && (old.efer & 0x500) == 0x500 &&
		      old.cs.attributes & 0x200, "read%s%s", error ? ": " : "",
	      error ? rs_strerror(error) : "");
	error = rs_vcpu_read_registers(guest, 1, &found);
	check(error == -ENODATA, "of a vCPU that was not started: %s", rs_error_text());
	error = rs_vcpu_read_registers(guest, 77, &found);
	check(error == -ENOENT, "of none: %s", rs_error_text());
	check(!rs_guest_pause(guest) && !rs_vcpu_read_registers(guest, 0, &old), "paused");
	changed = old;
	changed.r15 = 0x5eed;
	changed.dr0 = 0x123000;
	changed.lstar = 0xffffffff81000000;
	changed.shadow_gs = 0xffff888000000000;
	error = rs_vcpu_write_registers(guest, 0, &changed);
	check(!error, "written%s%s", error ? ": " : "", error ? rs_strerror(error) : "");
	error = rs_vcpu_read_registers(guest, 0, &found);
	check(!error && same(&found, &changed), "and read back");
	changed.rip = 1ULL << 63;
	check(rs_vcpu_write_registers(guest, 0, &changed) == -EINVAL, "refused: %s",
	      rs_error_text());
	check(!rs_vcpu_write_registers(guest, 0, &old) && !rs_guest_resume(guest), "put back");
	bed_run(bed, MB_RDMSR, 0xc0000082, 0, NULL);
	check(bed_get(bed, MB_RESULT0) == old.lstar, "and the guest runs on");
}

static void started(struct bed *bed)
{
	struct rs_guest *guest = rs_engine_guest(bed->engine);
	struct rs_vcpu_registers first, second, found;
	int error;

	bed_run(bed, MB_START_AP, 0, 0, NULL);
	check(guest_vcpu_lives(&bed->guest, 1), "a second vCPU runs");
	check(!rs_guest_pause(guest) && !rs_vcpu_read_registers(guest, 0, &first) &&
		      !rs_vcpu_read_registers(guest, 1, &second), "both are read");
	first.r15 ^= 0xff;
	error = rs_vcpu_write_registers(guest, 0, &first);
	check(!error && !rs_vcpu_read_registers(guest, 1, &found) &&
		      same(&found, &second),
	      "one is written, and the other is as it was");
	first.r15 ^= 0xff;
	check(!rs_vcpu_write_registers(guest, 0, &first) && !rs_guest_resume(guest) &&
		      guest_vcpu_lives(&bed->guest, 1) && guest_lives(&bed->guest),
	      "both run on");
}

static void pauses(struct bed *bed)
{
	struct rs_guest *guest = rs_engine_guest(bed->engine);
	struct rs_guest_facts facts = { 0 };
	uint64_t beat;

	check(!rs_guest_pause(guest) && !rs_guest_pause(guest) && !rs_guest_resume(guest) &&
		      !rs_guest_facts(guest, &facts) && facts.paused, "two pauses, one resume");
	beat = bed_get(bed, MB_BEAT);
	sleep_ms(20);
	check(bed_get(bed, MB_BEAT) == beat, "it stands");
	check(!rs_guest_resume(guest) && guest_lives(&bed->guest), "resumed, it runs");
	check(rs_guest_resume(guest) == -EALREADY, "not once more");
	check(!rs_guest_facts(guest, &facts) && !facts.paused && facts.vcpu_count == MB_VCPUS &&
		      facts.memory_bytes >= MEMORY_END - FRAME,
	      "what it is: %u vCPUs, %" PRIu64 " bytes", facts.vcpu_count, facts.memory_bytes);
}

const struct test tests_of_memory[] = {
	{ .name = "memory", .run = physical, .own_guest = true, .about = "read, written, mapped" },
	{ .name = "memory-holes", .run = holes, .own_guest = true,
	  .about = "frames that are not there, or not any more" },
	{ .name = "memory-virtual", .run = virtual, .own_guest = true,
	  .about = "through the guest's page tables" },
	{ .name = "vcpu-registers", .run = registers, .own_guest = true,
	  .about = "of a vCPU, read and set by its context" },
	{ .name = "vcpu-two", .run = started, .own_guest = true,
	  .about = "of one vCPU set, and the other's left alone" },
	{ .name = "vcpu-pauses", .run = pauses, .own_guest = true, .about = "nested and counted" },
	{ 0 },
};
