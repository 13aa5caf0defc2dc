/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fixture.c: see fixture.h. */
#include "tests/fakexen/hypercalls/fixture.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xen/elfnote.h>

#include "fakexen/p2m.h"

#define SLOTS 6
#define FRAMES (64 * 256)

static char log_text[4096];

static uint64_t now(void *opaque)
{
	static uint64_t time;

	(void)opaque;
	return time += 1000;
}

static void deliver(void *opaque, unsigned int device, uint32_t port)
{
	(void)opaque, (void)device, (void)port;
}

static void wake(void *opaque, unsigned int slot, unsigned int vcpu)
{
	(void)opaque, (void)slot, (void)vcpu;
}

/* The first page is nobody's, as in a real process. */
static int copy_in(void *opaque, pid_t pid, void *to, uint64_t from, size_t size)
{
	(void)opaque, (void)pid;
	if (size && from < FX_PAGE)
		return -EFAULT;
	memcpy(to, (const void *)(uintptr_t)from, size);
	return 0;
}

static int copy_out(void *opaque, pid_t pid, uint64_t to, const void *from, size_t size)
{
	(void)opaque, (void)pid;
	if (size && to < FX_PAGE)
		return -EFAULT;
	memcpy((void *)(uintptr_t)to, from, size);
	return 0;
}

static void log_line(void *opaque, const char *line)
{
	size_t length = strlen(log_text);

	(void)opaque;
	snprintf(log_text + length, sizeof log_text - length, "%s\n", line);
}

bool fixture_logged(const char *text)
{
	bool found = strstr(log_text, text);

	log_text[0] = '\0';
	return found;
}

const struct fx_caller *fixture_caller(void)
{
	static const struct fx_host host = { .now = now, .deliver = deliver, .wake = wake,
		.copy_in = copy_in, .copy_out = copy_out, .log = log_line };
	static struct fx_caller caller;

	if (caller.model)
		return &caller;
	caller.model = mmap(NULL, fx_model_size(SLOTS, FRAMES), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (caller.model == MAP_FAILED) {
		printf("Bail out! no memory for the model\n");
		exit(1);
	}
	fx_model_init(caller.model, SLOTS, FRAMES);
	caller.model->options.altp2m = true;
	caller.host = &host;
	caller.restricted_to = -1;
	return &caller;
}

int64_t fixture_hypercall(uint64_t op, uint64_t a, uint64_t b, uint64_t c)
{
	return fx_hypercall(fixture_caller(), op, (uint64_t[5]){ a, b, c });
}

int64_t fixture_domctl(struct xen_domctl *ctl, uint32_t cmd, uint32_t domain)
{
	ctl->cmd = cmd;
	ctl->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	ctl->domain = domain;
	return fixture_hypercall(__HYPERVISOR_domctl, (uintptr_t)ctl, 0, 0);
}

uint32_t fixture_domain(uint32_t vcpus, uint32_t pages)
{
	struct xen_domctl ctl = { .u.createdomain = {
		.flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap, .max_vcpus = vcpus,
		.grant_opts = XEN_DOMCTL_GRANT_version(1),
		.arch.emulation_flags = XEN_X86_EMU_LAPIC } };
	struct fx_domain *domain;
	uint32_t id;

	if (fixture_domctl(&ctl, XEN_DOMCTL_createdomain, 0))
		return 0;
	id = ctl.domain;
	domain = fx_domain_find(fixture_caller()->model, id);
	ctl.u.max_vcpus.max = vcpus;
	fixture_domctl(&ctl, XEN_DOMCTL_max_vcpus, id);
	ctl.u.max_mem.max_memkb = (pages + 16) * 4;
	fixture_domctl(&ctl, XEN_DOMCTL_max_mem, id);
	for (uint32_t gfn = 0; gfn < pages; gfn++)
		fx_p2m_populate(fixture_caller()->model, domain, gfn);
	return id;
}

/* ---- an image ---- */

struct image {
	Elf64_Ehdr header;
	Elf64_Phdr segments[2];
	struct {
		Elf64_Nhdr header;
		char name[4];
		uint32_t entry;
	} note;
	uint8_t code[32];
	Elf64_Shdr sections[2];
};

static void fill(struct image *image)
{
	enum { BASE = 1 << 20 };

	*image = (struct image){
		.header = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
				ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
			.e_phoff = offsetof(struct image, segments), .e_phnum = 2,
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_shoff = offsetof(struct image, sections), .e_shnum = 2,
			.e_shentsize = sizeof(Elf64_Shdr) },
		.segments = {
			{ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_paddr = BASE,
				.p_offset = offsetof(struct image, code),
				.p_filesz = sizeof image->code, .p_memsz = FX_PAGE },
			{ .p_type = PT_NOTE, .p_offset = offsetof(struct image, note),
				.p_filesz = sizeof image->note },
		},
		.note = { .header = { .n_namesz = 4, .n_descsz = 4,
				.n_type = XEN_ELFNOTE_PHYS32_ENTRY },
			.name = "Xen", .entry = BASE },
		.sections = { { .sh_type = SHT_NULL },
			{ .sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
				.sh_addr = BASE, .sh_offset = offsetof(struct image, code),
				.sh_size = sizeof image->code } },
	};
	memset(image->code, 0xf4, sizeof image->code);
}

static char image_path[] = "/tmp/fakexen-image-XXXXXX";

static void remove_image(void)
{
	unlink(image_path);
}

const char *fixture_image(void)
{
	static bool made;
	struct image image;
	int fd;

	if (made)
		return image_path;
	fill(&image);
	fd = mkstemp(image_path);
	if (fd < 0 || write(fd, &image, sizeof image) != sizeof image || close(fd)) {
		printf("Bail out! cannot write an image\n");
		exit(1);
	}
	atexit(remove_image);
	made = true;
	return image_path;
}
