/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sums.S: a guest that would notice a change of its code. A round: every one of SUMS_FUNCTIONS
 * functions is called, each of which adds 1 to rax, and the sum of their code is compared with
 * the first that there was; vCPU 0 also writes a number into the function at SUMS_WRITTEN, and
 * calls that to get it back. What comes out wrong is counted in the vCPU's slot: map.h. */
#include "boot.inc"

#define MOV_EAX 0xb8
#define RET 0xc3

main:
	mov rsp, [r15 + SLOT_STACK]
	test r14d, r14d
	jnz 1f
	mov byte ptr [SUMS_WRITTEN], MOV_EAX
	mov byte ptr [SUMS_WRITTEN + 5], RET
1:	call sum
	mov r13, rax                    /* right, for ever */
again:
	call functions
	call sum
	cmp rax, r13
	je 1f
	inc qword ptr [r15 + SLOT_WRONG_SUMS]
1:	test r14d, r14d
	jnz 2f
	call written
2:	inc qword ptr [r15 + SLOT_LOOPS]
	pause
	jmp again

functions:
	xor eax, eax
	mov edx, 1
	mov ebx, SUMS_CODE
	mov r12d, SUMS_FUNCTIONS
1:	mov ecx, 3
	mov esi, GUEST_DATA_PAGE
	mov edi, GUEST_DATA_PAGE
	call rbx
	add rbx, SUMS_FUNCTION_SIZE
	dec r12d
	jnz 1b
	cmp rax, SUMS_FUNCTIONS
	je 2f
	inc qword ptr [r15 + SLOT_WRONG_CALLS]
2:	ret

sum:
	xor eax, eax
	mov esi, SUMS_CODE
	mov ecx, SUMS_FUNCTIONS * SUMS_FUNCTION_SIZE / 8
1:	add rax, [rsi]
	rol rax, 1
	add rsi, 8
	dec ecx
	jnz 1b
	ret

written:
	mov ebx, [r15 + SLOT_LOOPS]
	mov [SUMS_WRITTEN + 1], ebx
	mov ecx, SUMS_WRITTEN
	call rcx
	cmp eax, ebx
	je 1f
	inc qword ptr [r15 + SLOT_WRONG_CODE]
1:	ret

	/* Five kinds by turns: known to be emulated, and not; with memory; a string instruction. */
	.section .codepage
	.org SUMS_CODE - GUEST_CODE_PAGE
	.rept SUMS_FUNCTIONS / 5
	.balign SUMS_FUNCTION_SIZE
	add rax, 1
	ret
	.balign SUMS_FUNCTION_SIZE
	lea rax, [rax + 1]
	ret
	.balign SUMS_FUNCTION_SIZE
	push rdx
	add rax, [rsp]
	pop rdx
	ret
	.balign SUMS_FUNCTION_SIZE
	imul rdx, rdx, 1
	inc rax
	ret
	.balign SUMS_FUNCTION_SIZE
	repe cmpsb
	inc rax
	ret
	.endr
	.balign SUMS_FUNCTION_SIZE
	.text
