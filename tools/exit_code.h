/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* exit_code.h: how a command of ringside ends; ringside(1) repeats it. */
#ifndef TOOLS_EXIT_CODE_H
#define TOOLS_EXIT_CODE_H

enum exit_code {
	EXIT_DONE = 0,        /* also after Ctrl-C, --count, --seconds, or a reader that left */
	EXIT_FAILED = 1,      /* something that a call could not do; the line on stderr says what */
	EXIT_USAGE = 2,       /* the command line makes no sense */
	EXIT_INPUT = 3,       /* a recorded file is cut short, damaged or of an unknown version */
	EXIT_NO_DOMAIN = 4,   /* no such domain or vCPU, or this is not a Xen dom0 */
	EXIT_PERMISSION = 5,  /* no permission, or Xen is of another release than the build */
	EXIT_BUSY = 6,        /* another agent holds the domain's monitor ring */
	EXIT_UNSUPPORTED = 7, /* this Xen or this domain cannot do that */
	EXIT_GUEST_GONE = 8,  /* the guest ended while it was watched */
};

/* For a negative errno of the library. */
int exit_code_of(int error);

#endif
