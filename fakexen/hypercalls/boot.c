/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* boot.c: what xl and libxenguest do to make a PVH domain, in one step: memory, special
 * pages, parameters, the image, the start info, and vCPU 0 at the entry. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/arch-x86/hvm/start_info.h>        /* wants <stdint.h> */

#include "fakexen/cpu/cpu.h"
#include "fakexen/hypercalls/image.h"
#include "fakexen/hypercalls/private.h"
#include "fakexen/p2m.h"

/* libxenguest's special pages, just below 4 GiB less 16 MiB. */
enum { SPECIAL_PAGING, SPECIAL_MONITOR, SPECIAL_SHARING, SPECIAL_BUFIOREQ, SPECIAL_XENSTORE,
       SPECIAL_IOREQ, SPECIAL_IDENT_PT, SPECIAL_CONSOLE, SPECIAL_PAGES };
#define SPECIAL_GFN(page) (0xff000u - SPECIAL_PAGES + (page))
#define SLACK_PAGES 256u                /* libxl's LIBXL_MAXMEM_CONSTANT */
#define MEMORY_MAX_MIB 4032u            /* below the special pages */
#define PAGES_PER_MIB 256u

struct builder {
	struct fx_model *model;
	struct fx_domain *domain;
	const struct fx_domain_options *options;
	char *why;
	size_t why_size;
};

static int fail(const struct builder *b, int error, const char *what)
{
	snprintf(b->why, b->why_size, "%s", what);
	return error;
}

/* ---- memory ---- */

static int populate(const struct builder *b)
{
	uint64_t pages = (uint64_t)b->options->memory_mib * PAGES_PER_MIB;

	b->domain->max_pages = pages + SLACK_PAGES;
	for (uint64_t gfn = 0; gfn < pages; gfn++)
		if (fx_p2m_populate(b->model, b->domain, gfn))
			return fail(b, -ENOMEM, "not so much memory left");
	for (unsigned int page = 0; page < SPECIAL_PAGES; page++)
		if (fx_p2m_populate(b->model, b->domain, SPECIAL_GFN(page)))
			return fail(b, -ENOMEM, "not so much memory left");
	return 0;
}

/* Guest memory at an address; *count is cut down to what is left of its page. NULL: there
 * is none. */
static uint8_t *guest_memory(struct fx_model *model, const struct fx_domain *domain,
	uint64_t address, uint64_t *count)
{
	const struct fx_p2m_entry *entry;

	if (*count > FX_PAGE - address % FX_PAGE)
		*count = FX_PAGE - address % FX_PAGE;
	if (address / FX_PAGE >= FX_GFNS)
		return NULL;
	entry = &domain->p2m[address / FX_PAGE];
	if (!entry->present)
		return NULL;
	return fx_page(model, entry->frame) + address % FX_PAGE;
}

static int write_memory(const struct builder *b, uint64_t address, const void *bytes,
	uint64_t size)
{
	const uint8_t *from = bytes;

	while (size) {
		uint64_t count = size;
		uint8_t *to = guest_memory(b->model, b->domain, address, &count);

		if (!to)
			return fail(b, -ENOSPC, "the image does not fit into its memory");
		memcpy(to, from, count);
		address += count;
		from += count;
		size -= count;
	}
	return 0;
}

static int load_image(const struct builder *b, const struct fx_image *image)
{
	const struct fx_image_part *segment;

	/* Fresh memory is zero, as the rest of a segment has to be. */
	for (unsigned int i = 0; (segment = fx_image_segment(image, i)); i++) {
		int error = write_memory(b, segment->address, segment->bytes, segment->size);

		if (error)
			return error;
	}
	b->domain->image_base = fx_image_segment(image, 0)->address;
	b->domain->image_size = fx_image_end(image) - b->domain->image_base;
	return 0;
}

/* ---- what the guest is told ---- */

struct start_page {
	struct hvm_start_info info;
	struct hvm_memmap_table_entry map[2];
};

