/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* worker.S: the guest with something of everything: every vCPU does rounds of what a
 * monitor can watch, and naps between them, so that it neither starves nor burns its host.
 *
 * A round: CR3 to ROOT_B and back; LSTAR and KERNEL_GS_BASE written with new values; int3;
 * cpuid; CR4.PCE set and cleared; DATA_PAGE read, written and incremented under lock;
 * CODE_PAGE called; every 4th round XCR0 to 1 and back to 3; every 8th sgdt, sidt, sldt
 * and str; every 16th a guest request. Memory and mailbox: map.h. */
#include "boot.inc"

#define MSR_LSTAR 0xc0000082
#define MSR_KERNEL_GS_BASE 0xc0000102

main:
	mov rsp, [r15 + SLOT_STACK]
	mov r12, [GUEST_MAILBOX + HEADER_ROUNDS]
1:	call round
	inc qword ptr [r15 + SLOT_LOOPS]
	cmp qword ptr [GUEST_MAILBOX + HEADER_ROUNDS], 0
	je 1b
	dec r12
	jg 1b
	call nap
	jmp main

round:
	mov rbx, [r15 + SLOT_LOOPS]
	call address_spaces
	call registers
	int3
	mov eax, ebx
	and eax, 1
	shl eax, 30                     /* leaf 0, or the hypervisor's */
	push rbx
	cpuid
	pop rbx
	call pages
	test bl, 3
	jnz 1f
	call extended_state
1:	test bl, 7
	jnz 2f
	call descriptor_tables
2:	test bl, 15
	jnz 3f
	mov eax, HYPERCALL_HVM_OP
	mov edi, HVMOP_GUEST_REQUEST
	xor esi, esi
	vmcall
3:	ret

address_spaces:
	mov eax, GUEST_ROOT_B
	mov cr3, rax
	mov eax, GUEST_ROOT_A
	mov cr3, rax
	ret

registers:
	mov ecx, MSR_LSTAR              /* 0xffffffff81a00000 + 16 * loops, and so on */
	mov eax, ebx
	and eax, 0xffff
	shl eax, 4
	add eax, 0x81a00000
	mov edx, 0xffffffff
	wrmsr
	mov ecx, MSR_KERNEL_GS_BASE
	mov eax, ebx
	shl eax, 12
	mov edx, 0x7f12
	wrmsr
	mov rax, cr4
	or eax, 0x100                   /* PCE */
	mov cr4, rax
	and eax, ~0x100
	mov cr4, rax
	ret

pages:
	mov rax, [GUEST_DATA_PAGE]
	mov [GUEST_DATA_PAGE + 1024 + r14 * 8], rbx
	lock inc qword ptr [GUEST_DATA_PAGE + 8]
	mov eax, GUEST_CODE_PAGE
	call rax
	ret

extended_state:
	xor ecx, ecx
	xor edx, edx
	mov eax, 1
	xsetbv
	mov eax, 3
	xsetbv
	ret

descriptor_tables:
	sub rsp, 16
	sgdt [rsp]
	sidt [rsp]
	sldt eax
	str eax
	add rsp, 16
	ret

	/* Sleeps until the timer interrupt. No wake-up is lost: hlt is in sti's shadow. */
nap:
	mov ecx, MSR_APIC_TIMER_INITIAL
	mov eax, [GUEST_MAILBOX + HEADER_NAP]
	test eax, eax
	jz 1f
	xor edx, edx
	cli
	wrmsr
	sti
	hlt
1:	ret
