/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* elf_core.c: see elf_core.h. */
#include "tools/elf_core.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/user.h>

#define PAGE 4096u

struct note {
	Elf64_Nhdr head;
	char name[8]; /* "CORE", and what aligns the rest to 4 */
	struct elf_prstatus status;
};

static void fill_note(struct note *note, uint32_t vcpu, const struct rs_vcpu_registers *registers)
{
	struct user_regs_struct user = {
		.r15 = registers->r15, .r14 = registers->r14, .r13 = registers->r13,
		.r12 = registers->r12, .rbp = registers->rbp, .rbx = registers->rbx,
		.r11 = registers->r11, .r10 = registers->r10, .r9 = registers->r9,
		.r8 = registers->r8, .rax = registers->rax, .rcx = registers->rcx,
		.rdx = registers->rdx, .rsi = registers->rsi, .rdi = registers->rdi,
		.orig_rax = registers->rax, .rip = registers->rip, .cs = registers->cs.selector,
		.eflags = registers->rflags, .rsp = registers->rsp, .ss = registers->ss.selector,
		.fs_base = registers->fs.base, .gs_base = registers->gs.base,
		.ds = registers->ds.selector, .es = registers->es.selector,
		.fs = registers->fs.selector, .gs = registers->gs.selector,
	};

	note->head.n_namesz = sizeof("CORE");
	note->head.n_descsz = sizeof(note->status);
	note->head.n_type = NT_PRSTATUS;
	memcpy(note->name, "CORE", sizeof("CORE"));
	note->status.pr_pid = (int)vcpu + 1;
	_Static_assert(sizeof(note->status.pr_reg) == sizeof(user), "one register file");
	memcpy(&note->status.pr_reg, &user, sizeof(user));
}

static void fill_header(Elf64_Ehdr *header, size_t segments)
{
	memcpy(header->e_ident, ELFMAG, SELFMAG);
	header->e_ident[EI_CLASS] = ELFCLASS64;
	header->e_ident[EI_DATA] = ELFDATA2LSB;
	header->e_ident[EI_VERSION] = EV_CURRENT;
	header->e_type = ET_CORE;
	header->e_machine = EM_X86_64;
	header->e_version = EV_CURRENT;
	header->e_phoff = sizeof(*header);
	header->e_ehsize = sizeof(*header);
	header->e_phentsize = sizeof(Elf64_Phdr);
	header->e_phnum = (Elf64_Half)segments;
}

static Elf64_Phdr load_segment(const struct run *run)
{
	return (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_W | PF_X,
		.p_offset = run->offset,
		.p_vaddr = run->address,
		.p_paddr = run->address,
		.p_filesz = run->size,
		.p_memsz = run->size,
		.p_align = PAGE,
	};
}

void *elf_core_head(struct run *runs, size_t count, const struct rs_vcpu_registers *registers,
		    uint32_t vcpu_count, size_t *size)
{
	size_t notes_at = sizeof(Elf64_Ehdr) + (count + 1) * sizeof(Elf64_Phdr);
	size_t notes_size = vcpu_count * sizeof(struct note);
	uint64_t offset = (notes_at + notes_size + PAGE - 1) / PAGE * PAGE;
	char *head = calloc(1, offset);
	Elf64_Phdr *segments = (Elf64_Phdr *)(head + sizeof(Elf64_Ehdr));

	if (!head)
		return NULL;
	*size = offset;
	fill_header((Elf64_Ehdr *)head, count + 1);
	segments[0] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_offset = notes_at, .p_filesz = notes_size, .p_align = 4,
	};
	for (uint32_t vcpu = 0; vcpu < vcpu_count; vcpu++)
		fill_note((struct note *)(head + notes_at) + vcpu, vcpu, &registers[vcpu]);
	for (size_t i = 0; i < count; i++) {
		runs[i].offset = offset;
		offset += runs[i].size;
		segments[i + 1] = load_segment(&runs[i]);
	}
	return head;
}
