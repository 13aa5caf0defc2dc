/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c: the command. Each run is a child, which begins from the same memory and may end as it
 * likes: so a run is a function of its seed, or of its tape.
 */
#include <ctype.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/sim.h"

#define HANG_SECONDS 60
#define STEPS_MAX 400000
#define SHRINKS_MAX 3000

static char folder[64];

/* The product's are others: libc.c. */
int __real_clock_gettime(clockid_t clock, struct timespec *time);
pid_t __real_fork(void);
pid_t __real_waitpid(pid_t pid, int *status, int options);

/* Of a processor: what the machine does besides does not count. */
static double processor_seconds(void)
{
	struct rusage own, children;

	getrusage(RUSAGE_SELF, &own);
	getrusage(RUSAGE_CHILDREN, &children);
	return (double)(own.ru_utime.tv_sec + own.ru_stime.tv_sec + children.ru_utime.tv_sec +
			children.ru_stime.tv_sec) +
	       (double)(own.ru_utime.tv_usec + own.ru_stime.tv_usec + children.ru_utime.tv_usec +
			children.ru_stime.tv_usec) / 1e6;
}

static double seconds(void)
{
	struct timespec time;

	__real_clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* -- one run -- */

static void remove_files(void)
{
	static const char *const names[] = { "1", "1.lanes", "1.top" };
	char path[128];

	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
}

static void run_here(void)
{
	alarm(HANG_SECONDS);
	sim_chance_begin();
	world_choose();
	fiber_run(story_main, process_start(SIM_INIT));
	fflush(stdout);
	_exit(0);
}

/* False: it has a complaint. */
static bool run(void)
{
	int status;
	pid_t pid;

	remove_files();
	sim_run->steps = 0;
	fflush(stdout);
	pid = __real_fork();
	if (!pid)
		run_here();
	if (pid < 0 || __real_waitpid(pid, &status, 0) != pid) {
		perror("sim");
		exit(2);
	}
	if (WIFSIGNALED(status))
		snprintf(sim_run->complaint, sizeof(sim_run->complaint), "%s",
			 WTERMSIG(status) == SIGALRM ? "it hangs" : strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) && !sim_run->complaint[0])
		snprintf(sim_run->complaint, sizeof(sim_run->complaint), "it exits with %d",
			 WEXITSTATUS(status));
	return !sim_run->complaint[0];
}

static void run_told(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	sim_run->tells = true;
	run();
	sim_run->tells = false;
	printf("%s\n", sim_run->complaint[0] ? sim_run->complaint : "no complaint");
}

/* -- shrinking -- */

/* The same complaint, whatever its numbers. */
static void name_complaint(char name[64])
{
	unsigned int length = 0;

	for (const char *c = sim_run->complaint; *c && length < 63; c++)
		if (!isdigit((unsigned char)*c))
			name[length++] = *c;
	name[length] = '\0';
}

struct shrink {
	uint16_t *best;
	uint32_t length;
	char complaint[64];
	uint32_t tries;
};

static bool try(struct shrink *shrink, const uint16_t *tape, uint32_t length)
{
	char complaint[64];

	shrink->tries++;
	memcpy(sim_run->tape, tape, length * sizeof(*tape));
	sim_run->length = length;
	if (run())
		return false;
	name_complaint(complaint);
	if (strcmp(complaint, shrink->complaint))
		return false;
	if (sim_run->used < length)
		length = sim_run->used;
	memcpy(shrink->best, sim_run->tape, length * sizeof(*tape));
	shrink->length = length;
	return true;
}

/* Without a piece of it, or with tame choices there. */
static bool try_without(struct shrink *shrink, uint32_t at, uint32_t size, bool cut)
{
	uint16_t *tape = malloc((shrink->length + 1) * sizeof(*tape));
	uint32_t end = at + size < shrink->length ? at + size : shrink->length;
	uint32_t length = shrink->length;
	bool any = cut, better;

	memcpy(tape, shrink->best, length * sizeof(*tape));
	for (uint32_t i = at; i < end; i++) {
		any |= tape[i] != 0;
		tape[i] = 0;
	}
	if (cut) {
		memmove(tape + at, shrink->best + end, (length - end) * sizeof(*tape));
		length -= end - at;
	}
	better = any && try(shrink, tape, length);
	free(tape);
	return better;
}

static void shrink_tape(struct shrink *shrink)
{
	for (uint32_t size = shrink->length; size; size /= 2)
		for (uint32_t at = 0; at < shrink->length && shrink->tries < SHRINKS_MAX;)
			if (!try_without(shrink, at, size, true)) {
				try_without(shrink, at, size, false);
				at += size;
			}
}

