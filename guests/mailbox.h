/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mailbox.h: what the guest mailbox.S and whoever writes into its mailbox agree on.
 *
 * Every vCPU has a mailbox. The host writes a command and its arguments, then a new number into
 * MB_WANTED. The guest does the command, which is one thing that a monitor may see, and copies
 * the number to MB_DONE. Both assembler and C read this file: numbers only.
 */
#ifndef GUESTS_MAILBOX_H
#define GUESTS_MAILBOX_H

/* Guest-physical addresses. */
#define MB_BASE   0x100000
#define MB_TABLES 0x110000 /* page tables: the first CR3 */
#define MB_BOXES  0x120000 /* the mailboxes, MB_BOX_SIZE each */
#define MB_DATA   0x121000 /* a page to read and write, begins with MB_DATA_0, MB_DATA_1 */
#define MB_CODE   0x122000 /* a page to execute: functions at MB_STUB_0, _1 and _2 */
#define MB_ROOT_A 0x123000 /* two copies of the root table: other values for CR3 */
#define MB_ROOT_B 0x124000
#define MB_AREA   0x125000 /* a page for xsave, and whatever else */
#define MB_STACKS 0x130000 /* 4096 bytes a vCPU */
#define MB_END    0x134000

/* Page x is mapped at x and, by 4 KiB pages, at MB_HIGH + x (the first 2 MiB only). */
#define MB_HIGH 0xffffc00000000000

#define MB_BOX_SIZE 256
#define MB_VCPUS    2

/* Byte offsets in a mailbox. Written by the host: */
#define MB_WANTED 0
#define MB_COMMAND 8
#define MB_ARG0 16
#define MB_ARG1 24
/* By the guest: */
#define MB_DONE   40
#define MB_RESULT0 48
#define MB_RESULT1 56
#define MB_RESULT2 64
#define MB_RESULT3 72
#define MB_DB     80  /* exceptions and interrupts that the guest's own handlers got */
#define MB_BP     88
#define MB_UD     96
#define MB_GP     104
#define MB_PF     112
#define MB_IRQ    120
#define MB_FAULT_RIP 128 /* of the last one */
#define MB_RECOVER 136   /* where #UD, #GP and #PF go on */
#define MB_MARK   144    /* address of the instruction that the command is about, when it begins */
#define MB_BEAT   152    /* counts up as long as the vCPU lives */

/* While a command runs, rbp is MB_PATTERN + 5, r8 to r14 MB_PATTERN + 8 to + 14. */
#define MB_PATTERN 0x1122334455667700

#define MB_DATA_0 0x0123456789abcdef
#define MB_DATA_1 0xfedcba9876543210
/* Functions in the page MB_CODE: they return MB_VALUE + their number. */
#define MB_STUB_0 (MB_CODE)        /* mov, ret */
#define MB_STUB_1 (MB_CODE + 0x40) /* nop, two-byte nop, mov, ret */
#define MB_STUB_2 (MB_CODE + 0x80) /* push rbx, three instructions, pop, ret */
#define MB_VALUE  0x600d0000

#define MB_CR0 0x80000033 /* as the guest sets it: PG, NE, ET, MP, PE */
#define MB_CR4 0x40620    /* OSXSAVE, OSXMMEXCPT, OSFXSR, PAE */

/* Commands. a is MB_ARG0, b is MB_ARG1. */
#define MB_NOTHING    0
#define MB_WRITE_CR0  1  /* cr0 = a */
#define MB_WRITE_CR3  2
#define MB_WRITE_CR4  3
#define MB_WRITE_XCR0 4
#define MB_WRMSR      5  /* msr a = b */
#define MB_RDMSR      6  /* result0 = msr a */
#define MB_INT3       7
#define MB_CPUID      8  /* leaf a, subleaf b; results eax, ebx, ecx, edx */
#define MB_SGDT       9  /* result0 = limit, result1 = base; sidt too */
#define MB_SIDT       10
#define MB_SLDT       11 /* result0 = selector; str too */
#define MB_STR        12
#define MB_LGDT       13
#define MB_LIDT       14
#define MB_REQUEST    15 /* HVMOP_guest_request_vm_event */
#define MB_READ       16 /* result0 = 8 bytes at a */
#define MB_WRITE      17 /* 8 bytes at a = b */
#define MB_CALL       18 /* result0 = a() */
#define MB_STEP       19 /* instructions of one, two, three and four bytes */
#define MB_TRAP_FLAG  20 /* popf with TF: a #DB after the next instruction */
#define MB_ICEBP      21
#define MB_DR0        22 /* a breakpoint register on MB_STUB_0, then a call of it */
#define MB_XSAVE      23 /* to a */
#define MB_STOS       24 /* rep stosb: b bytes at a */
#define MB_OUT        25 /* port a, one byte b */
#define MB_SELF_IPI   26 /* vector a, through the x2APIC */
#define MB_START_AP   27 /* starts vCPU 1; results of two hypercalls */
#define MB_UD2        28
#define MB_ADD        29 /* add [a], b: reads and writes memory */
/* Loops: a times; result0 = ticks of the TSC in all, result1 = the least of one. */
#define MB_LOOP_NOTHING 30
#define MB_LOOP_CPUID   31
#define MB_LOOP_REQUEST 32
#define MB_LOOP_CR3     33
#define MB_LOOP_MSR     34 /* LSTAR */
#define MB_LOOP_INT3    35
#define MB_LOOP_READ    36 /* 8 bytes at b */
#define MB_LOOP_WRITE   37
#define MB_LOOP_CALL    38 /* b() */
#define MB_USER         39 /* a() in ring 3, which has to end by #UD, #GP or #PF */
#define MB_COMMANDS     40

/* Vectors with a handler that counts in MB_IRQ. */
#define MB_VECTOR_A 0x41
#define MB_VECTOR_B 0x52

#endif
