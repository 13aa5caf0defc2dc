/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * keeper.c: keeper RINGSIDE TEST [COUNT SEED]: `ringside watch` is killed, and its keeper lets the
 * guest go. To be run by fakexen, on one domain. TEST is "kills", COUNT times at random moments, or
 * "others".
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ringside/ringside.h>

#include "fakexen/atomics.h"
#include "journal/journal.h"
#include "tests/survival/bed.h"
#include "tests/unit/tap.h"

#define PATIENCE_US 60000000
#define DIRTY_KIB_MAX 512

/* A sanitizer has memory of its own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

static char *ringside;

static pid_t start(void)
{
	static char *const one[] = { NULL }, *const workers[] = { "--workers=3", NULL };

	return bed_start_watch(ringside, bed_random(2) ? one : workers);
}

/* -- what the journal says of its keeper -- */

static struct rs_journal *find_journal(void)
{
	struct rs_journal *journal;
	xc_domaininfo_t info;

	if (xc_domain_getinfolist(bed_control, BED_DOMID, 1, &info) != 1 ||
	    rs_journal_find(&journal, BED_DOMID, info.handle))
		return NULL;
	return journal;
}

/* Of the engine `owner`, and another one than `before`; 0 if it does not come. */
static pid_t await_keeper(pid_t owner, pid_t before)
{
	for (unsigned int waited = 0; waited < PATIENCE_US; waited += 1000) {
		struct rs_journal *journal = find_journal();
		pid_t keeper = 0;

		if (journal && journal->owner.pid == (uint32_t)owner)
			keeper = (pid_t)fx_load_acquire(&journal->keeper.pid);
		rs_journal_close(journal, false);
		if (keeper && keeper != before && bed_domain->vm_event.enabled)
			return keeper;
		bed_sleep_us(1000);
	}
	return 0;
}

static bool await_gone(void)
{
	for (unsigned int waited = 0; waited < PATIENCE_US; waited += 1000) {
		struct rs_journal *journal = find_journal();

		if (!journal)
			return true;
		rs_journal_close(journal, false);
		bed_sleep_us(1000);
	}
	return false;
}

static bool goes_on(void)
{
	return bed_all_run() && await_gone() && bed_all_run() && bed_is_as_before();
}

/* -- at random moments -- */

static int compare(const void *a, const void *b)
{
	uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;

	return first < second ? -1 : first > second;
}

static void tell_times(uint64_t *ns, unsigned int count)
{
	const char *judge = getenv("JUDGE");
	double median, p99, max;

	qsort(ns, count, sizeof(*ns), compare);
	median = (double)ns[count / 2] / 1e6;
	p99 = (double)ns[(count * 99 + 99) / 100 - 1] / 1e6;
	max = (double)ns[count - 1] / 1e6;
	printf("# stood still: median %.1f ms, p99 %.1f ms, maximum %.1f ms, of %u\n", median, p99,
	       max, count);
	if (judge && *judge)
		tap_ok(median <= 20 && p99 <= 100, "median at most 20 ms, p99 at most 100 ms");
}

/* From its first instruction on; or, mostly, once it holds the ring. */
static bool kill_at_random(uint64_t *ns)
{
	pid_t pid = start();
	bool died;

	if (bed_random(4))
		bed_await_ring();
	bed_sleep_us(bed_random(20000));
	died = bed_kill(pid);
	return bed_all_run_within(ns) && TAP_SAME(died, true);
}

static void test_kills(unsigned int count)
{
	uint64_t *ns = calloc(count, sizeof(*ns));
	unsigned int done = 0;
	bool good = ns;

	while (good && done < count) {
		good = kill_at_random(&ns[done]) && bed_is_as_before();
		done++;
	}
	tap_ok(good, "after kill %u of %u the guest is as it was, and runs", done, count);
	if (good)
		tell_times(ns, count);
	free(ns);
}

/* -- one by one -- */

