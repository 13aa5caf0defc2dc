/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mailbox.S: a PVH guest that does what its mailbox says, one thing at a time (mailbox.h).
 *
 * It starts in 32-bit mode, goes to 64-bit mode, and then looks into its mailbox for ever. Between
 * two looks it yields to Xen, and interrupts stay enabled all the time: an emulator that
 * runs Xen cannot get out of a loop with interrupts off.
 */
#include "mailbox.h"

	.intel_syntax noprefix

#define HYPERVISOR_VCPU_OP 24
#define HYPERVISOR_SCHED_OP 29
#define HYPERVISOR_HVM_OP 34
#define VCPUOP_INITIALISE 0
#define VCPUOP_UP 1
#define SCHEDOP_YIELD 0
#define HVMOP_GUEST_REQUEST_VM_EVENT 24

#define MSR_APIC_BASE 0x1b
#define MSR_X2APIC_EOI 0x80b
#define MSR_X2APIC_SVR 0x80f
#define MSR_X2APIC_SELF_IPI 0x83f
#define MSR_EFER 0xc0000080
#define MSR_LSTAR 0xc0000082

#define CS 8
#define DS 16
#define USER_CS 24
#define USER_DS 32
#define TSS 40
#define USER 4                  /* of an entry of page tables: ring 3 may have it */

	/* Xen, and every loader of PVH guests, takes the 32-bit entry from here. */
	.section .note.Xen, "a", @note
	.long 4, 4, 18          /* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long start32

	.text
	.code32
	.global start32
start32:
	lgdt [gdt_pointer]
	mov eax, MB_CR4
	mov cr4, eax
	mov eax, MB_TABLES
	mov cr3, eax
	mov ecx, MSR_EFER
	rdmsr
	or eax, 0x900           /* LME, NXE */
	wrmsr
	mov eax, MB_CR0
	mov cr0, eax
	.byte 0xea              /* far jump: the assembler knows none to 64-bit code */
	.long start64
	.word CS

	.code64
start64:
	mov ax, DS
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov rsp, MB_STACKS + 0x1000
	mov r15, MB_BOXES

	/* A gate is an address in three pieces, which no assembler makes of a label. */
	lea rdi, idt[rip]
	lea rsi, handlers[rip]
1:	mov eax, [rsi]          /* vector; 0 ends */
	test eax, eax
	jz 2f
	mov rdx, [rsi + 8]
	shl eax, 4
	mov [rdi + rax], dx
	mov word ptr [rdi + rax + 2], CS
	mov word ptr [rdi + rax + 4], 0x8e00
	shr rdx, 16
	mov [rdi + rax + 6], dx
	add rsi, 16
	jmp 1b
2:	lidt idt_pointer[rip]
	sti
	jmp look

	/* vCPU 1 begins here, in 64-bit mode already, with its mailbox in rdi */
start_ap:
	lgdt gdt_pointer[rip]
	mov ax, DS
	mov ds, ax
	mov es, ax
	mov ss, ax
	lidt idt_pointer[rip]
	mov r15, rdi
	sti

look:	inc qword ptr [r15 + MB_BEAT]
	mov rax, [r15 + MB_WANTED]
	cmp rax, [r15 + MB_DONE]
	jne work
	mov eax, HYPERVISOR_SCHED_OP
	mov edi, SCHEDOP_YIELD
	xor esi, esi
	vmcall
	jmp look

work:	lfence                  /* the command after its number */
	mov rbp, MB_PATTERN + 5
	mov r8, MB_PATTERN + 8
	mov r9, MB_PATTERN + 9
	mov r10, MB_PATTERN + 10
	mov r11, MB_PATTERN + 11
	mov r12, MB_PATTERN + 12
	mov r13, MB_PATTERN + 13
	mov r14, MB_PATTERN + 14
	mov rdi, [r15 + MB_ARG0]
	mov rsi, [r15 + MB_ARG1]
	mov rax, [r15 + MB_COMMAND]
	lea rdx, done[rip]
	mov [r15 + MB_RECOVER], rdx
	cmp rax, MB_COMMANDS
	jae done
	shl eax, 4
	lea rbx, commands[rip]
	mov rdx, [rbx + rax + 8]
	mov [r15 + MB_MARK], rdx
	jmp [rbx + rax]
done:	mov rax, [r15 + MB_WANTED]
	mov [r15 + MB_DONE], rax
	jmp look

	/* command NAME: what follows does it. mark NAME: the instruction that it is about */
	.macro command name
c_\name:
	.endm
	.macro mark name
