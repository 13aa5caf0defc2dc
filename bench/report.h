/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* report.h: results made into pages and verdicts, by a program of its own (report.py). */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

/* argv[1] is --report or --compare. Returns only if the program cannot be run: an exit code. */
int report_main(int argc, char **argv);

#endif