static void test_end(void)
{
	pid_t pid = start();
	struct rs_owner keeper = { 0 };
	struct rs_journal *journal;
	bool good = await_keeper(pid, 0);

	journal = find_journal();
	if (journal)
		keeper = journal->keeper;
	rs_journal_close(journal, false);
	good &= rs_owner_lives(&keeper);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	for (unsigned int waited = 0; rs_owner_lives(&keeper) && waited < PATIENCE_US; waited += 1000)
		bed_sleep_us(1000);
	tap_ok(good && !rs_owner_lives(&keeper) && bed_is_as_before(),
	       "an engine that detaches has no keeper left");
}

static long private_dirty_kib(pid_t pid)
{
	char path[64], line[128];
	long kib = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Private_Dirty: %ld", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib;
}

static void test_size(void)
{
	pid_t pid = start(), keeper = await_keeper(pid, 0);
	long kib = keeper ? private_dirty_kib(keeper) : -1;

	printf("# the keeper's own memory: %ld KiB\n", kib);
#ifdef SANITIZED
	tap_ok(keeper, "a keeper");
#else
	tap_ok(kib > 0 && kib < DIRTY_KIB_MAX, "a keeper has less than %d KiB", DIRTY_KIB_MAX);
#endif
	tap_ok(bed_kill(pid) && goes_on(), "and lets the guest go");
}

/* Signals that end a monitor from outside reach its keeper, too. */
static void test_signals(void)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE };
	pid_t pid = start(), keeper = await_keeper(pid, 0);
	bool good = keeper;

	for (unsigned int i = 0; good && i < sizeof(signals) / sizeof(*signals); i++)
		good = !kill(keeper, signals[i]);
	good &= bed_kill(pid) && goes_on();
	tap_ok(good, "a keeper is not ended by what ends others");
}

static void test_crash(void)
{
	pid_t pid = start();
	bool good = await_keeper(pid, 0);

	kill(pid, SIGABRT);
	waitpid(pid, NULL, 0);
	tap_ok(good && goes_on(), "a monitor that crashes is no other than one that is killed");
}

static void test_impatience(void)
{
	char *recover[] = { ringside, "recover", "--quiet", "guest1", NULL };
	struct rs_engine *engine = NULL;
	pid_t pid = start(), keeper = await_keeper(pid, 0), recovery;
	bool good = keeper && !kill(keeper, SIGSTOP) && bed_kill(pid);
	int status = -1;

	recovery = bed_start(recover);
	bed_sleep_us(20000);
	good &= !waitpid(recovery, NULL, WNOHANG) && !kill(keeper, SIGCONT);
	good &= waitpid(recovery, &status, 0) == recovery && TAP_SAME(status, 0);
	tap_ok(good && goes_on(), "who recovers while the keeper is at it waits for it");
	pid = start();
	good = await_keeper(pid, 0) && bed_kill(pid);
	good &= TAP_SAME(rs_engine_attach(&engine, "guest1", NULL), 0);
	good &= TAP_SAME(rs_engine_detach(engine), 0);
	tap_ok(good && goes_on(), "and so does who attaches");
}

static void test_foreign_pause(void)
{
	char *argv[] = { ringside, "watch", "guest1", "--cr3", "--quiet", NULL };
	bool good = !xc_domain_pause(bed_control, BED_DOMID);
	pid_t pid = bed_start(argv);

	good &= await_keeper(pid, 0) != 0;
	while (!bed_domain->monitor.cr_enabled || bed_domain->pause_count != 1)
		bed_sleep_us(100);
	good &= bed_kill(pid) && await_gone() && TAP_SAME(bed_domain->pause_count, 1);
	good &= !xc_domain_unpause(bed_control, BED_DOMID);
	tap_ok(good && goes_on(), "somebody else's pause stays");
}

static void test_memory_only(void)
{
	const char *folder = getenv("RINGSIDE_FOLDER");
	char *kept = strdup(folder ? folder : "");
	pid_t pid;
	bool good;

	setenv("RINGSIDE_FOLDER", "/proc/nowhere", 1);
	pid = start();
	good = bed_await_ring();
	bed_sleep_us(20000);
	good &= bed_kill(pid) && bed_all_run() && bed_is_as_before();
	setenv("RINGSIDE_FOLDER", kept, 1);
	free(kept);
	tap_ok(good, "where there can be no files the keeper knows all the same");
}

