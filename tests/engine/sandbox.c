/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sandbox.c: what a handler may do in a sandbox, and what it may not.
 *
 *	fakexen --report FILE -- tests/engine/sandbox WORKERS | none | step
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guests/map.h"
#include "ring/atomics.h"
#include "tests/engine/bed.h"
#include "tests/unit/tap.h"

#define PAGE 0x1000

/* What each attempt came to in the handler: 0, or errno. */
struct attempt {
	const char *name;
	int (*try)(void);
	int error;
};

static int error_of(long result)
{
	return result < 0 ? errno : 0;
}

static int try_open(void)
{
	return error_of(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
}

static int try_socket(void)
{
	return error_of(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int try_execve(void)
{
	static char *const none[] = { NULL };

	return error_of(execve("/bin/true", none, none));
}

static int try_fork(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

	if (!pid)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, 0);
	return error_of(pid);
}

static int try_kill(void)
{
	return error_of(kill(getppid(), 0));
}

static int try_ptrace(void)
{
	return error_of(ptrace(PTRACE_SEIZE, getppid(), NULL, NULL));
}

static int try_code(void)
{
	void *at = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? errno : 0;
}

static int try_protect(void)
{
	void *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? -1 : error_of(mprotect(at, PAGE, PROT_READ | PROT_EXEC));
}

/* One that is none of Xen's. */
static int try_ioctl(void)
{
	int waiting;

	return error_of(ioctl(STDOUT_FILENO, TIOCOUTQ, &waiting));
}

static int try_unshare(void)
{
	return error_of(unshare(CLONE_NEWNS));
}

static struct attempt attempts[] = {
	{ "open", try_open, 0 },         { "socket", try_socket, 0 },
	{ "execve", try_execve, 0 },     { "fork", try_fork, 0 },
	{ "kill", try_kill, 0 },         { "ptrace", try_ptrace, 0 },
	{ "code", try_code, 0 },         { "mprotect", try_protect, 0 },
	{ "another ioctl", try_ioctl, 0 }, { "unshare", try_unshare, 0 },
};
#define ATTEMPTS (sizeof(attempts) / sizeof(*attempts))
#define HARMLESS 2 /* the first of them: made where they succeed, too */
static size_t attempt_count = ATTEMPTS;

static uint32_t tried, controlled, control_ended;
static uint64_t capabilities = ~0ULL;
static int control_error;

/* All sets of one thread's but the bounding one; read from outside, since it may open nothing itself. */
static uint64_t capabilities_of(int thread)
{
	char path[64], line[128];
	uint64_t all = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", thread);
	file = fopen(path, "re");
	if (!file)
		return ~0ULL;
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, "Cap", 3) && strncmp(line, "CapBnd", 6))
			all |= strtoull(line + 7, NULL, 16);
	fclose(file);
	return all;
}

static int thread_id;

/* Once: the others only count. */
static struct rs_reply on_cr3(const struct rs_event *event, void *user)
{
	enter(event);
	if (!rs_exchange_acq_rel(&tried, 1)) {
		rs_store_release(&thread_id, gettid());
		for (size_t i = 0; i < attempt_count; i++)
			attempts[i].error = attempts[i].try();
	}
	leave(event);
	return RS_CONTINUE;
}

/* What may be called from a handler, from one. */
static int control(void)
{
	struct rs_watch *msr = NULL, *page = NULL;
	uint64_t value = 0;
	void *memory = malloc(1 << 20);
	int error = rs_guest_read(rs_engine_guest(engine), GUEST_SLOTS, &value, sizeof(value), NULL);

	free(memory);
	if (!error)
		error = rs_watch(engine, &(struct rs_watch_options){ .kind = RS_MSR,
			.msr.index = 0xc0000082, .handler = count_event }, &msr);
	if (!error)
		error = rs_watch(engine, &(struct rs_watch_options){ .kind = RS_PAGE,
			.page.first_gfn = 0x130, .handler = count_event }, &page);
	rs_unwatch(msr);
	if (!error)
		error = rs_guest_pause(rs_engine_guest(engine));
	if (!error)
		error = rs_guest_resume(rs_engine_guest(engine));
	return error;
}

static struct rs_reply on_breakpoint(const struct rs_event *event, void *user)
{
	enter(event);
	if (!rs_exchange_acq_rel(&controlled, 1)) {
		control_error = control();
		rs_store_release(&control_ended, 1);
	}
	leave(event);
	return RS_CONTINUE;
}

static bool await(const uint32_t *word)
{
	double end = now() + PATIENCE;

	while (!rs_load_acquire(word) && now() < end)
		sleep_us(1000);
	return rs_load_acquire(word);
}

static void run_some(void)
{
	uint32_t before = sum_events();
	pthread_t thread = start();

	tap_ok(wait_for(before + 500), "events are handled");
	tap_ok(await(&tried) && await(&control_ended), "of both kinds");
	capabilities = capabilities_of(rs_load_acquire(&thread_id));
	tap_ok(stop(thread) && in_order() && all_answered(), "in order, each answered");
}

static void watch_both(void)
{
	watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3, .handler = on_cr3 });
	watch((struct rs_watch_options){ .kind = RS_BREAKPOINT, .handler = on_breakpoint });
}

static void confined(uint32_t workers)
{
	uint64_t before = capabilities_of(gettid());

	options.workers = workers;
	options.sandbox = RS_SANDBOX_REQUIRED;
	options.deadline_ms = workers > 1 ? 1000 : 0;
	attach();
	watch_both();
	run_some();
	for (size_t i = 0; i < ATTEMPTS; i++)
		tap_ok(TAP_SAME(attempts[i].error, EPERM), "%s is refused", attempts[i].name);
	tap_ok(!control_error, "watches, pages and the guest's memory are at a handler's hand: %s",
	       control_error ? rs_strerror(control_error) : "yes");
	tap_ok(TAP_SAME(capabilities, 0), "a worker has no capabilities");
	tap_ok(TAP_SAME(capabilities_of(gettid()), before), "who runs the engine has its own");
	tap_ok(!try_open() && !try_fork(), "and may do what it could");
	/* Again, with new threads. */
	rs_store_relaxed(&tried, 0);
	run_some();
	tap_ok(TAP_SAME(attempts[0].error, EPERM), "a second run is a sandbox, too");
	detach("sandbox");
}

/* By default, and in the caller's own thread, nothing is taken. */
static void unconfined(bool steps)
{
	attempt_count = HARMLESS;
	options.workers = 1;
	options.sandbox = steps ? RS_SANDBOX_REQUIRED : RS_SANDBOX_NONE;
	attach();
	watch_both();
	while (steps && !tried && rs_engine_step(engine, 1000) >= 0)
		continue;
	if (!steps)
		run_some();
	for (size_t i = 0; i < HARMLESS; i++)
		tap_ok(TAP_SAME(attempts[i].error, 0), "%s is not refused", attempts[i].name);
	detach("without a sandbox");
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "1";

	if (!strcmp(what, "none") || !strcmp(what, "step"))
		unconfined(!strcmp(what, "step"));
	else
		confined((uint32_t)atoi(what));
	return tap_done();
}
