/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* idle.S: a guest that sleeps for ever on every vCPU: one loop counted, then hlt. For tests
 * that need a domain and no events. Memory and mailbox: map.h. */
#include "boot.inc"

main:
	mov rsp, [r15 + SLOT_STACK]
	inc qword ptr [r15 + SLOT_LOOPS]
	hlt
	jmp main
