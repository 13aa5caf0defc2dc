/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sandbox.h: what a thread may do that serves a domain.
 *
 * Linux keeps capabilities and lists of system calls thread by thread, so the threads that run
 * handlers can have less than the program: no capabilities, and of all system calls those that the
 * engine itself makes on an event's way and in its control calls, and those that a handler needs to
 * compute, allocate, wait, and use the descriptors that are open already. What a thread gives up it
 * cannot have back, and who shares its memory is not protected from it: sandbox.c has the list, man 7
 * ringside-survival says what it is worth.
 */
#ifndef RS_XEN_SANDBOX_H
#define RS_XEN_SANDBOX_H

/*
 * Restricts the calling thread, for good. A call that is not on the list fails with EPERM from then on.
 * 0, or -errno, when it may be restricted in part.
 */
int rs_sandbox_enter(void);

/* The same in a thread that ends at once: whether it can be done here. */
int rs_sandbox_try(void);

#endif
