/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ringside.c: the command `ringside`, which hands over to one of its subcommands. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <ringside/version.h>

#include "tools/commands.h"

static const struct command {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "watch", "print a guest's events as they happen", watch_main },
	{ "trace", "which pages or basic blocks a guest executes", trace_main },
	{ "info", "what this Xen, and a guest on it, have to offer", info_main },
	{ "views", "which alternative views of its memory a guest has", views_main },
	{ "read", "print a guest's memory", read_main },
	{ "regs", "print the registers of a guest's vCPUs", regs_main },
	{ "step", "print what a vCPU executes, instruction by instruction", step_main },
	{ "dump", "write a guest's memory to a file", dump_main },
	{ "pause", "stop a guest", pause_main },
	{ "resume", "let it go on", resume_main },
	{ "recover", "let a guest go whose monitor has died", recover_main },
	{ "decode", "say what recorded vm_event messages mean", decode_main },
	{ "bench", "measure what it costs to consume a guest's events", bench_main },
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *stream)
{
	fputs("Usage: ringside COMMAND [ARGUMENTS]\n"
	      "Watches guests of the Xen hypervisor from outside.\n"
	      "\n"
	      "Commands:\n",
	      stream);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(stream, "  %-8s %s\n", commands[i].name, commands[i].summary);
	fputs("\n"
	      "  --help     this text; 'ringside COMMAND --help' for a command's\n"
	      "  --version  the version\n",
	      stream);
}

static int finish(void)
{
	return fflush(stdout) || ferror(stdout) ? EXIT_FAILED : EXIT_DONE;
}

/* A closed standard descriptor would be given to the next file that is opened, a device of
 * Xen's, and our own output would go there. A write to this one fails instead. */
static void hold_standard_descriptors(void)
{
	for (int descriptor = 0; descriptor <= 2; descriptor++)
		if (fcntl(descriptor, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
			_exit(EXIT_FAILED);
}

int main(int argc, char **argv)
{
	hold_standard_descriptors();
	/* A reader that goes away is an error of a write, after which a command cleans up. */
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		print_help(stdout);
		return finish();
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		printf("ringside %s (for Xen %s)\n", rs_version(), rs_version_xen());
		return finish();
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "ringside: there is no command '%s': try 'ringside --help'\n", argv[1]);
	return EXIT_USAGE;
}
