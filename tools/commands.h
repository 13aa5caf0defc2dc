/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* commands.h: what `ringside` can be told to do, and how it ends. */
#ifndef TOOLS_COMMANDS_H
#define TOOLS_COMMANDS_H

/* Exit codes of all commands. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1, /* something that a call could not do; the line on stderr says what */
	EXIT_USAGE = 2,  /* the command line makes no sense */
	EXIT_INPUT = 3,  /* a recorded file is cut short, damaged or of an unknown version */
};

/* Each gets its own name as argv[0] and returns an exit code. SIGPIPE is ignored. */
int decode_main(int argc, char **argv);

#endif
