/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cr3loop.S: bare loops of one kind of event on every vCPU, as fast as they go: for
 * benchmarks. HEADER_COMMAND chooses the kind and HEADER_THINK the work between two events;
 * both are looked at every 256 iterations. Memory and mailbox: map.h. */
#include "boot.inc"

#define MSR_LSTAR 0xc0000082

	/* Between the two stands the event, which may use rax, rcx, rdx, r8 and r9. */
	.macro begin
	mov ebp, 256
1:
	.endm
	.macro again
	mov r10, r13
	test r10, r10
	jz 3f
2:	dec r10
	jnz 2b
3:	inc qword ptr [r15 + SLOT_LOOPS]
	dec ebp
	jnz 1b
	jmp main
	.endm

main:
	mov rsp, [r15 + SLOT_STACK]
	mov r8d, GUEST_ROOT_A
	mov r9d, GUEST_ROOT_B
	mov r13, [GUEST_MAILBOX + HEADER_THINK]
	mov rax, [GUEST_MAILBOX + HEADER_COMMAND]
	cmp rax, LOOP_LAST
	ja main
	lea rbx, kinds[rip]
	jmp [rbx + rax * 8]

loop_cr3:
	begin
	xchg r8, r9
	mov cr3, r8
	again
loop_msr:
	begin
	mov ecx, MSR_LSTAR
	xchg r8, r9
	mov eax, r8d
	xor edx, edx
	wrmsr
	again
loop_int3:
	begin
	int3
	again
loop_cpuid:
	begin
	xor eax, eax
	xor ecx, ecx
	cpuid
	again
loop_read:
	begin
	mov rax, [GUEST_DATA_PAGE]
	again

	.balign 8
kinds:	.quad loop_cr3, loop_msr, loop_int3, loop_cpuid, loop_read