static void shrink_seed(uint64_t seed)
{
	struct shrink shrink = { .best = malloc(sizeof(sim_run->tape)) };

	sim_run->seed = seed;
	if (run()) {
		printf("seed %" PRIu64 " has no complaint\n", seed);
		exit(0);
	}
	name_complaint(shrink.complaint);
	shrink.length = sim_run->used;
	/* What takes much longer is something else. */
	sim_run->steps_max = 2 * sim_run->steps + 1000;
	memcpy(shrink.best, sim_run->tape, shrink.length * sizeof(*shrink.best));
	printf("seed %" PRIu64 ", %u choices: %s\n", seed, shrink.length, sim_run->complaint);
	sim_run->replays = true;
	shrink_tape(&shrink);
	printf("%u choices are left after %u tries; what happens:\n", shrink.length, shrink.tries);
	try(&shrink, shrink.best, shrink.length);
	run_told();
	free(shrink.best);
}

/* -- many -- */

struct wanted {
	uint64_t first, count; /* count 0: until the time is over */
	double limit;          /* seconds; 0: none */
	bool goes_on;          /* after a complaint */
};

static int run_many(const struct wanted *wanted)
{
	double begin = seconds(), passed = 0, used = processor_seconds();
	uint64_t done = 0, steps = 0, requests = 0, complaints = 0;

	while ((!wanted->count || done < wanted->count) &&
	       (!wanted->limit || passed < wanted->limit) && (!complaints || wanted->goes_on)) {
		sim_run->seed = wanted->first + done++;
		sim_run->requests = 0;
		if (!run()) {
			printf("# seed %" PRIu64 ": %s\n", sim_run->seed, sim_run->complaint);
			complaints++;
		}
		steps += sim_run->steps;
		requests += sim_run->requests;
		passed = seconds() - begin;
	}
	used = processor_seconds() - used;
	printf("# %" PRIu64 " seeds from %" PRIu64 " in %.1f s, %.1f s of a processor, whose minute is "
	       "%.0f; %" PRIu64 " steps, %" PRIu64 " requests; complaints: %" PRIu64 "\n", done,
	       wanted->first, passed, used, (double)done * 60 / used, steps, requests, complaints);
	return complaints != 0;
}

/* -- the command line -- */

static void make_folder(void)
{
	const char *base = access("/dev/shm", W_OK) ? getenv("TMPDIR") : "/dev/shm";

	snprintf(folder, sizeof(folder), "%.40s/sim-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(folder)) {
		perror(folder);
		exit(2);
	}
	setenv("RINGSIDE_FOLDER", folder, 1);
}

static void remove_folder(void)
{
	remove_files();
	rmdir(folder);
}

static uint32_t find_plant(const char *name)
{
	for (uint32_t i = 0; plant_name(i); i++)
		if (!strcmp(plant_name(i), name))
			return i;
	fprintf(stderr, "sim: no such bug: %s\n", name);
	exit(2);
}

static int usage(void)
{
	fprintf(stderr, "usage: sim [--image FILE] [--plant BUG] [--first SEED] [--seeds COUNT] "
			"[--seconds SECONDS] [--go-on]\n"
			"       sim [...] --replay SEED | --shrink SEED | --bugs\n");
	return 2;
}

static int list_bugs(void)
{
	for (uint32_t i = 1; plant_name(i); i++)
		puts(plant_name(i));
	return 0;
}

static const struct option options[] = {
	{ "image", required_argument, NULL, 'i' },   { "plant", required_argument, NULL, 'p' },
	{ "first", required_argument, NULL, 'f' },   { "seeds", required_argument, NULL, 'n' },
	{ "seconds", required_argument, NULL, 's' }, { "go-on", no_argument, NULL, 'g' },
	{ "replay", required_argument, NULL, 'r' },  { "shrink", required_argument, NULL, 'k' },
	{ "bugs", no_argument, NULL, 'b' },          { NULL, 0, NULL, 0 },
};

int main(int argc, char **argv)
{
	struct wanted wanted = { .first = 1 };
	const char *image = "guests/worker.elf";
	uint64_t one = 0;
	int option, what = 0, status = 0;

	sim_run = mmap(NULL, sizeof(*sim_run), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (sim_run == MAP_FAILED)
		return 2;
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 'i': image = optarg; break;
		case 'p': sim_run->plant = find_plant(optarg); break;
		case 'f': wanted.first = strtoull(optarg, NULL, 0); break;
		case 'n': wanted.count = strtoull(optarg, NULL, 0); break;
		case 's': wanted.limit = strtod(optarg, NULL); break;
		case 'g': wanted.goes_on = true; break;
		case 'r': case 'k': what = option; one = strtoull(optarg, NULL, 0); break;
		case 'b': return list_bugs();
		default: return usage();
		}
	}
	if (optind < argc || (!what && !wanted.count && !wanted.limit))
		return usage();
	sim_run->steps_max = STEPS_MAX;
	sim_chance_begin();
	world_build(image);
	make_folder();
	atexit(remove_folder);
	if (what == 'r') {
		sim_run->seed = one;
		run_told();
		status = sim_run->complaint[0] != '\0';
	} else if (what == 'k') {
		shrink_seed(one);
	} else {
		status = run_many(&wanted);
	}
	return status;
}
