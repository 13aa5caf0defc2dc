/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* guest.c: makes the domain, step by step as a toolstack would, and talks to its mailboxes. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

#include <xenctrl.h>
#include <xen/arch-x86/hvm/start_info.h>
#include <xen/hvm/params.h>
#include <xen/hvm/save.h>
#include <xenforeignmemory.h>

#include "tests/xen/driver/check.h"
#include "tests/xen/driver/guest.h"
#include "tests/xen/driver/image.h"
#include "tests/xen/driver/release.h"

#define PAGE_BYTES 4096ul
#define STANDING_MS 50 /* some hundred beats of a guest that runs */
#define MEMORY_MB_MAX 512
#define EXTENT_MB 2 /* populated by pages of this size */
#define EXTENT_ORDER 9
/* For shadow pages of views and for the ring, which come on top. */
#define SLACK_MB 4
/* Extended page tables of all the views, and how much memory of the guest they are enough for. */
#define POOL_MB 8
#define SMALL_POOL_MB 2
#define SMALL_MB 16
/* Where a kernel finds what the boot protocol hands to it, and where in that page. */
#define START_INFO 0x1000
#define START_MODULES 0x100
#define START_MEMORY_MAP 0x200
#define START_COMMAND_LINE 0x400
#define SPECIAL_PAGES (GUEST_RING_GFN + 1 - GUEST_CONSOLE_GFN)

#define HVM_PARAM_ALTP2M_EXTERNAL 2

static xc_interface *control;
static xenforeignmemory_handle *memory;

static void must(int result, const char *what)
{
	if (result < 0)
		check_bail("%s: %s", what, strerror(errno));
}

void guest_interface_open(void)
{
	control = xc_interface_open(NULL, NULL, 0);
	memory = xenforeignmemory_open(NULL, 0);
	if (!control || !memory)
		check_bail("cannot reach Xen: %s", strerror(errno));
}

struct xc_interface_core *guest_interface(void)
{
	return control;
}

static void create_domain(struct guest *guest, const struct guest_options *options)
{
	struct xen_domctl_createdomain config = {
		.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap,
		.max_vcpus = options->vcpu_count ? options->vcpu_count : MB_VCPUS,
		.max_evtchn_port = 1023,
		.max_grant_frames = 4,
		.max_maptrack_frames = 4,
#if XEN_RELEASE >= 417
		.grant_opts = XEN_DOMCTL_GRANT_version(1),
#endif
#if XEN_RELEASE >= 419
		.altp2m_opts = options->no_altp2m
				       ? 0
				       : XEN_DOMCTL_ALTP2M_mode(XEN_DOMCTL_ALTP2M_external),
#endif
		.arch = { .emulation_flags = XEN_X86_EMU_LAPIC },
	};

	/* As a toolstack does: a domain's number is another's some day. */
	must(getrandom(config.handle, sizeof(config.handle), 0), "getrandom");
	must(xc_domain_create(control, &guest->domain, &config), "xc_domain_create");
	must(xc_domain_max_vcpus(control, guest->domain, config.max_vcpus),
	     "xc_domain_max_vcpus");
	snprintf(guest->name, sizeof(guest->name), "%" PRIu32, guest->domain);
	guest->ours = true;
}

static void set_pool(uint32_t domain, uint32_t memory_mb)
{
	unsigned long size_mb = memory_mb > SMALL_MB ? POOL_MB : SMALL_POOL_MB;

#if XEN_RELEASE >= 417
	must(xc_set_paging_mempool_size(control, domain, size_mb << 20),
	     "xc_set_paging_mempool_size");
#else
	must(xc_shadow_control(control, domain, XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION, NULL, 0,
			       &size_mb, 0, NULL),
	     "xc_shadow_control");
#endif
}

static void set_parameters(uint32_t domain, const struct guest_options *options)
{
#if XEN_RELEASE < 419
	if (!options->no_altp2m)
		must(xc_hvm_param_set(control, domain, HVM_PARAM_ALTP2M,
				      HVM_PARAM_ALTP2M_EXTERNAL),
		     "HVM_PARAM_ALTP2M");
#endif
	must(xc_hvm_param_set(control, domain, HVM_PARAM_MONITOR_RING_PFN, GUEST_RING_GFN),
	     "HVM_PARAM_MONITOR_RING_PFN");
#if XEN_RELEASE >= 417
	must(xc_cpuid_apply_policy(control, domain, false, NULL, 0, true, false, false, NULL,
				   NULL),
	     "xc_cpuid_apply_policy");
#else
	must(xc_cpuid_apply_policy(control, domain, false, NULL, 0, true, NULL, NULL),
	     "xc_cpuid_apply_policy");
#endif
}

static void populate(uint32_t domain, uint32_t memory_mb)
{
	xen_pfn_t extents[MEMORY_MB_MAX / EXTENT_MB];
	size_t count = memory_mb / EXTENT_MB;

	must(xc_domain_setmaxmem(control, domain, (memory_mb + SLACK_MB) << 10),
	     "xc_domain_setmaxmem");
	for (size_t i = 0; i < count; i++)
		extents[i] = i << EXTENT_ORDER;
	must(xc_domain_populate_physmap_exact(control, domain, count, EXTENT_ORDER, 0, extents),
	     "xc_domain_populate_physmap_exact");
}

