/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* number.h: numbers on the command line, and how a command that prints ends. */
#ifndef TOOLS_NUMBER_H
#define TOOLS_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Decimal, or hexadecimal after 0x. False: it is something else, or too large. */
bool parse_number(const char *text, uint64_t *number);

/*
 * The exit code of a command that has printed what it had to, and said what failed (0, or a
 * negative errno of the library's): what could not be written is a failure too, which this
 * says, but not a reader that went away.
 */
int finish_output(const char *command, int error);

#endif
