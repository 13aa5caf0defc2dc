/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench.S: raises one kind of event after the other, and measures by the TSC how long it
 * stands still for each. What it does and where it counts: bench.h. */
#include "bench.h"
#include "boot.inc"

#define MSR_LSTAR 0xc0000082
#define CR4_PCE 0x100

#define PARAMETER(offset) [GUEST_BENCH + offset]

/* r8: what CR3 was given last; r9: what the MSR was; r10: when the event began; r11: when it
 * ended; r12: the area; r13: the generation; rbp: where the next event is; rsi: what comes before
 * it: think, or the event itself; rdi: events left. An event may use rax, rbx, rcx, rdx, r8 and r9.
 * What lies between two events is short, since in a model each instruction takes its time. */

	.macro stamp register
	rdtsc
	shl rdx, 32
	lea \register, [rax + rdx]
	.endm

main:
	mov rax, GUEST_BENCH_MAGIC
	cmp PARAMETER(BENCH_MAGIC), rax
	je take_up
	pause
	test r14, r14                   /* the first vCPU says how the bench finds us */
	jnz main
	mov qword ptr PARAMETER(BENCH_NAP), BENCH_NAP_DEFAULT
	mov PARAMETER(BENCH_MAGIC), rax

	/* What is told apart by generation is written before the generation. */
take_up:
	mov rsp, [r15 + SLOT_STACK]
	mov r12d, r14d
	shl r12d, 14                    /* GUEST_AREA_SIZE */
	add r12d, GUEST_AREAS
	mov r13, PARAMETER(BENCH_GENERATION)
	mov rdi, PARAMETER(BENCH_LIMIT)
	mov r8d, GUEST_ROOT_A
	mov r9d, GUEST_ROOT_A
	xor eax, eax
	mov [r12 + AREA_MAX], rax
	mov [r12 + AREA_FIRST], rax
	stamp rax
	mov [r12 + AREA_START], rax
	mov [r12 + AREA_GENERATION], r13
	cmp r14, PARAMETER(BENCH_VCPUS)
	jae idle
	mov rax, PARAMETER(BENCH_KIND)
	cmp rax, BENCH_KINDS
	jae idle
	lea rbx, kinds[rip]
	mov rbp, [rbx + rax * 8]
	mov rsi, rbp
	cmp qword ptr PARAMETER(BENCH_THINK), 0
	je 1f
	lea rsi, think[rip]
1:	jmp rbp

event_msr:
	mov ecx, MSR_LSTAR
	xor r9, GUEST_ROOT_A ^ GUEST_ROOT_B
	stamp r10
	mov eax, r9d
	xor edx, edx
	wrmsr
	jmp account
event_breakpoint:
	stamp r10
	int3
	jmp account
event_page:
	stamp r10
	mov rax, [GUEST_DATA_PAGE]
	jmp account
event_cpuid:
	stamp r10
	xor eax, eax
	xor ecx, ecx
	cpuid
	jmp account
event_request:
	push rdi
	push rsi
	mov edi, HVMOP_GUEST_REQUEST
	xor esi, esi
	stamp r10
	mov eax, HYPERCALL_HVM_OP
	vmcall
	pop rsi
	pop rdi
	jmp account
event_cr4:
	mov rbx, cr4
	xor ebx, CR4_PCE
	stamp r10
	mov cr4, rbx
	jmp account
event_mix:
	mov rax, [r12 + AREA_EVENTS]
	and eax, 3
	lea rbx, kinds[rip]
	jmp [rbx + rax * 8 + BENCH_CR3 * 8]

event_cr3:
	xor r8, GUEST_ROOT_A ^ GUEST_ROOT_B
	stamp r10
	mov cr3, r8
account:
	stamp r11
	mov rbx, r11
	sub rbx, r10
	inc qword ptr [r12 + AREA_EVENTS]
	add [r12 + AREA_TICKS], rbx
	cmp rbx, [r12 + AREA_MAX]
	ja longest
1:	mov rax, rbx
	or rax, 1 << AREA_STEPS_LOG
	bsr rcx, rax
	sub ecx, AREA_STEPS_LOG
	shr rbx, cl
	shl ecx, AREA_STEPS_LOG
	add ebx, ecx
	cmp ebx, AREA_BUCKETS
	jae too_long
2:	inc qword ptr [r12 + rbx * 8 + AREA_HISTOGRAM]
	cmp r13, PARAMETER(BENCH_GENERATION)
	jne take_up
	dec rdi
	jz done
	jmp rsi

longest:
	mov [r12 + AREA_MAX], rbx
	cmp qword ptr [r12 + AREA_FIRST], 0
	jne 1b
	mov [r12 + AREA_FIRST], r11
	jmp 1b
too_long:
	mov ebx, AREA_BUCKETS - 1
	jmp 2b
done:
	mov [r12 + AREA_DONE], r13
	jmp idle

	/* Until r11 + think, or then until the next multiple of the period. pause gives way to
	 * the other vCPUs, in a model that runs them all in one thread. */
think:
	add r11, PARAMETER(BENCH_THINK)
	mov rcx, PARAMETER(BENCH_PERIOD)
	test rcx, rcx
	jz 1f
	mov rax, r11
	xor edx, edx
	div rcx
	inc rax
	imul rax, rcx
	mov r11, rax
1:	rdtsc
	shl rdx, 32
	or rax, rdx
	cmp rax, r11
	jae 2f
	pause
	cmp r13, PARAMETER(BENCH_GENERATION)
	je 1b
	jmp take_up
2:	jmp rbp

bare:
	mov r9d, GUEST_ROOT_B
	.rept 16
	mov cr3, r9
	mov cr3, r8
	.endr
	add qword ptr [r12 + AREA_EVENTS], 32
	cmp r13, PARAMETER(BENCH_GENERATION)
	je bare
	jmp take_up

clock:
	stamp rax
	mov [r12 + AREA_NOW], rax
	pause
	cmp r13, PARAMETER(BENCH_GENERATION)
	je clock
	jmp take_up

	/* Sleeps until the timer interrupt. No wake-up is lost: hlt is in sti's shadow. */
idle:
	mov ecx, MSR_APIC_TIMER_INITIAL
	mov eax, PARAMETER(BENCH_NAP)
	xor edx, edx
	cli
	wrmsr
	sti
	hlt
	cmp r13, PARAMETER(BENCH_GENERATION)
	je idle
	jmp take_up

	.balign 8
kinds:	.quad idle, event_cr3, event_msr, event_breakpoint, event_page, event_cpuid, event_request
	.quad event_cr4, event_mix, bare, clock
