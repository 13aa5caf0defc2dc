/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* recover.c: `ringside recover`: lets a guest go whose monitor has died. */
#include "tools/commands.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <ringside/ringside.h>

static const char usage[] =
	"usage: ringside recover [--unrecorded] [--quiet] DOMAIN\n"
	"\n"
	"Takes back what a monitor that was killed has left of a domain, given by its name or its\n"
	"number: vCPUs that wait for its answers go on, its views and pauses end, and the ring is\n"
	"free. A monitor that lives keeps its domain.\n"
	"\n"
	"  --unrecorded   the ring is that of another program, which is dead: you know\n"
	"  --quiet        say nothing but what went wrong\n";

static const struct option long_options[] = {
	{ "unrecorded", no_argument, NULL, 'u' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static void on_log(enum rs_log_level level, const char *line, void *user)
{
	fprintf(level <= RS_LOG_WARNING ? stderr : stdout, "ringside: %s\n", line);
}

static int complain(const char *what)
{
	fprintf(stderr, "ringside recover: %s (ringside recover --help)\n", what);
	return EXIT_USAGE;
}

int recover_main(int argc, char **argv)
{
	struct rs_recover_options options = { .log = on_log, .log_level = RS_LOG_INFO };
	int option, error;

	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return EXIT_DONE;
		}
		if (option == '?')
			return complain("there is no such option");
		options.unrecorded |= option == 'u';
		if (option == 'q')
			options.log_level = RS_LOG_WARNING;
	}
	if (optind + 1 != argc)
		return complain("which domain? One name or number");
	error = rs_recover(argv[optind], &options);
	if (error)
		fprintf(stderr, "ringside recover: %s\n", rs_strerror(error));
	if (fflush(stdout) && !error)
		return EXIT_FAILED;
	return exit_code_of(error);
}
