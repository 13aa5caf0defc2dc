/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* report.c: hands over to bench/report.py, wherever it was installed. */
#include "bench/report.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/exit_code.h"

#define SCRIPT "bench/report.py"
#define DEBIANS_PYTHON "/usr/bin/python3"
#define WORDS_MAX 1024

/* Beside the program: in the folder that it was built in, or in the share folder of where it was
 * installed; else where it was configured to be. */
static bool find_script(char *path, size_t size)
{
	static const char *const near[] = { SCRIPT, "../share/ringside/" SCRIPT };
	char program[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);

	if (length > 0) {
		program[length] = 0;
		*strrchr(program, '/') = 0;
		for (size_t i = 0; i < sizeof(near) / sizeof(*near); i++)
			if (snprintf(path, size, "%s/%s", program, near[i]) < (int)size &&
			    !access(path, R_OK))
				return true;
	}
	snprintf(path, size, "%s", PKGDATADIR "/" SCRIPT);
	return !access(path, R_OK);
}

int report_main(int argc, char **argv)
{
	static char path[2 * PATH_MAX];
	char *words[WORDS_MAX + 2] = { NULL };

	if (argc < 4 || argc > WORDS_MAX) {
		fprintf(stderr, "ringside bench: %s wants files (ringside bench --help says which)\n",
			argv[1]);
		return EXIT_USAGE;
	}
	if (!find_script(path, sizeof(path))) {
		fprintf(stderr, "ringside bench: " SCRIPT " is not installed\n");
		return EXIT_FAILED;
	}
	/* argv without our own name, which makes room for the script's. */
	argv[0] = path;
	/* Debian's own first: matplotlib is among its packages. */
	words[0] = access(DEBIANS_PYTHON, X_OK) ? "python3" : DEBIANS_PYTHON;
	for (int i = 0; i <= argc && i < WORDS_MAX; i++)
		words[i + 1] = i < argc ? argv[i] : NULL;
	execvp(words[0], words);
	perror("ringside bench: python3");
	return EXIT_FAILED;
}
