/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* linux_guest.c: its pages, its kernel, and the console's ring (xen/io/console.h). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ringside/error.h>

#include "tests/xen/driver/linux_guest.h"
#include "tests/xen/driver/release.h"

#include <xen/hvm/params.h>
#include <xen/io/console.h>

#include "tests/xen/driver/check.h"
#include "ring/atomics.h"

/* The kernel alone ends at 75 MB. */
#define MEMORY_MB 128
#define INITRD_ADDRESS (UINT64_C(96) << 20)
#define COMMAND_LINE_MAX 2048
#define MP_ADDRESS 0xf0000 /* where a BIOS would have them */

/* The shell says it after each line, on a line of its own: labkit/linux_guest.py. */
#define DONE "lab: done\r\n"

static void must(int result, const char *what)
{
	if (result < 0)
		check_bail("linux: %s: %s", what, strerror(errno));
}

bool linux_is_there(void)
{
	return access(LINUX_KERNEL, R_OK) == 0;
}

/* Of the MP specification 1.4: its floating pointer, and a table that names one processor. */
struct mp_tables {
	struct {
		char signature[4];
		uint32_t table;
		uint8_t length, revision, checksum, features[5];
	} pointer;
	struct {
		char signature[4];
		uint16_t length;
		uint8_t revision, checksum;
		char vendor[8], product[12];
		uint32_t more;
		uint16_t more_length, entries;
		uint32_t local_apic;
		uint32_t reserved;
		struct {
			uint8_t kind, apic_id, apic_version, flags;
			uint32_t signature, features, reserved[2];
		} processor;
	} table;
};

static uint8_t checksum(const void *bytes, size_t size)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < size; i++)
		sum -= ((const uint8_t *)bytes)[i];
	return sum;
}

/*
 * Linux sets its clock going only if somebody says that there is a local APIC. A toolstack does it
 * by ACPI; these tables say it in a hundred bytes, and are read in no time.
 */
static void load_mp_tables(uint32_t domain)
{
	struct mp_tables tables = {
		.pointer = { .signature = "_MP_", .table = MP_ADDRESS + sizeof(tables.pointer),
			     .length = sizeof(tables.pointer) / 16, .revision = 4 },
		.table = {
			.signature = "PCMP", .length = sizeof(tables.table), .revision = 4,
			.vendor = "RINGSIDE", .product = "LAB         ", .entries = 1,
			.local_apic = 0xfee00000,
			.processor = { .apic_version = 0x14, .flags = 3 /* enabled, the first */ },
		},
	};
	char *page = guest_map(domain, MP_ADDRESS, 1);

	tables.pointer.checksum = checksum(&tables.pointer, sizeof(tables.pointer));
	tables.table.checksum = checksum(&tables.table, sizeof(tables.table));
	memcpy(page, &tables, sizeof(tables));
	guest_unmap(page, 1);
}

static const void *map_file(const char *path, size_t *size)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	void *bytes;

	must(file, path);
	must(fstat(file, &status), path);
	*size = status.st_size;
	bytes = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, file, 0);
	must(bytes == MAP_FAILED ? -1 : 0, path);
	close(file);
	return bytes;
}

static void read_command_line(char *line)
{
	FILE *file = fopen(LINUX_COMMAND_LINE, "r");

	if (!file || !fgets(line, COMMAND_LINE_MAX, file))
		check_bail("%s: %s", LINUX_COMMAND_LINE, strerror(errno));
	fclose(file);
	line[strcspn(line, "\n")] = 0;
}