m_\name:
	.endm

	command nothing
	mark nothing
	jmp done

	command write_cr0
	mark write_cr0
	mov cr0, rdi
	jmp done

	command write_cr3
	mark write_cr3
	mov cr3, rdi
	jmp done

	command write_cr4
	mark write_cr4
	mov cr4, rdi
	jmp done

	command write_xcr0
	xor ecx, ecx
	mov eax, edi
	xor edx, edx
	mark write_xcr0
	xsetbv
	jmp done

	command wrmsr
	mov ecx, edi
	mov eax, esi
	mov rdx, rsi
	shr rdx, 32
	mark wrmsr
	wrmsr
	jmp done

	command rdmsr
	mov ecx, edi
	mark rdmsr
	rdmsr
	shl rdx, 32
	or rax, rdx
	mov [r15 + MB_RESULT0], rax
	jmp done

	command int3
	mark int3
	int3
	jmp done

	command cpuid
	mov eax, edi
	mov ecx, esi
	mark cpuid
	cpuid
	mov [r15 + MB_RESULT0], rax
	mov [r15 + MB_RESULT1], rbx
	mov [r15 + MB_RESULT2], rcx
	mov [r15 + MB_RESULT3], rdx
	jmp done

	command sgdt
	mark sgdt
	sgdt [rsp - 32]
	jmp table
	command sidt
	mark sidt
	sidt [rsp - 32]
table:	movzx eax, word ptr [rsp - 32]
	mov [r15 + MB_RESULT0], rax
	mov rax, [rsp - 30]
	mov [r15 + MB_RESULT1], rax
	jmp done

	command sldt
	mark sldt
	sldt eax
	mov [r15 + MB_RESULT0], rax
	jmp done

	command str
	mark str
	str eax
	mov [r15 + MB_RESULT0], rax
	jmp done

	command lgdt
	mark lgdt
	lgdt gdt_pointer[rip]
	jmp done

	command lidt
	mark lidt
	lidt idt_pointer[rip]
	jmp done

	command request
	mov eax, HYPERVISOR_HVM_OP
	mov edi, HVMOP_GUEST_REQUEST_VM_EVENT
	xor esi, esi
	mark request
	vmcall
	mov [r15 + MB_RESULT0], rax
	jmp done

	command read
	mark read
	mov rax, [rdi]
	mov [r15 + MB_RESULT0], rax
	jmp done

	command write
	mark write
	mov [rdi], rsi
	jmp done

	command add
	mark add
	add [rdi], rsi
	jmp done

	command call
	call rdi
	mark call
	mov [r15 + MB_RESULT0], rax
	jmp done

	command step
	mark step
	nop
	xchg ax, ax
	mov rax, r9
	lea rax, [r9 + 1]
	mov [r15 + MB_RESULT0], rax
	jmp done

	command trap_flag
	pushfq
	or dword ptr [rsp], 0x100
	popfq
	mark trap_flag
	nop
	jmp done

	command icebp
	mark icebp
	.byte 0xf1
	jmp done

	command dr0
	mov rax, MB_STUB_0
	mov dr0, rax
	mov eax, 0x401          /* execution, of one byte, global and local */
	mov dr7, rax
	mov rax, MB_STUB_0
	mark dr0
	call rax
	mov eax, 0x400
	mov dr7, rax
	jmp done

	command xsave
	mov eax, 3
	xor edx, edx
	mark xsave
	xsave [rdi]
	jmp done

	command stos
	mov rcx, rsi
	mov al, 0x5a
	cld
	mark stos
	rep stosb
	jmp done

	command out
	mov edx, edi
	mov eax, esi
	mark out
	out dx, al
	jmp done

	command self_ipi
	mov ecx, MSR_APIC_BASE
	rdmsr
	or eax, 0xc00           /* xAPIC, then x2APIC */
	wrmsr
	mov ecx, MSR_X2APIC_SVR
	mov eax, 0x1ff          /* enabled; spurious vector 255 */
	xor edx, edx
	wrmsr
	mov ecx, MSR_X2APIC_SELF_IPI
	mov eax, edi
	mark self_ipi
	wrmsr
	nop
	jmp done

	command start_ap
	mark start_ap
	mov eax, HYPERVISOR_VCPU_OP
	mov edi, VCPUOP_INITIALISE
	mov esi, 1
	lea rdx, ap_context[rip]
	vmcall
	mov [r15 + MB_RESULT0], rax
	mov eax, HYPERVISOR_VCPU_OP
	mov edi, VCPUOP_UP
	mov esi, 1
	xor edx, edx
	vmcall
	mov [r15 + MB_RESULT1], rax
	jmp done

	command ud2
	mark ud2
	ud2
	jmp done

	/*
	 * a() in ring 3, which the first 2 MiB are open to meanwhile, with the page MB_AREA's end as its
	 * stack. The #UD, #GP or #PF that ends it leads to leave_user.
	 */
	command user
	lea rax, leave_user[rip]
	mov [r15 + MB_RECOVER], rax
	lgdt user_gdt_pointer[rip]
	str eax
	test eax, eax
	jnz 1f                  /* it is loaded already, so it is busy */
	lea rax, tss[rip]
	mov user_gdt[rip + TSS + 2], ax
	shr rax, 16
	mov user_gdt[rip + TSS + 4], al
	mov eax, TSS
	ltr ax