void *guest_map(uint32_t domain, uint64_t address, size_t pages)
{
	xen_pfn_t *gfns = calloc(pages, sizeof(*gfns));
	void *mapped;

	if (!gfns)
		check_bail("no memory");
	for (size_t i = 0; i < pages; i++)
		gfns[i] = address / PAGE_BYTES + i;
	mapped = xenforeignmemory_map(memory, domain, PROT_READ | PROT_WRITE, pages, gfns, NULL);
	if (!mapped)
		check_bail("map guest memory at %#" PRIx64 ": %s", address, strerror(errno));
	free(gfns);
	return mapped;
}

void guest_unmap(void *mapped, size_t pages)
{
	xenforeignmemory_unmap(memory, mapped, pages);
}

/* Bytes, then zeros up to `memory_size`. */
static void load(uint32_t domain, uint64_t address, const void *bytes, size_t size,
		 size_t memory_size)
{
	uint64_t first = address & ~(PAGE_BYTES - 1);
	size_t pages = (address + memory_size - first + PAGE_BYTES - 1) / PAGE_BYTES;
	char *to = guest_map(domain, first, pages);

	memcpy(to + (address - first), bytes, size);
	memset(to + (address - first) + size, 0, memory_size - size);
	guest_unmap(to, pages);
}

static void load_image(uint32_t domain, const struct image *image)
{
	for (size_t i = 0; i < image->piece_count; i++) {
		const struct image_piece *piece = &image->pieces[i];

		load(domain, piece->address, piece->bytes, piece->size, piece->memory_size);
	}
}

/* One page, all of it as the PVH boot protocol says; RBX has to point to it. */
static void load_start_info(uint32_t domain, const struct guest_boot *boot, uint32_t memory_mb)
{
	struct hvm_modlist_entry initrd = { .paddr = boot->initrd_address,
					    .size = boot->initrd_size };
	struct hvm_memmap_table_entry map[] = {
		{ .addr = 0, .size = (uint64_t)memory_mb << 20, .type = XEN_HVM_MEMMAP_TYPE_RAM },
		{ .addr = GUEST_CONSOLE_GFN * PAGE_BYTES, .size = SPECIAL_PAGES * PAGE_BYTES,
		  .type = XEN_HVM_MEMMAP_TYPE_RESERVED },
	};
	struct hvm_start_info info = {
		.magic = XEN_HVM_START_MAGIC_VALUE,
		.version = 1,
		.nr_modules = 1,
		.modlist_paddr = START_INFO + START_MODULES,
		.cmdline_paddr = START_INFO + START_COMMAND_LINE,
		.memmap_paddr = START_INFO + START_MEMORY_MAP,
		.memmap_entries = sizeof(map) / sizeof(*map),
	};
	char *page = guest_map(domain, START_INFO, 1);

	if (strlen(boot->command_line) >= PAGE_BYTES - START_COMMAND_LINE)
		check_bail("the kernel's command line is too long");
	memcpy(page, &info, sizeof(info));
	memcpy(page + START_MODULES, &initrd, sizeof(initrd));
	memcpy(page + START_MEMORY_MAP, map, sizeof(map));
	strcpy(page + START_COMMAND_LINE, boot->command_line);
	guest_unmap(page, 1);
	load(domain, boot->initrd_address, boot->initrd, boot->initrd_size, boot->initrd_size);
}

/* vCPU 0 in flat 32-bit protected mode at `entry`, as the PVH boot protocol wants it. */
static void set_first_vcpu(uint32_t domain, uint32_t entry, uint32_t start_info)
{
	struct {
		struct hvm_save_descriptor header_head;
		HVM_SAVE_TYPE(HEADER) header;
		struct hvm_save_descriptor cpu_head;
		HVM_SAVE_TYPE(CPU) cpu;
		struct hvm_save_descriptor end_head;
		HVM_SAVE_TYPE(END) end;
	} __attribute__((packed)) context = { 0 };
	int size = xc_domain_hvm_getcontext(control, domain, NULL, 0);
	uint8_t *whole = size > 0 ? calloc(1, size) : NULL;

	if (!whole)
		check_bail("xc_domain_hvm_getcontext: %s", strerror(errno));
	must(xc_domain_hvm_getcontext(control, domain, whole, size), "xc_domain_hvm_getcontext");
	/* Xen takes a context back only with the header that it gave. */
	memcpy(&context, whole, sizeof(context.header_head) + HVM_SAVE_LENGTH(HEADER));
	free(whole);

	context.cpu_head.typecode = HVM_SAVE_CODE(CPU);
	context.cpu_head.length = HVM_SAVE_LENGTH(CPU);
	context.cpu.cs_limit = context.cpu.ds_limit = context.cpu.es_limit =
		context.cpu.ss_limit = UINT32_MAX;
	context.cpu.cs_arbytes = 0xc9b;
	context.cpu.ds_arbytes = context.cpu.es_arbytes = context.cpu.ss_arbytes = 0xc93;
	context.cpu.tr_limit = 0x67;
	context.cpu.tr_arbytes = 0x8b;
	context.cpu.cr0 = 0x11; /* PE, ET */
	context.cpu.dr6 = 0xffff0ff0;
	context.cpu.dr7 = 0x400;
	context.cpu.rip = entry;
	context.cpu.rbx = start_info;
	context.cpu.rflags = 2;
	context.end_head.typecode = HVM_SAVE_CODE(END);
	must(xc_domain_hvm_setcontext(control, domain, (uint8_t *)&context, sizeof(context)),
	     "xc_domain_hvm_setcontext");
}

