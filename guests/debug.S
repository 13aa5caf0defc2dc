/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* debug.S: every vCPU raises debug exceptions: by icebp, and by a single step (TF) over one
 * instruction; then it sleeps until the timer. Memory and mailbox: map.h. */
#include "boot.inc"

main:
	mov rsp, [r15 + SLOT_STACK]
	.byte 0xf1                      /* icebp */
	pushfq
	or dword ptr [rsp], 0x100       /* TF: the handler clears it again */
	popfq
	nop                             /* #DB after this one */
	inc qword ptr [r15 + SLOT_LOOPS]
	mov ecx, MSR_APIC_TIMER_INITIAL
	mov eax, [GUEST_MAILBOX + HEADER_NAP]
	xor edx, edx
	cli
	wrmsr
	sti
	hlt                             /* in sti's shadow: no wake-up is lost */
	jmp main
