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

#include "tools/elf_core.h"

#define PAGE 4096u
#define AT_ONCE (4u << 20)
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

static volatile sig_atomic_t interrupted;

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

static int write_at(const struct dump *dump, const char *bytes, size_t size, uint64_t offset)
{
	while (size) {
		ssize_t written = pwrite(dump->fd, bytes, size, (off_t)offset);

		if (written < 0 && errno == EINTR && !interrupted)
			continue;
		if (written <= 0)
			return interrupted ? -EINTR : fail(dump, "cannot write");
		bytes += written;
		size -= (size_t)written;
		offset += (size_t)written;
	}
	return 0;
}

static bool is_zero(const char *page)
{
	const uint64_t *words = (const uint64_t *)page;
	uint64_t any = 0;

	for (size_t i = 0; i < PAGE / sizeof(*words) && !any; i += 8)
		any = words[i] | words[i + 1] | words[i + 2] | words[i + 3] | words[i + 4] |
		      words[i + 5] | words[i + 6] | words[i + 7];
	return !any;
}

/* Leaves holes where there are zeros. */
static int write_sparse(const struct dump *dump, const char *bytes, size_t size, uint64_t offset)
{
	size_t begin = 0;
	int error = 0;

	while (begin < size && !error) {
		size_t end;

		while (begin < size && is_zero(bytes + begin))
			begin += PAGE;
		for (end = begin; end < size && !is_zero(bytes + end);)
			end += PAGE;
		error = write_at(dump, bytes + begin, end - begin, offset + begin);
		begin = end;
	}
	return error;
}

/* Some of it has gone since it was found: what is left of it. */
static int write_rest(struct dump *dump, uint64_t address, size_t size, uint64_t offset)
{
	static char page[PAGE] __attribute__((aligned(PAGE)));
	int error = 0;

	for (size_t i = 0; i < size && !error; i += PAGE) {
		error = rs_guest_read(dump->guest, address + i, page, PAGE, NULL);
		if (error == -EFAULT) {
			dump->missing += PAGE;
			error = 0;
		} else if (!error) {
			error = write_sparse(dump, page, PAGE, offset + i);
		}
	}
	return error;
}

static int write_part(struct dump *dump, uint64_t address, size_t size, uint64_t offset)
{
	void *bytes;
	int error = rs_guest_map(dump->guest, address, size, false, &bytes);

	if (error == -EFAULT)
		return write_rest(dump, address, size, offset);
	if (!error)
		error = write_sparse(dump, bytes, size, offset);
	rs_guest_unmap(dump->guest, bytes, size);
	return error;
}

static int write_run(struct dump *dump, const struct run *run)
{
	int error = 0;

	for (uint64_t at = 0; at < run->size && !error; at += AT_ONCE) {
		uint64_t left = run->size - at;
		size_t size = left < AT_ONCE ? (size_t)left : AT_ONCE;

		if (interrupted)
			return -EINTR;
		error = write_part(dump, run->address + at, size, run->offset + at);
		dump->done += size;
		show_progress(dump, false);
	}
	return error;
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
	error = write_at(dump, head, size, 0);
	free(head);
	return error;
}

static int write_all(struct dump *dump)
{
	const struct run *last = dump->run_count ? &dump->runs[dump->run_count - 1] : NULL;
	int error = write_head(dump);

	for (size_t i = 0; i < dump->run_count && !error; i++)
		error = write_run(dump, &dump->runs[i]);
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
		fprintf(stderr, "ringside dump: %s\n", rs_strerror(error));
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
