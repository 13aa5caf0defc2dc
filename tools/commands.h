/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* commands.h: what `ringside` can be told to do. */
#ifndef TOOLS_COMMANDS_H
#define TOOLS_COMMANDS_H

#include "tools/exit_code.h"

/* Each gets its own name as argv[0] and returns an exit code. SIGPIPE is ignored. */
int bench_main(int argc, char **argv);
int decode_main(int argc, char **argv);
int dump_main(int argc, char **argv);
int info_main(int argc, char **argv);
int pause_main(int argc, char **argv);
int read_main(int argc, char **argv);
int regs_main(int argc, char **argv);
int resume_main(int argc, char **argv);
int recover_main(int argc, char **argv);
int step_main(int argc, char **argv);
int trace_main(int argc, char **argv);
int views_main(int argc, char **argv);
int watch_main(int argc, char **argv);

#endif
