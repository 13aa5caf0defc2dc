/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* child.c: starts a contestant, watches what it uses, and ends it. */
#include "bench/child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/case.h"
#include "bench/clock.h"
#include "ring/atomics.h"
#include "xen/error.h"

#define WORDS_MAX 128
#define WRAPPER_MAX 16
#define READY_LIMIT_NS (60 * CLOCK_SECOND)
#define STOP_LIMIT_NS (10 * CLOCK_SECOND)
/* A peer says nothing when it is ready. */
#define PEER_START_NS (CLOCK_SECOND / 2)
#define PRELOAD "libringside-bench-count.so"

/* ---- starting ---- */

/* Beside the program in the build folder, or where it was installed. */
static bool find_preload(char *path, size_t size)
{
	static const char *const near[] = { ".libs/" PRELOAD, "../lib/ringside/" PRELOAD };
	char program[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);

	if (length > 0) {
		program[length] = 0;
		*strrchr(program, '/') = 0;
		for (size_t i = 0; i < sizeof(near) / sizeof(*near); i++) {
			if (snprintf(path, size, "%s/%s", program, near[i]) < (int)size &&
			    !access(path, R_OK))
				return true;
		}
	}
	snprintf(path, size, "%s", PKGLIBDIR "/" PRELOAD);
	return !access(path, R_OK);
}

/* In the child. In front of what is preloaded already: fakexen's calls are not its program's. */
static void set_environment(int counts_fd)
{
	const char *others = getenv("LD_PRELOAD");
	char own[PATH_MAX], all[2 * PATH_MAX], number[16];

	snprintf(number, sizeof(number), "%d", counts_fd);
	setenv(COUNTS_VARIABLE, number, 1);
	if (!find_preload(own, sizeof(own)))
		return;
	snprintf(all, sizeof(all), "%s%s%s", own, others && *others ? ":" : "",
		 others ? others : "");
	setenv("LD_PRELOAD", all, 1);
}

/* This program by its path: the contestant may be run by a wrapper, whose /proc/self/exe it is. */
static const char *own_path(void)
{
	static char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (length <= 0)
		return NULL;
	path[length] = 0;
	return path;
}

/* valgrind or strace with its options, for bench/instructions and bench/syscalls. */
static uint32_t add_wrapper(const char **words)
{
	static char text[1024];
	const char *wrapper = getenv("RINGSIDE_BENCH_WRAPPER");
	char *rest = text;
	uint32_t count = 0;

	snprintf(text, sizeof(text), "%s", wrapper ? wrapper : "");
	for (char *word; (word = strsep(&rest, " ")) && count < WRAPPER_MAX;)
		if (*word)
			words[count++] = word;
	return count;
}

static bool make_command(const struct plan *plan, const struct contestant *contestant,
			 uint32_t domain, const char **words)
{
	uint32_t count = add_wrapper(words);

	if (contestant->command)
		return contestant->command(plan, domain, words + count, WORDS_MAX);
	if (plan->word_count > WORDS_MAX - 5)
		return false;
	words[count++] = own_path();
	words[count++] = "bench";
	words[count++] = "--act";
	words[count++] = contestant->name;
	for (int i = 1; i < plan->word_count; i++)
		words[count++] = plan->words[i];
	words[count] = NULL;
	return words[0] != NULL;
}

static int make_counts(struct child *child)
{
	child->counts_fd = memfd_create("ringside-bench", 0);
	if (child->counts_fd < 0 || ftruncate(child->counts_fd, COUNTS_SIZE))
		return rs_fail(errno, "no memory to share: %s", strerror(errno));
	child->counts = mmap(NULL, COUNTS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			     child->counts_fd, 0);
	if (child->counts == MAP_FAILED) {
		child->counts = NULL;
		return rs_fail(errno, "no memory to share: %s", strerror(errno));
	}
	return 0;
}

static void become(const struct child *child, const struct contestant *contestant,
		   const char **words)
{
	int nowhere = contestant->command ? open("/dev/null", O_WRONLY) : -1;

	set_environment(child->counts_fd);
	/* A peer may have a line to say of each event. */
	if (nowhere >= 0) {
		dup2(nowhere, STDOUT_FILENO);
		dup2(nowhere, STDERR_FILENO);
	}
	execvp(words[0], (char **)(uintptr_t)words);
	_exit(127);
}

