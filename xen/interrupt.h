/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * interrupt.h: on which CPU an event channel's interrupt arrives, and where it had better.
 *
 * Linux spreads the interrupts of event channels over its CPUs. Whoever sleeps on another CPU than
 * the one that his interrupt arrives on is woken by way of that one: on a real Xen with two CPUs in
 * dom0 that doubles what a round trip costs. So the interrupt follows who sleeps: a thread's affinity
 * is its owner's business, an interrupt of ours is nobody else's.
 *
 * Linux gives the interrupt's number only in /proc/interrupts, by the name that the descriptor was opened
 * under: the thread's name by then. So that is made one of its own for a moment.
 */
#ifndef RS_XEN_INTERRUPT_H
#define RS_XEN_INTERRUPT_H

#include <stdint.h>
#include <stdio.h>

/* A name that no other descriptor of an event channel has, in Linux's 16 bytes for a thread's. */
#define RS_INTERRUPT_NAME_SIZE 16

struct rs_interrupt {
	char name[RS_INTERRUPT_NAME_SIZE];
	int number; /* 0: not looked for yet; -1: it is not there, or may not be moved */
	int fd;     /* its affinity, once it was found; -1 */
	int cpu;    /* that it was moved to; -1: none */
};

/* The thread is called by the interrupt's name, until `before` is put back. */
void rs_interrupt_begin_name(struct rs_interrupt *interrupt, char before[RS_INTERRUPT_NAME_SIZE]);
void rs_interrupt_end_name(const char before[RS_INTERRUPT_NAME_SIZE]);

/* Its number, in what /proc/interrupts holds; -1: it is not there. */
int rs_interrupt_find(FILE *interrupts, const char *name);

/*
 * Finds it, once it is bound, and opens what moves it, so that a thread can follow that may open nothing;
 * who has not done so does when it follows first.
 */
void rs_interrupt_open(struct rs_interrupt *interrupt);
void rs_interrupt_close(struct rs_interrupt *interrupt);

/*
 * Moves it to the CPU that the calling thread runs on, if that is another one than before. Where Linux
 * does not let us it stays where it is. Some system calls, if it has to be found or moved; one
 * thread at a time.
 */
void rs_interrupt_follow(struct rs_interrupt *interrupt);

#endif