1:	mov tss[rip + 4], rsp
	or byte ptr [MB_TABLES], USER
	or byte ptr [MB_TABLES + 0x1000], USER
	or byte ptr [MB_TABLES + 0x2000], USER
	invlpg [MB_AREA]
	push USER_DS + 3
	push MB_AREA + 0x1000
	pushfq
	push USER_CS + 3
	push rdi
	mark user
	iretq
leave_user:
	mov rsp, tss[rip + 4]
	mov eax, DS             /* on the way out the processor has cleared them */
	mov ds, eax
	mov es, eax
	and byte ptr [MB_TABLES], ~USER
	and byte ptr [MB_TABLES + 0x1000], ~USER
	and byte ptr [MB_TABLES + 0x2000], ~USER
	invlpg [MB_AREA]
	lgdt gdt_pointer[rip]
	jmp done

	/*
	 * loop NAME: rdi times the macro once_NAME between two looks at the TSC, which counts
	 * how much everybody executed until this vCPU went on. rax to rdx are free for it.
	 */
	.macro tsc
	rdtsc
	shl rdx, 32
	or rax, rdx
	.endm
	.macro loop name
	command loop_\name
	mark loop_\name
	mov r8, rdi             /* rounds left */
	mov r9, -1              /* least */
	xor r10, r10            /* sum */
	mov r12, MB_ROOT_A
	mov r13, MB_ROOT_B
1:	lfence
	tsc
	mov r11, rax
	once_\name
	tsc
	sub rax, r11
	add r10, rax
	cmp rax, r9
	cmovb r9, rax
	dec r8
	jnz 1b
	mov [r15 + MB_RESULT0], r10
	mov [r15 + MB_RESULT1], r9
	mov rax, MB_TABLES
	mov rbx, cr3
	cmp rax, rbx
	je done
	mov cr3, rax
	jmp done
	.endm

	.macro once_nothing
	.endm
	.macro once_cpuid
	xor eax, eax
	cpuid
	.endm
	.macro once_request
	mov eax, HYPERVISOR_HVM_OP
	mov edi, HVMOP_GUEST_REQUEST_VM_EVENT
	xor esi, esi
	vmcall
	.endm
	.macro once_cr3
	mov cr3, r12
	xchg r12, r13
	.endm
	.macro once_msr
	mov ecx, MSR_LSTAR
	mov eax, r8d
	xor edx, edx
	wrmsr
	.endm
	.macro once_int3
	int3
	.endm
	.macro once_read
	mov rax, [rsi]
	.endm
	.macro once_write
	mov [rsi], r8
	.endm
	.macro once_call
	call rsi
	.endm
	loop nothing
	loop cpuid
	loop request
	loop cr3
	loop msr
	loop int3
	loop read
	loop write
	loop call

	/*
	 * Handlers count, and note where. Those of faults abandon the command, in ring 0 wherever that
	 * was.
	 */
	.macro count where
	push rax
	mov rax, [rsp + 8]
	mov [r15 + MB_FAULT_RIP], rax
	inc qword ptr [r15 + \where]
	pop rax
	.endm
	.macro abandon where
	count \where
	push rax
	mov rax, [r15 + MB_RECOVER]
	mov [rsp + 8], rax
	mov qword ptr [rsp + 16], CS
	mov qword ptr [rsp + 40], DS
	pop rax
	iretq
	.endm
h_db:	count MB_DB
	and dword ptr [rsp + 16], ~0x100  /* TF: once is enough */
	or dword ptr [rsp + 16], 0x10000  /* RF: past a breakpoint register */
	iretq
h_bp:	count MB_BP
	iretq
h_ud:	abandon MB_UD
h_gp:	add rsp, 8
	abandon MB_GP
