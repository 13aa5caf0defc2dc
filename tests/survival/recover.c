/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* recover.c: recover RINGSIDE COUNT SEED: kills `ringside watch` COUNT times at random moments, and
 * lets `ringside recover` take back what it has left. To be run by fakexen, on one domain. */
#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <ringside/ringside.h>

#include "tests/survival/bed.h"
#include "tests/unit/tap.h"

static char *ringside;

static int recover(void)
{
	char *argv[] = { ringside, "recover", "--quiet", "guest1", NULL };

	return bed_run(argv);
}

static pid_t start(void)
{
	static char *const one[] = { "--no-keeper", NULL };
	static char *const workers[] = { "--no-keeper", "--workers=3", NULL };

	return bed_start_watch(ringside, bed_random(2) ? one : workers);
}

/* From its first instruction on; or, mostly, once it holds the ring. */
static bool kill_at_random(void)
{
	pid_t pid = start();

	if (bed_random(4))
		bed_await_ring();
	bed_sleep_us(bed_random(20000));
	return bed_kill(pid);
}

/* Recovers; one time in three it is killed itself first. */
static bool recovers(void)
{
	char *argv[] = { ringside, "recover", "--quiet", "guest1", NULL };

	if (!bed_random(3)) {
		pid_t pid = bed_start(argv);

		bed_sleep_us(bed_random(8000));
		bed_kill(pid);
	}
	return TAP_SAME(recover(), 0) && bed_all_run() && bed_is_as_before();
}

static void test_kills(unsigned int count)
{
	unsigned int done = 0;
	bool died = true, back = true;

	while (done < count && died && back) {
		died = kill_at_random();
		back = recovers();
		done++;
	}
	tap_ok(died, "kill %u of %u found the monitor at work", done, count);
	tap_ok(back, "after kill %u the guest is as it was, and runs", done);
}

/* Set in a child: where it dies. */
static enum { NOWHERE, BEFORE_PAGE_GOES, WHEN_RING_HAS_GONE, WHILE_THEY_RUN } dies;

/* Stands before libxenctrl's, for all of this process. */
int xc_domain_decrease_reservation_exact(xc_interface *control, uint32_t domain, unsigned long count,
					 unsigned int order, xen_pfn_t *frames)
{
	int (*call)(xc_interface *, uint32_t, unsigned long, unsigned int, xen_pfn_t *) =
		(__typeof__(call))dlsym(RTLD_NEXT, __func__);

	if (dies == BEFORE_PAGE_GOES)
		raise(SIGKILL);
	return call(control, domain, count, order, frames);
}

int xc_monitor_disable(xc_interface *control, uint32_t domain)
{
	int (*call)(xc_interface *, uint32_t) = (__typeof__(call))dlsym(RTLD_NEXT, __func__);
	int result = call(control, domain);

	if (dies == WHEN_RING_HAS_GONE)
		raise(SIGKILL);
	return result;
}

/* When the dead one's pauses are lifted, and noted as such. */
int nanosleep(const struct timespec *time, struct timespec *left)
{
	int (*call)(const struct timespec *, struct timespec *) =
		(__typeof__(call))dlsym(RTLD_NEXT, __func__);

	if (dies == WHILE_THEY_RUN)
		raise(SIGKILL);
	return call(time, left);
}

static bool recovery_dies(int where)
{
	pid_t pid = fork();

	if (!pid) {
		dies = where;
		_exit(rs_recover("guest1", NULL) ? 1 : 0);
	}
	return pid > 0 && TAP_SAME(bed_await(pid), 128 + SIGKILL);
}

/*
 * A recovery's last step is to take the new ring's page from the guest, when all vCPUs have run and
 * nothing else is left: whoever dies before it leaves that page.
 */
static void test_last_step(void)
{
	pid_t pid = start();
	bool good = bed_await_ring() && bed_kill(pid);

	good = good && recovery_dies(BEFORE_PAGE_GOES) && TAP_SAME(recover(), 0);
	tap_ok(good && bed_all_run() && bed_is_as_before(), "a recovery that dies in its last step");
}