/* A page for the ring, and an event channel to dom0. */
static void make_console(struct linux_guest *linux_guest)
{
	uint32_t domain = linux_guest->guest.domain;
	xc_interface *control = guest_interface();
	xen_pfn_t gfn = GUEST_CONSOLE_GFN;
	int port = xc_evtchn_alloc_unbound(control, domain, 0);

	must(port, "xc_evtchn_alloc_unbound");
	must(xc_domain_populate_physmap_exact(control, domain, 1, 0, 0, &gfn),
	     "xc_domain_populate_physmap_exact");
	must(xc_hvm_param_set(control, domain, HVM_PARAM_CONSOLE_PFN, gfn),
	     "HVM_PARAM_CONSOLE_PFN");
	must(xc_hvm_param_set(control, domain, HVM_PARAM_CONSOLE_EVTCHN, (uint32_t)port),
	     "HVM_PARAM_CONSOLE_EVTCHN");
	linux_guest->console = guest_map(domain, gfn << 12, 1);
	memset(linux_guest->console, 0, sizeof(*linux_guest->console));
	if (rs_xen_open(&linux_guest->port.xen, &linux_guest->log) ||
	    rs_xen_port_bind(&linux_guest->port, linux_guest->port.xen, domain, (uint32_t)port))
		check_bail("linux: bind the console's port: %s", rs_error_text());
}

void linux_create(struct linux_guest *linux_guest)
{
	char command_line[COMMAND_LINE_MAX];
	struct guest_boot boot = { .command_line = command_line,
				   .initrd_address = INITRD_ADDRESS };
	struct guest_options options = {
		.vcpu_count = 1,
		.memory_mb = MEMORY_MB,
		.boot = &boot,
		.paused = true,
	};

	memset(linux_guest, 0, sizeof(*linux_guest));
	read_command_line(command_line);
	boot.initrd = map_file(LINUX_INITRD, &boot.initrd_size);
	guest_create(&linux_guest->guest, LINUX_KERNEL, &options);
	munmap((void *)boot.initrd, boot.initrd_size);
	load_mp_tables(linux_guest->guest.domain);
	make_console(linux_guest);
}

void linux_unpause(struct linux_guest *linux_guest)
{
	must(xc_domain_unpause(guest_interface(), linux_guest->guest.domain),
	     "xc_domain_unpause");
}

void linux_destroy(struct linux_guest *linux_guest)
{
	rs_xen_port_unbind(&linux_guest->port);
	rs_xen_close(linux_guest->port.xen);
	guest_unmap(linux_guest->console, 1);
	guest_destroy(&linux_guest->guest);
}

/* Makes room for one byte more: half of what is there goes, the older one. */
static void forget(struct linux_guest *linux_guest)
{
	size_t half = sizeof(linux_guest->said) / 2;

	if (linux_guest->said_size < sizeof(linux_guest->said) - 1)
		return;
	linux_guest->said_size -= half;
	memmove(linux_guest->said, linux_guest->said + half, linux_guest->said_size);
}

void linux_listen(struct linux_guest *linux_guest)
{
	struct xencons_interface *ring = linux_guest->console;
	/* Acquires the guest's store of it: the bytes are there. */
	uint32_t produced = rs_load_acquire(&ring->out_prod);
	uint32_t consumed = ring->out_cons;

	for (; consumed != produced; consumed++) {
		forget(linux_guest);
		linux_guest->said[linux_guest->said_size++] =
			ring->out[MASK_XENCONS_IDX(consumed, ring->out)];
	}
	linux_guest->said[linux_guest->said_size] = 0;
	/* Releases the slots to the guest, which waits for room by looking. */
	rs_store_release(&ring->out_cons, consumed);
}

void linux_ask(struct linux_guest *linux_guest, const char *line)
{
	struct xencons_interface *ring = linux_guest->console;
	uint32_t produced = ring->in_prod;

	linux_guest->said_size = 0;
	for (; *line; line++)
		ring->in[MASK_XENCONS_IDX(produced++, ring->in)] = *line;
	ring->in[MASK_XENCONS_IDX(produced++, ring->in)] = '\n';
	/* Releases the bytes to the guest. */
	rs_store_release(&ring->in_prod, produced);
	must(rs_xen_port_calls.notify(&linux_guest->port), "notify the console");
}

const char *linux_answer(struct linux_guest *linux_guest)
{
	char *end;

	linux_listen(linux_guest);
	end = strstr(linux_guest->said, DONE);
	if (!end)
		return NULL;
	*end = 0;
	return linux_guest->said;
}