h_pf:	add rsp, 8
	abandon MB_PF
h_irq:	count MB_IRQ
	push rax
	push rcx
	push rdx
	mov ecx, MSR_X2APIC_EOI
	xor eax, eax
	xor edx, edx
	wrmsr
	pop rdx
	pop rcx
	pop rax
	iretq

	.balign 16
handlers:
	.quad 1, h_db, 3, h_bp, 6, h_ud, 13, h_gp, 14, h_pf
	.quad MB_VECTOR_A, h_irq, MB_VECTOR_B, h_irq, 0, 0

	/* In the order of their numbers. */
	.macro entry name
	.quad c_\name, m_\name
	.endm
commands:
	.irp name, nothing, write_cr0, write_cr3, write_cr4, write_xcr0, wrmsr, rdmsr, int3, \
		cpuid, sgdt, sidt, sldt, str, lgdt, lidt, request, read, write, call, step, \
		trap_flag, icebp, dr0, xsave, stos, out, self_ipi, start_ap, ud2, add, \
		loop_nothing, loop_cpuid, loop_request, loop_cr3, loop_msr, loop_int3, \
		loop_read, loop_write, loop_call, user
	entry \name
	.endr
	.if (. - commands) / 16 - MB_COMMANDS
	.error "mailbox.h and the table of commands differ"
	.endif

	/* Apart from the code, so that somebody can tell whether that has changed. */
	.data
	.balign 16
gdt:	.quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
	.word gdt_pointer - gdt - 1
	.quad gdt
idt_pointer:
	.word 0x7ff
	.quad idt

	/* The same, and what ring 3 needs: the processor takes the way back from the TSS. */
	.balign 16
user_gdt:
	.quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
	.quad 0x00affb000000ffff, 0x00cff3000000ffff
	.quad 0x0000890000000067, 0
user_gdt_pointer:
	.word user_gdt_pointer - user_gdt - 1
	.quad user_gdt
	.balign 16
tss:	.fill 0x66, 1, 0
	.word 0x68              /* no map of ports */

	.balign 8
ap_context:                     /* struct vcpu_hvm_context of Xen's public interface */
	.long 1, 0              /* VCPU_HVM_MODE_64B */
	.quad 0, 0, 0, 0        /* rax, rcx, rdx, rbx */
	.quad MB_STACKS + 0x2000, 0, 0, MB_BOXES + MB_BOX_SIZE /* rsp, rbp, rsi, rdi */
	.quad start_ap, 2       /* rip, rflags */
	.quad MB_CR0, MB_TABLES, MB_CR4, 0xd00 /* efer: LME, LMA, NXE */

	.balign 16
idt:	.fill 2048, 1, 0

	/*
	 * The pages, from MB_TABLES on. The root maps 0 to 1 GiB by pages of 2 MiB, and at
	 * MB_HIGH the first 2 MiB by pages of 4 KiB.
	 */
	.section .pages, "aw"
#define PRESENT 0x63            /* writable, accessed, dirty */
	.macro root
	.quad MB_TABLES + 0x1000 + PRESENT
	.fill 383, 8, 0
	.quad MB_TABLES + 0x3000 + PRESENT
	.fill 127, 8, 0
	.endm
	root
	.quad MB_TABLES + 0x2000 + PRESENT
	.fill 511, 8, 0
	.set address, 0
	.rept 512
	.quad address + 0x80 + PRESENT
	.set address, address + 0x200000
	.endr
	.quad MB_TABLES + 0x4000 + PRESENT
	.fill 511, 8, 0
	.quad MB_TABLES + 0x5000 + PRESENT
	.fill 511, 8, 0
	.set address, 0
	.rept 512
	.quad address + PRESENT
	.set address, address + 0x1000
	.endr

	.org MB_DATA - MB_TABLES
	.quad MB_DATA_0, MB_DATA_1

	.section .code_page, "ax"
	.org MB_STUB_0 - MB_CODE
	mov eax, MB_VALUE
	ret
	.org MB_STUB_1 - MB_CODE
	nop
	xchg ax, ax
	mov eax, MB_VALUE + 1
	ret
	.org MB_STUB_2 - MB_CODE
	push rbx
	mov rbx, MB_VALUE
	lea rax, [rbx + 2]
	pop rbx
	ret

	.section .roots, "aw"
	root
	.org MB_ROOT_B - MB_ROOT_A
	root
	.org MB_END - MB_ROOT_A

	.section .note.GNU-stack, "", @progbits