static bool is_waited(void)
{
	for (uint32_t i = 0; i < bed_domain->vcpu_count; i++)
		if (bed_domain->vcpus[i].vm_event_pause_count)
			return true;
	return false;
}

/*
 * vCPUs wait, and the ring they have reported on has gone. Then who comes next has lifted the dead
 * one's pause, and dies as well: of all that was changed only those vCPUs are left.
 */
static void test_without_ring(void)
{
	char *argv[] = { ringside, "watch", "guest1", "--cpuid", "--quiet", "--no-keeper", NULL };
	uint64_t before = bed_domain->statistics.requests;
	pid_t pid = bed_start(argv);
	bool good = bed_await_ring();

	while (good && bed_domain->statistics.requests == before)
		bed_sleep_us(100);
	good &= !kill(pid, SIGSTOP);
	while (good && !is_waited())
		bed_sleep_us(100);
	good &= bed_kill(pid) && recovery_dies(WHEN_RING_HAS_GONE) && recovery_dies(WHILE_THEY_RUN);
	good = good && TAP_SAME(recover(), 0);
	tap_ok(good && bed_all_run() && bed_is_as_before(),
	       "two recoveries that die, one of them between two rings");
}

/*
 * An administrator's pause is none of ours. In the middle of a call that pauses nobody could know:
 * so the monitor has done its own first.
 */
static void test_foreign_pause(void)
{
	char *argv[] = { ringside, "watch", "guest1", "--cr3", "--quiet", "--no-keeper", NULL };
	bool good = !xc_domain_pause(bed_control, BED_DOMID);
	pid_t pid = bed_start(argv);

	good &= bed_await_ring();
	while (!bed_domain->monitor.cr_enabled || bed_domain->pause_count != 1)
		bed_sleep_us(100);
	good &= bed_kill(pid) && TAP_SAME(recover(), 0) && TAP_SAME(bed_domain->pause_count, 1);
	good &= !xc_domain_unpause(bed_control, BED_DOMID);
	tap_ok(good && bed_all_run() && bed_is_as_before(), "somebody else's pause stays");
}

/* The next monitor needs the recovery first; a live one keeps its ring. */
static void test_who_holds_it(void)
{
	char *watch[] = { ringside, "watch", "guest1", "--count=1", "--quiet", NULL };
	pid_t pid = start();
	bool good = bed_await_ring() && TAP_SAME(recover(), 6);

	good &= bed_domain->vm_event.enabled;
	tap_ok(good, "a monitor that lives keeps its guest");
	good = bed_kill(pid) && TAP_SAME(bed_run(watch), 6);
	tap_ok(good, "what a dead one has left another does not take");
	good = TAP_SAME(recover(), 0) && TAP_SAME(bed_run(watch), 0) && TAP_SAME(recover(), 0);
	tap_ok(good && bed_all_run() && bed_is_as_before(),
	       "after the recovery it does, and then nothing is to be recovered");
}

/* The attach option of that name. */
static void test_attach(void)
{
	struct rs_engine *engine;
	pid_t pid = start();
	bool good = bed_await_ring() && bed_kill(pid);

	good &= TAP_SAME(rs_engine_attach(&engine, "guest1", NULL), -EBUSY);
	good &= TAP_SAME(rs_engine_attach(&engine, "guest1",
		&(struct rs_engine_options){ .recover = true }), 0);
	good = good && TAP_SAME(rs_engine_detach(engine), 0);
	tap_ok(good && bed_all_run() && bed_is_as_before(), "who attaches may recover it as well");
}

int main(int argc, char **argv)
{
	unsigned int count = argc > 2 ? (unsigned int)atoi(argv[2]) : 20;
	uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 0) : (uint64_t)time(NULL);

	ringside = argv[1];
	printf("# seed %" PRIu64 "\n", seed);
	if (!tap_ok(argc > 1 && bed_open(seed), "a guest"))
		return tap_done();
	test_kills(count);
	test_last_step();
	test_without_ring();
	test_foreign_pause();
	test_who_holds_it();
	test_attach();
	return tap_done();
}