/* Of the last one that was made. */
static const char *last_path;

void guest_create(struct guest *guest, const char *path, const struct guest_options *options)
{
	static const struct guest_options defaults;
	struct image image;
	uint32_t memory_mb;

	if (!options)
		options = &defaults;
	memory_mb = options->memory_mb ? options->memory_mb : GUEST_MEMORY_MB;
	last_path = path;
	memset(guest, 0, sizeof(*guest));
	if (image_read(&image, path))
		check_bail("%s: %s", path, image_error());
	create_domain(guest, options);
	set_pool(guest->domain, memory_mb);
	populate(guest->domain, memory_mb);
	set_parameters(guest->domain, options);
	load_image(guest->domain, &image);
	if (options->boot)
		load_start_info(guest->domain, options->boot, memory_mb);
	set_first_vcpu(guest->domain, image.entry, options->boot ? START_INFO : 0);
	image_free(&image);
	if (options->paused)
		return;
	guest->boxes = guest_map(guest->domain, MB_BOXES, 1);
	must(xc_domain_unpause(control, guest->domain), "xc_domain_unpause");
}

bool guest_create_another(struct guest *guest)
{
	if (last_path)
		guest_create(guest, last_path, &(struct guest_options){ .paused = true });
	return last_path;
}

void guest_adopt(struct guest *guest, uint32_t domain)
{
	memset(guest, 0, sizeof(*guest));
	guest->domain = domain;
	snprintf(guest->name, sizeof(guest->name), "%" PRIu32, domain);
	guest->boxes = guest_map(domain, MB_BOXES, 1);
	for (unsigned int vcpu = 0; vcpu < MB_VCPUS; vcpu++)
		guest->wanted[vcpu] = guest_get(guest, vcpu, MB_WANTED);
}

void guest_destroy(struct guest *guest)
{
	if (guest->boxes)
		xenforeignmemory_unmap(memory, (void *)guest->boxes, 1);
	guest->boxes = NULL;
	if (guest->ours && xc_domain_destroy(control, guest->domain))
		check_note("xc_domain_destroy: %s", strerror(errno));
	guest->ours = false;
}

void guest_rest(const struct guest *guest, bool rests)
{
	must(rests ? xc_domain_pause(control, guest->domain)
		   : xc_domain_unpause(control, guest->domain),
	     rests ? "xc_domain_pause" : "xc_domain_unpause");
}

static volatile uint64_t *word(const struct guest *guest, unsigned int vcpu, unsigned int offset)
{
	return (volatile uint64_t *)(guest->boxes + vcpu * MB_BOX_SIZE + offset);
}

uint64_t guest_get(const struct guest *guest, unsigned int vcpu, unsigned int offset)
{
	return *word(guest, vcpu, offset);
}

void guest_start(struct guest *guest, unsigned int vcpu, unsigned int command, uint64_t a,
		 uint64_t b)
{
	*word(guest, vcpu, MB_COMMAND) = command;
	*word(guest, vcpu, MB_ARG0) = a;
	*word(guest, vcpu, MB_ARG1) = b;
	*word(guest, vcpu, MB_MARK) = 0; /* the guest sets it when it begins */
	/* The guest's lfence is the other half: the number is seen after what it stands for. */
	xen_wmb();
	*word(guest, vcpu, MB_WANTED) = ++guest->wanted[vcpu];
}

bool guest_is_done(const struct guest *guest, unsigned int vcpu)
{
	return guest_get(guest, vcpu, MB_DONE) == guest->wanted[vcpu];
}

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

void sleep_ms(unsigned int milliseconds)
{
	struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000L };

	nanosleep(&time, NULL);
}

bool guest_vcpu_lives(const struct guest *guest, unsigned int vcpu)
{
	uint64_t beat = guest_get(guest, vcpu, MB_BEAT);

	/* A few beats: one may be left over from before. */
	for (unsigned int i = 0; i < 500; i++) {
		if (guest_get(guest, vcpu, MB_BEAT) > beat + 3)
			return true;
		sleep_ms(2);
	}
	return false;
}

bool guest_stands(const struct guest *guest)
{
	uint64_t beat = guest_get(guest, 0, MB_BEAT);

	sleep_ms(STANDING_MS);
	return guest_get(guest, 0, MB_BEAT) == beat;
}

bool guest_lives(const struct guest *guest)
{
	return guest_vcpu_lives(guest, 0);
}
