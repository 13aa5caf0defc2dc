/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* boot.c: the domain builder: an image in memory, what the guest is told, and images that
 * are none. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xen/arch-x86/hvm/start_info.h>

#include "fakexen/p2m.h"
#include "tests/fakexen/hypercalls/fixture.h"
#include "tests/unit/tap.h"

static char why[200];

static int boot(const char *image, uint32_t memory_mib, uint32_t *id)
{
	const struct fx_caller *caller = fixture_caller();
	const struct fx_domain_options options = { .name = "test", .vcpus = 2,
		.memory_mib = memory_mib, .image = image };

	why[0] = '\0';
	return fx_domain_boot(caller->model, caller->host, &options, id, why, sizeof why);
}

static uint8_t *memory(struct fx_domain *domain, uint64_t address)
{
	const struct fx_p2m_entry *entry = fx_p2m_entry(domain, address / FX_PAGE);

	return fx_page(fixture_caller()->model, entry->frame) + address % FX_PAGE;
}

static void a_domain(void)
{
	struct fx_model *model = fixture_caller()->model;
	const struct hvm_start_info *info;
	const struct hvm_memmap_table_entry *map;
	struct fx_domain *domain;
	uint32_t id = 0;

	if (!tap_ok(!boot(fixture_image(), 8, &id), "an image boots %s", why))
		return;
	domain = fx_domain_find(model, id);
	tap_ok(!domain->pause_count && domain->vcpus[0].up && !domain->vcpus[1].up &&
		domain->vcpus[0].cpu.rip == 1 << 20, "vCPU 0 runs, at the entry");
	tap_ok(domain->total_pages == 8 * 256 + 8 && domain->max_gfn == 0xfefff,
		"its memory and 8 special pages below 0xff000");
	tap_ok(*memory(domain, (1 << 20) + 31) == 0xf4 && *memory(domain, (1 << 20) + 32) == 0,
		"its code is in place");
	info = (void *)memory(domain, domain->vcpus[0].cpu.gpr[FX_RBX]);
	map = (void *)memory(domain, info->memmap_paddr);
	tap_ok(info->magic == XEN_HVM_START_MAGIC_VALUE && info->memmap_entries == 2 &&
		map[0].size == 8 << 20, "EBX points to the start info and its memory map");
	tap_ok(domain->params[HVM_PARAM_MONITOR_RING_PFN] == 0xfeff9 &&
		domain->params[HVM_PARAM_ALTP2M] == XEN_ALTP2M_external, "parameters as xl sets them");
	tap_ok(fx_domain_changed_code(model, domain) == 0, "no byte of its code has changed");
	*memory(domain, (1 << 20) + 3) = 0xcc;
	*memory(domain, (1 << 20) + 40) = 0xcc;         /* behind the code */
	tap_ok(fx_domain_changed_code(model, domain) == 1, "a breakpoint is one changed byte");
	fx_p2m_remove(model, domain, (1 << 20) / FX_PAGE);
	tap_ok(fx_domain_changed_code(model, domain) == 32, "without its page all are changed");
}

static bool refuses(const char *image, uint32_t memory_mib, const char *text)
{
	uint64_t pages = 0;
	uint32_t id;
	bool refused = boot(image, memory_mib, &id) < 0 && strstr(why, text);

	for (unsigned int slot = 2; slot < fixture_caller()->model->domain_slots; slot++)
		pages += fx_domain(fixture_caller()->model, slot)->total_pages;
	if (!refused || pages)
		printf("# \"%s\", %lu pages left behind\n", why, (unsigned long)pages);
	return refused && !pages;
}

/* Files that are the image cut short or with one byte changed: an error or a domain,
 * but no crash. */
static void damaged_images(void)
{
	char path[] = "/tmp/fakexen-damaged-XXXXXX";
	uint8_t bytes[1024];
	FILE *file = fopen(fixture_image(), "rb");
	size_t size = fread(bytes, 1, sizeof bytes, file);
	unsigned int refused = 0, booted = 0;

	fclose(file);
	close(mkstemp(path));
	for (size_t i = 0; i < 2 * size; i += 3) {
		uint8_t old = bytes[i % size];
		struct xen_domctl ctl = { 0 };
		uint32_t id;

		if (i >= size)
			bytes[i - size] ^= 0xff;
		file = fopen(path, "wb");
		fwrite(bytes, 1, i < size ? i : size, file);
		fclose(file);
		bytes[i % size] = old;
		if (boot(path, 2, &id) < 0) {
			refused++;
			continue;
		}
		booted++;
		fixture_domctl(&ctl, XEN_DOMCTL_destroydomain, id);
	}
	unlink(path);
	tap_ok(refused > size / 6 && booted > 0, "damaged images: %u refused, %u booted", refused,
		booted);
}

int main(void)
{
	a_domain();
	tap_ok(refuses("/nonexistent", 8, "No such file"), "no image");
	tap_ok(refuses("/dev/null", 8, "not an x86 ELF"), "an empty file");
	tap_ok(refuses("/proc/self/exe", 8, "PVH"), "a program that is no PVH image");
	tap_ok(refuses(fixture_image(), 1, "does not fit"), "too little memory for the image");
	tap_ok(refuses(fixture_image(), 1024, "memory left"), "more memory than there is");
	tap_ok(refuses(fixture_image(), 4096, "4032"), "more memory than a domain can have");
	damaged_images();
	return tap_done();
}