/* Puts it on the first whole page behind the image. */
static int write_start_info(const struct builder *b, const struct fx_image *image,
	uint32_t *address)
{
	uint64_t place = (fx_image_end(image) + FX_PAGE - 1) & ~(uint64_t)(FX_PAGE - 1);
	struct start_page page = {
		.info = { .magic = XEN_HVM_START_MAGIC_VALUE, .version = 1,
			.memmap_paddr = place + offsetof(struct start_page, map),
			.memmap_entries = ARRAY_COUNT(page.map) },
		.map = {
			{ .addr = 0, .size = (uint64_t)b->options->memory_mib << 20,
				.type = XEN_HVM_MEMMAP_TYPE_RAM },
			{ .addr = (uint64_t)SPECIAL_GFN(0) * FX_PAGE,
				.size = SPECIAL_PAGES * FX_PAGE,
				.type = XEN_HVM_MEMMAP_TYPE_RESERVED },
		},
	};

	*address = place;
	return write_memory(b, place, &page, sizeof page);
}

/* A 32-bit page directory that maps 4 GiB one to one: for real mode on old processors. */
static int write_identity_map(const struct builder *b)
{
	enum { ENTRIES = FX_PAGE / sizeof(uint32_t), PRESENT_TO_PSE = 0xe7 };
	uint32_t directory[ENTRIES];

	for (uint32_t i = 0; i < ENTRIES; i++)
		directory[i] = i << 22 | PRESENT_TO_PSE;
	return write_memory(b, (uint64_t)SPECIAL_GFN(SPECIAL_IDENT_PT) * FX_PAGE, directory,
		sizeof directory);
}

static void set_params(const struct builder *b)
{
	uint64_t *params = b->domain->params;

	params[HVM_PARAM_STORE_PFN] = SPECIAL_GFN(SPECIAL_XENSTORE);
	params[HVM_PARAM_BUFIOREQ_PFN] = SPECIAL_GFN(SPECIAL_BUFIOREQ);
	params[HVM_PARAM_IOREQ_PFN] = SPECIAL_GFN(SPECIAL_IOREQ);
	params[HVM_PARAM_CONSOLE_PFN] = SPECIAL_GFN(SPECIAL_CONSOLE);
	params[HVM_PARAM_PAGING_RING_PFN] = SPECIAL_GFN(SPECIAL_PAGING);
	params[HVM_PARAM_MONITOR_RING_PFN] = SPECIAL_GFN(SPECIAL_MONITOR);
	params[HVM_PARAM_SHARING_RING_PFN] = SPECIAL_GFN(SPECIAL_SHARING);
	params[HVM_PARAM_IDENT_PT] = (uint64_t)SPECIAL_GFN(SPECIAL_IDENT_PT) * FX_PAGE;
	if (b->model->options.altp2m)
		params[HVM_PARAM_ALTP2M] = XEN_ALTP2M_external;
}

/* ---- the image as it was, for fx_domain_changed_code() ---- */

/* Private to the launcher: the model has no room for what only the report asks. */
struct constant {
	struct constant *next;
	uint32_t domid;
	uint64_t address, size;
	uint8_t bytes[];
};

static struct constant *constants;

static int remember_constants(const struct builder *b, const struct fx_image *image)
{
	const struct fx_image_part *part;

	for (unsigned int i = 0; (part = fx_image_constant(image, i)); i++) {
		struct constant *constant = malloc(sizeof(*constant) + part->size);

		if (!constant)
			return fail(b, -ENOMEM, "no memory");
		constant->domid = b->domain->id;
		constant->address = part->address;
		constant->size = part->size;
		memcpy(constant->bytes, part->bytes, part->size);
		constant->next = constants;
		constants = constant;
	}
	return 0;
}

static uint64_t count_changed(struct fx_model *model, const struct fx_domain *domain,
	const struct constant *constant)
{
	uint64_t changed = 0, done = 0;

	while (done < constant->size) {
		uint64_t count = constant->size - done;
		const uint8_t *now = guest_memory(model, domain, constant->address + done, &count);

		for (uint64_t i = 0; i < count; i++)
			changed += !now || now[i] != constant->bytes[done + i];
		done += count;
	}
	return changed;
}

