/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * regs-dump.c: prints some registers of each vCPU of a guest.
 *
 *	regs-dump DOMAIN
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <ringside/ringside.h>

static void print(uint32_t vcpu, const struct rs_vcpu_registers *registers)
{
	printf("vcpu %u: rip %#" PRIx64 " rsp %#" PRIx64 " rax %#" PRIx64 " rflags %#" PRIx64
	       " cr0 %#" PRIx64 " cr3 %#" PRIx64 " cr4 %#" PRIx64 " efer %#" PRIx64
	       " lstar %#" PRIx64 " cs %#x gs.base %#" PRIx64 " idtr %#" PRIx64 "\n",
	       vcpu, registers->rip, registers->rsp, registers->rax, registers->rflags,
	       registers->cr0, registers->cr3, registers->cr4, registers->efer, registers->lstar,
	       registers->cs.selector, registers->gs.base, registers->idtr.base);
}

int main(int argc, char **argv)
{
	struct rs_vcpu_registers registers;
	struct rs_guest *guest;
	int error;

	if (argc != 2) {
		fprintf(stderr, "usage: regs-dump DOMAIN\n");
		return 2;
	}
	error = rs_guest_open(&guest, argv[1], NULL);
	if (error)
		return rs_perror("regs-dump", error);
	for (uint32_t vcpu = 0; vcpu < rs_guest_vcpu_count(guest) && !error; vcpu++) {
		error = rs_vcpu_read_registers(guest, vcpu, &registers);
		if (!error)
			print(vcpu, &registers);
		else if (error == -ENODATA) /* the guest has not started it */
			error = 0;
	}
	if (error)
		rs_perror("regs-dump", error);
	rs_guest_close(guest);
	return error != 0;
}
