/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* map.h: where the guests keep what a tool or a test looks at from outside. The sources
 * include it, and so may C: it holds nothing but numbers. All guests are loaded at 1 MiB
 * and need 3 MiB of memory; the first GiB is mapped one to one, by 2 MiB pages.
 *
 *   frame  what
 *   0x100  code and data of the guest
 *   0x110  page tables: ROOT_A, ROOT_B (two top levels, equal), PDPT, PD
 *   0x120  the mailbox's header
 *   0x121  a slot of 128 bytes for each of 128 vCPUs (4 pages)
 *   0x130  DATA_PAGE: read and written
 *   0x131  CODE_PAGE: called; a function of two instructions at its start
 *   0x132  sums: functions (4 pages)
 *   0x180  a stack of 4 KiB for each vCPU, growing down (128 pages)
 */
#ifndef GUESTS_MAP_H
#define GUESTS_MAP_H

#define GUEST_BASE 0x100000
#define GUEST_CPUS 128
#define GUEST_ROOT_A 0x110000
#define GUEST_ROOT_B 0x111000
#define GUEST_MAILBOX 0x120000
#define GUEST_SLOTS 0x121000
#define GUEST_SLOT_SIZE 128
#define GUEST_DATA_PAGE 0x130000
#define GUEST_CODE_PAGE 0x131000
#define GUEST_STACKS 0x180000

/* The mailbox's header: 64-bit words at these offsets. "c" words are commands, written
 * from outside at any time; the guest's defaults stand there from the start. */
#define HEADER_MAGIC 0
#define HEADER_CPUS 8           /* vCPUs that have started */
#define HEADER_COMMAND 16       /* c: what cr3loop does: LOOP_... */
#define HEADER_THINK 24         /* c: cr3loop: iterations of an empty loop between events */
#define HEADER_ROUNDS 32        /* c: worker: rounds between two naps; 0: no naps */
#define HEADER_NAP 40           /* c: worker: length of a nap in counts of the APIC timer */
#define GUEST_MAGIC 0x31307473657567 /* "guest01" */

/* A vCPU's slot: 64-bit words at these offsets, all counters. */
#define SLOT_LOOPS 0            /* rounds done: grows as long as the vCPU runs */
#define SLOT_BP 8               /* #BP */
#define SLOT_DB 16              /* #DB */
#define SLOT_UD 24              /* #UD, #GP, #PF: the round was given up */
#define SLOT_GP 32
#define SLOT_PF 40
#define SLOT_TIMER 48           /* timer interrupts */
#define SLOT_OTHER 56           /* any other vector */
#define SLOT_RIP 64             /* RIP that the last exception pushed */
#define SLOT_CODE 72            /* its error code, 0 if it has none */
#define SLOT_CR2 80             /* CR2 of the last #PF */
#define SLOT_RESUME 88          /* the guest's own: where a round given up goes on */
#define SLOT_STACK 96           /* the guest's own: its RSP then */

/* sums: what came out wrong: of the code, of the calls, of the code that is written. */
#define SLOT_WRONG_SUMS 104
#define SLOT_WRONG_CALLS 112
#define SLOT_WRONG_CODE 120

/* sums: its functions, and the one that is written all the time. */
#define SUMS_CODE 0x132000
#define SUMS_FUNCTIONS 1000
#define SUMS_FUNCTION_SIZE 16
#define SUMS_WRITTEN (GUEST_DATA_PAGE + 0x800)

/* Words that cr3loop takes for HEADER_COMMAND. */
#define LOOP_CR3 0              /* by turns ROOT_A and ROOT_B */
#define LOOP_MSR 1              /* LSTAR, two values by turns */
#define LOOP_INT3 2
#define LOOP_CPUID 3
#define LOOP_READ 4             /* a word of DATA_PAGE */
#define LOOP_LAST 4

#define GUEST_TIMER_VECTOR 0x40

#endif
