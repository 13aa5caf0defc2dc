/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* number.c: see number.h. */
#include "tools/number.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/exit_code.h"

bool parse_number(const char *text, uint64_t *number)
{
	bool hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	char *end;

	if (hexadecimal)
		text += 2;
	if (!isxdigit((unsigned char)*text))
		return false;
	errno = 0;
	*number = strtoull(text, &end, hexadecimal ? 16 : 10);
	return !errno && !*end;
}

int finish_output(const char *command, int error)
{
	errno = 0;
	if ((fflush(stdout) || ferror(stdout)) && errno != EPIPE) {
		fprintf(stderr, "ringside %s: cannot write the output: %s\n", command,
			strerror(errno ? errno : EIO));
		return EXIT_FAILED;
	}
	return exit_code_of(error);
}