uint64_t fx_domain_changed_code(struct fx_model *model, const struct fx_domain *domain)
{
	uint64_t changed = 0;

	for (const struct constant *c = constants; c; c = c->next)
		if (c->domid == domain->id)
			changed += count_changed(model, domain, c);
	return changed;
}

/* ---- all of it ---- */

/* Another UUID each time, as a domain's number is used again after each boot. */
static void set_identity(struct fx_domain *domain, const struct fx_domain_options *options,
	uint64_t now)
{
	static const uint8_t uuid[16] = { 0xfa, 0xce, 0x0e, 0x0e, 0, 0, 0x40, 0, 0x80 };

	memcpy(domain->uuid, uuid, sizeof uuid);
	memcpy(domain->uuid + 9, &now, 5);
	domain->uuid[14] = domain->id >> 8;
	domain->uuid[15] = domain->id;
	if (options->name)
		snprintf(domain->name, sizeof(domain->name), "%s", options->name);
	else
		snprintf(domain->name, sizeof(domain->name), "guest%u", domain->id);
}

static int build_pvh(const struct builder *b, const struct fx_image *image)
{
	struct fx_vcpu *first = &b->domain->vcpus[0];
	uint32_t start_info = 0;
	int error = populate(b);

	if (!error)
		error = load_image(b, image);
	if (!error)
		error = write_start_info(b, image, &start_info);
	if (!error)
		error = write_identity_map(b);
	if (!error)
		error = remember_constants(b, image);
	if (error)
		return error;
	set_params(b);
	b->domain->emulation_flags = XEN_X86_EMU_LAPIC;
	/* libxl_get_required_shadow_memory(), in bytes */
	b->domain->paging_pool_bytes = 4096ull * (256 * b->options->vcpus +
		2 * b->options->memory_mib);
	fx_cpu_pvh_entry(&first->cpu, fx_image_entry(image), start_info);
	first->cpu.apic.id = 0;
	first->exists = first->up = true;
	return 0;
}

static int check_options(const struct builder *b)
{
	if (b->options->vcpus < 1 || b->options->vcpus > FX_VCPUS)
		return fail(b, -EINVAL, "it can have 1 to 128 vCPUs");
	if (b->options->memory_mib < 1 || b->options->memory_mib > MEMORY_MAX_MIB)
		return fail(b, -EINVAL, "it can have 1 to 4032 MiB of memory");
	return 0;
}

static int build(struct builder *b, const struct fx_host *host, const struct fx_image *image)
{
	b->domain = fx_domain_create(b->model, 0);
	if (!b->domain)
		return fail(b, -ENOMEM, "no room for another domain");
	b->domain->is_hvm = !b->options->pv;
	b->domain->max_vcpus = b->options->vcpus;
	fx_domain_make_vcpus(b->domain, b->options->vcpus);
	set_identity(b->domain, b->options, host->now(host->opaque));
	return b->options->pv ? 0 : build_pvh(b, image);
}

int fx_domain_boot(struct fx_model *model, const struct fx_host *host,
	const struct fx_domain_options *options, uint32_t *id, char *why, size_t why_size)
{
	struct builder b = { .model = model, .options = options, .why = why,
		.why_size = why_size };
	struct fx_image *image = NULL;
	int error = check_options(&b);

	if (!error && !options->pv)
		error = fx_image_open(&image, options->image, why, why_size);
	if (error)
		return error;
	error = build(&b, host, image);
	if (image)
		fx_image_close(image);
	if (error) {
		if (b.domain)
			fx_domain_kill(model, host, b.domain);
		return error;
	}
	*id = b.domain->id;
	b.domain->creation_finished = true;
	b.domain->pause_count = 0;
	fx_domain_wake(model, host, b.domain);
	return 0;
}
