/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pause.c: `ringside pause` and `ringside resume`. */
#include "tools/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ringside/ringside.h>

static const char usage[] =
	"usage: ringside pause|resume DOMAIN\n"
	"\n"
	"pause stops all vCPUs of a domain, resume takes one such pause back. They nest, also with\n"
	"those of other programs (xl pause): a domain that was paused twice wants two resumes.\n";

static int pause_domain(struct rs_guest *guest)
{
	int error = rs_guest_pause(guest);

	if (!error)
		rs_guest_leave_paused(guest);
	return error;
}

static int resume_domain(struct rs_guest *guest)
{
	int error = rs_guest_adopt_pause(guest);

	return error ? error : rs_guest_resume(guest);
}

static int run(int argc, char **argv, int (*act)(struct rs_guest *guest))
{
	struct rs_guest *guest = NULL;
	int error;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(usage, stdout);
		return EXIT_DONE;
	}
	if (argc != 2 || *argv[1] == '-') {
		fprintf(stderr, "ringside %s: one domain (ringside %s --help)\n", argv[0], argv[0]);
		return EXIT_USAGE;
	}
	error = rs_guest_open(&guest, argv[1], NULL);
	if (!error)
		error = act(guest);
	if (error)
		fprintf(stderr, "ringside %s: %s\n", argv[0], rs_strerror(error));
	rs_guest_close(guest);
	return exit_code_of(error);
}

int pause_main(int argc, char **argv)
{
	return run(argc, argv, pause_domain);
}

int resume_main(int argc, char **argv)
{
	return run(argc, argv, resume_domain);
}