/* As a kernel before 5.3 does. */
static bool forbid_pidfd(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(*code), .filter = code };

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void test_old_kernel(void)
{
	char *argv[] = { ringside, "watch", "guest1", "--cr3", "--quiet", NULL };
	pid_t pid = fork();
	bool good;

	if (!pid) {
		if (forbid_pidfd())
			execv(argv[0], argv);
		_exit(127);
	}
	good = await_keeper(pid, 0) != 0 && bed_kill(pid) && goes_on();
	tap_ok(good, "without a pidfd the end of the socket tells");
}

/* Its one worker does not come back: as good as dead, if its user says so. */
static void test_stall(void)
{
	char *argv[] = { ringside, "watch", "guest1", "--cr3", "--quiet", "--stall=50", NULL };
	pid_t pid = bed_start(argv);
	bool good = await_keeper(pid, 0) != 0;
	int status = 0;

	while (good && !(bed_domain->monitor.cr_enabled && !bed_domain->pause_count))
		bed_sleep_us(100);
	good &= !kill(pid, SIGSTOP);
	for (unsigned int waited = 0; good && waited < PATIENCE_US; waited += 1000) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			break;
		bed_sleep_us(1000);
	}
	good &= WIFSIGNALED(status) && TAP_SAME(WTERMSIG(status), SIGKILL);
	if (!good)
		kill(pid, SIGKILL);
	tap_ok(good && goes_on(), "an engine that takes nothing any more is ended");
}

static void test_required(void)
{
	struct rs_engine_options options = {
		.keeper = RS_KEEPER_REQUIRED, .keeper_path = "/nonexistent/keeper" };
	struct rs_engine *engine;
	bool good = TAP_SAME(rs_engine_attach(&engine, "guest1", &options), -ENOENT);

	good &= !engine && strstr(rs_error_text(), "/nonexistent/keeper");
	options = (struct rs_engine_options){ .stall_ms = 1 };
	good &= TAP_SAME(rs_engine_attach(&engine, "guest1", &options), -EINVAL);
	tap_ok(good && !engine && goes_on(),
	       "where a keeper is required and cannot be, nothing is attached");
}

/* The next one cannot map the ring: it does what `ringside recover` does. */
static void test_keeper_dies(void)
{
	pid_t pid = start(), first = await_keeper(pid, 0), second;
	bool good = first && !kill(first, SIGKILL);

	second = await_keeper(pid, first);
	tap_ok(good && second, "a keeper that has died has a successor");
	tap_ok(bed_kill(pid) && goes_on(), "which lets the guest go as well");
}

static void test_both_die(void)
{
	char *recover[] = { ringside, "recover", "--quiet", "guest1", NULL };
	pid_t pid = start(), keeper = await_keeper(pid, 0);
	bool good = keeper && !kill(pid, SIGSTOP) && !kill(keeper, SIGKILL);

	good &= bed_kill(pid) && TAP_SAME(bed_run(recover), 0);
	tap_ok(good && goes_on(), "if both die, the guest can be recovered");
}

static void test_others(void)
{
	test_end();
	test_size();
	test_signals();
	test_crash();
	test_impatience();
	test_foreign_pause();
	test_memory_only();
	test_old_kernel();
	test_required();
	test_stall();
}

int main(int argc, char **argv)
{
	unsigned int count = argc > 3 ? (unsigned int)atoi(argv[3]) : 20;
	uint64_t seed = argc > 4 ? strtoull(argv[4], NULL, 0) : (uint64_t)time(NULL);

	ringside = argv[1];
	printf("# seed %" PRIu64 "\n", seed);
	if (!tap_ok(argc > 2 && bed_open(seed), "a guest"))
		return tap_done();
	if (!strcmp(argv[2], "kills"))
		test_kills(count);
	else if (!strcmp(argv[2], "others"))
		test_others();
	else
		test_keeper_dies(), test_both_die();
	return tap_done();
}
