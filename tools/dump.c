/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dump.c: `ringside dump`: a guest's memory as a file. */
#include "tools/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <ringside/ringside.h>

#include "tools/copier.h"
#include "tools/elf_core.h"

#define PAGE 4096u
#define BAR 40

static const char usage[] =
	"usage: ringside dump DOMAIN FILE [--raw] [--pause]\n"
	"\n"
	"Writes a domain's memory to FILE: an ELF core, for crash, gdb and Volatility, with a\n"
	"segment for each run of RAM and the registers of each vCPU. Pages of zeros take no room.\n"
	"FILE appears when it is complete, or not at all.\n"
	"\n"
	"  --raw     the memory alone: an address is its offset in FILE, and holes are zeros\n"
	"  --pause   hold the domain meanwhile, so that all of it is of one moment\n";

static _Atomic int interrupted; /* a signal may come in any thread */

static void on_signal(int number)
{
	interrupted = number;
}

struct dump {
	const char *domain, *file;
	bool raw, pause;
	struct rs_guest *guest;
	struct run *runs;
	size_t run_count, run_limit;
	struct rs_vcpu_registers *registers;
	uint64_t total, done, missing; /* bytes */
	uint64_t begin_ns, shown_ns;
	char part[PATH_MAX];
	char text[256]; /* of an error while it was copied */
	int fd;
};

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void show_progress(struct dump *dump, bool last)
{
	uint64_t now = now_ns();
	unsigned int full = dump->total ? (unsigned int)(dump->done * BAR / dump->total) : BAR;
	double seconds = (double)(now - dump->begin_ns) / 1e9;

	if (!isatty(STDERR_FILENO) || (!last && now - dump->shown_ns < 100000000))
		return;
	dump->shown_ns = now;
	fprintf(stderr, "\r[%.*s%*s] %3u%%  %" PRIu64 " MiB  %.0f MiB/s%s", (int)full,
		"########################################", (int)(BAR - full), "",
		full * 100 / BAR, dump->done >> 20,
		seconds > 0 ? (double)(dump->done >> 20) / seconds : 0.0, last ? "\n" : "");
}

/* ---- what there is ---- */

static int add_run(struct dump *dump, uint64_t begin, uint64_t end)
{
	if (dump->run_count == dump->run_limit) {
		size_t limit = dump->run_limit ? 2 * dump->run_limit : 64;
		struct run *runs = realloc(dump->runs, limit * sizeof(*runs));

		if (!runs)
			return -ENOMEM;
		dump->runs = runs;
		dump->run_limit = limit;
	}
	/* Of a raw image, its offset; an ELF core gives it another one. */
	dump->runs[dump->run_count++] = (struct run){ begin, end - begin, begin };
	dump->total += end - begin;
	return 0;
}

static int find_runs(struct dump *dump)
{
	uint64_t begin, end = 0;
	int error = 0;

	while (!interrupted && !(error = rs_guest_find_ram(dump->guest, end, &begin, &end))) {
		error = add_run(dump, begin, end);
		if (error)
			return error;
	}
	if (interrupted)
		return -EINTR;
	return error == -ENOENT ? 0 : error;
}

static int read_registers(struct dump *dump)
{
	uint32_t count = rs_guest_vcpu_count(dump->guest);
	int error = 0;

	dump->registers = calloc(count, sizeof(*dump->registers));
	if (!dump->registers)
		return -ENOMEM;
	for (uint32_t vcpu = 0; vcpu < count && !error; vcpu++) {
		error = rs_vcpu_read_registers(dump->guest, vcpu, &dump->registers[vcpu]);
		/* What the guest has not started is zeros. */
		if (error == -ENODATA)
			error = 0;
	}
	return error;
}

/* ---- writing ---- */

static int fail(const struct dump *dump, const char *what)
{
	int error = errno ? errno : EIO;

	fprintf(stderr, "ringside dump: %s: %s: %s\n", dump->file, what, strerror(error));
	return -ECANCELED;
}

static int write_head(struct dump *dump)
{
	size_t size;
	void *head;
	int error;

	if (dump->raw)
		return 0;
	if (dump->run_count > ELF_RUNS_MAX) {
		fprintf(stderr, "ringside dump: the guest's memory is in %zu pieces, too many for "
				"an ELF core: take --raw\n", dump->run_count);
		return -ECANCELED;
	}
	head = elf_core_head(dump->runs, dump->run_count, dump->registers,
			     rs_guest_vcpu_count(dump->guest), &size);
	if (!head)
		return -ENOMEM;
	error = write_at(dump->fd, head, size, 0);
	free(head);
	errno = -error;
	return error ? fail(dump, "cannot write") : 0;
}