int child_start(struct child *child, const struct plan *plan, const struct contestant *contestant,
		uint32_t domain)
{
	const char *words[WORDS_MAX + WRAPPER_MAX];
	int error;

	*child = (struct child){ .counts_fd = -1 };
	if (!make_command(plan, contestant, domain, words))
		return rs_fail(EOPNOTSUPP, "%s is not here, or cannot consume such events",
			       contestant->name);
	error = make_counts(child);
	if (error)
		return error;
	fflush(NULL);
	child->pid = fork();
	if (child->pid == 0)
		become(child, contestant, words);
	return child->pid < 0 ? rs_fail(errno, "fork: %s", strerror(errno)) : 0;
}

/* ---- while it runs ---- */

static bool has_ended(struct child *child, int *status)
{
	if (child->pid <= 0)
		return true;
	if (waitpid(child->pid, status, WNOHANG) != child->pid)
		return false;
	child->pid = 0;
	return true;
}

static int told(const struct child *child, const struct contestant *contestant)
{
	switch (rs_load_acquire(&child->counts->state)) {
	case COUNTS_NOT_YET:
		return rs_fail(EOPNOTSUPP, "%s", child->counts->text);
	case COUNTS_FAILED:
		return rs_fail(EIO, "%s: %s", contestant->name, child->counts->text);
	default:
		return 0;
	}
}

int child_wait_ready(struct child *child, const struct contestant *contestant)
{
	uint64_t limit = clock_ns() + (contestant->run ? READY_LIMIT_NS : PEER_START_NS);
	int status = 0, error;

	while (rs_load_acquire(&child->counts->state) != COUNTS_READY) {
		bool ended = has_ended(child, &status);

		error = told(child, contestant);
		if (error)
			return error;
		if (ended)
			return rs_fail(EIO, "%s has ended by itself (status %#x)", contestant->name,
				       (unsigned int)status);
		if (clock_ns() > limit)
			return contestant->run ? rs_fail(ETIMEDOUT, "%s does not get ready",
							 contestant->name) : 0;
		clock_sleep(CLOCK_MS / 5);
	}
	return 0;
}

static uint64_t switches_of(const char *path)
{
	static const char key[] = "\nvoluntary_ctxt_switches:";
	char text[4096], *found;
	FILE *file = fopen(path, "r");
	size_t size;

	if (!file)
		return 0;
	size = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[size] = 0;
	found = strstr(text, key);
	return found ? strtoull(found + sizeof(key) - 1, NULL, 10) : 0;
}

static uint64_t sleeps_of(pid_t pid)
{
	char path[64 + NAME_MAX];
	struct dirent *entry;
	uint64_t sleeps = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/status", (int)pid, entry->d_name);
		sleeps += switches_of(path);
	}
	if (folder)
		closedir(folder);
	return sleeps;
}

void child_look(const struct child *child, struct child_use *use)
{
	clockid_t clock;

	*use = (struct child_use){ .counts = *child->counts };
	if (child->pid <= 0)
		return;
	if (!clock_getcpuclockid(child->pid, &clock))
		use->cpu_ns = clock_of(clock);
	use->sleeps = sleeps_of(child->pid);
}

/* ---- ending ---- */

int child_stop(struct child *child)
{
	uint64_t limit = clock_ns() + STOP_LIMIT_NS;
	int status = 0;

	if (child->pid <= 0)
		return 0;
	kill(child->pid, SIGTERM);
	while (!has_ended(child, &status)) {
		if (clock_ns() > limit) {
			kill(child->pid, SIGKILL);
			waitpid(child->pid, &status, 0);
			child->pid = 0;
			return rs_fail(ETIMEDOUT, "the contestant did not end, and was killed");
		}
		clock_sleep(CLOCK_MS / 5);
	}
	if (rs_load_acquire(&child->counts->state) == COUNTS_FAILED)
		return rs_fail(EIO, "the contestant: %s", child->counts->text);
	return 0;
}

void child_free(struct child *child)
{
	if (child->pid > 0)
		child_stop(child);
	if (child->counts)
		munmap(child->counts, COUNTS_SIZE);
	if (child->counts_fd >= 0)
		close(child->counts_fd);
	*child = (struct child){ .counts_fd = -1 };
}
