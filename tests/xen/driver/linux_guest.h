/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * linux_guest.h: a domain that runs a stock Linux kernel, and a shell on its console.
 *
 * It is made like every other guest here, with libxenctrl alone: no toolstack, no xenstore (the
 * header of libxenguest's builder is not installed by Xen 4.14). Debian's kernel is PVH and wants
 * one page of start info; its console is a ring in a page that we map. The shell reads a line, does it and
 * says so: like a command in a mailbox, but done by the whole of a kernel.
 */
#ifndef TESTS_XEN_DRIVER_LINUX_GUEST_H
#define TESTS_XEN_DRIVER_LINUX_GUEST_H

#include "tests/xen/driver/guest.h"
#include "xen/port.h"

/* What the lab puts into dom0: labkit/linux_guest.py. */
#define LINUX_KERNEL "/linux/vmlinux"
#define LINUX_INITRD "/linux/initrd"
#define LINUX_COMMAND_LINE "/linux/command-line"

#define LINUX_ANSWER_MAX 4096

struct xencons_interface;

struct linux_guest {
	struct guest guest; /* no mailboxes */
	struct xencons_interface *console;
	struct rs_xen_port port; /* of the console */
	struct rs_log log;       /* to nobody */
	char said[LINUX_ANSWER_MAX]; /* since the last command; the oldest is forgotten */
	size_t said_size;
};

/* Is there one in this dom0? */
bool linux_is_there(void);

/* Makes the domain, which is paused. All functions here end the program if Xen refuses. */
void linux_create(struct linux_guest *linux_guest);
void linux_unpause(struct linux_guest *linux_guest);
void linux_destroy(struct linux_guest *linux_guest);

/* Takes what it has said since the last look. */
void linux_listen(struct linux_guest *linux_guest);
/* A line for its shell; forgets what it said before. */
void linux_ask(struct linux_guest *linux_guest, const char *line);
/* What it has answered, once it is done; NULL: not yet. */
const char *linux_answer(struct linux_guest *linux_guest);

#endif