static void show_done(void *context, uint64_t done)
{
	struct dump *dump = context;

	dump->done = done;
	show_progress(dump, false);
}

static int write_runs(struct dump *dump)
{
	struct copy copy = {
		.guest = dump->guest,
		.runs = dump->runs,
		.run_count = dump->run_count,
		.fd = dump->fd,
		.file = dump->file,
		.interrupted = &interrupted,
		.show = show_done,
		.context = dump,
	};
	int error = copy_runs(&copy);

	dump->missing = copy.missing;
	if (!error)
		dump->done = dump->total;
	memcpy(dump->text, copy.text, sizeof(dump->text));
	return error;
}

static int write_all(struct dump *dump)
{
	const struct run *last = dump->run_count ? &dump->runs[dump->run_count - 1] : NULL;
	int error = write_head(dump);

	if (!error)
		error = write_runs(dump);
	/* It may end in a hole. */
	if (!error && last && ftruncate(dump->fd, (off_t)(last->offset + last->size)))
		error = fail(dump, "cannot be made that long");
	return error;
}

/* ---- the file ---- */

/* Beside FILE, until it is complete. */
static int open_part(struct dump *dump)
{
	struct stat status;

	if (!stat(dump->file, &status) && !S_ISREG(status.st_mode)) {
		errno = EINVAL;
		return fail(dump, "is no regular file");
	}
	if (snprintf(dump->part, sizeof(dump->part), "%s.part", dump->file) >=
	    (int)sizeof(dump->part)) {
		errno = ENAMETOOLONG;
		return fail(dump, "cannot open");
	}
	dump->fd = open(dump->part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return dump->fd < 0 ? fail(dump, "cannot open") : 0;
}

static int close_part(struct dump *dump, int error)
{
	if (dump->fd < 0)
		return error;
	if (close(dump->fd) && !error)
		error = fail(dump, "cannot write");
	if (!error && rename(dump->part, dump->file))
		error = fail(dump, "cannot get its name");
	if (error)
		unlink(dump->part);
	return error;
}

static int take(struct dump *dump)
{
	int error = rs_guest_open(&dump->guest, dump->domain, NULL);

	if (!error)
		error = open_part(dump);
	if (!error && dump->pause)
		error = rs_guest_pause(dump->guest);
	if (!error)
		error = find_runs(dump);
	if (!error && !dump->raw)
		error = read_registers(dump);
	if (error)
		return error;
	dump->begin_ns = now_ns();
	error = write_all(dump);
	show_progress(dump, true);
	return error;
}

static bool parse(struct dump *dump, int argc, char **argv)
{
	static const struct option known[] = {
		{ "raw", no_argument, NULL, 'r' },
		{ "pause", no_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option != 'r' && option != 'p')
			return false;
		dump->raw |= option == 'r';
		dump->pause |= option == 'p';
	}
	if (argc - optind != 2) {
		fprintf(stderr, "ringside dump: a domain and a file (ringside dump --help)\n");
		return false;
	}
	dump->domain = argv[optind];
	dump->file = argv[optind + 1];
	return true;
}

static void say(const struct dump *dump, int error)
{
	if (error == -EINTR)
		fprintf(stderr, "ringside dump: interrupted: there is no %s\n", dump->file);
	else if (error && error != -ECANCELED)
		fprintf(stderr, "ringside dump: %s\n",
			dump->text[0] ? dump->text : rs_strerror(error));
	else if (dump->missing)
		fprintf(stderr, "ringside dump: %" PRIu64 " pages went away meanwhile, and are "
				"zeros\n", dump->missing / PAGE);
}

int dump_main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct dump dump = { .fd = -1 };
	int error;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(usage, stdout);
		return EXIT_DONE;
	}
	if (!parse(&dump, argc, argv))
		return EXIT_USAGE;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGXFSZ, SIG_IGN);
	error = take(&dump);
	error = close_part(&dump, error);
	say(&dump, error);
	rs_guest_close(dump.guest);
	free(dump.registers);
	free(dump.runs);
	return error == -EINTR || error == -ECANCELED ? EXIT_FAILED : exit_code_of(error);
}
