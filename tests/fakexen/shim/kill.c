/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kill.c: kill COUNT SEED: kills a monitor COUNT times at random moments, looks each time at
 * what is left in the model, and recovers. To be run by fakexen, on one domain. */
#include "config.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <xenctrl.h>

#include "fakexen/atomics.h"
#include "fakexen/futex.h"
#include "fakexen/vm_event.h"
#include "tests/fakexen/shim/consumer.h"
#include "tests/fakexen/shim/oracle.h"
#include "tests/unit/tap.h"

#define DOMID 1
#define PATIENCE_NS 2000000000u

static uint64_t random_state;
static struct fx_model *model;
static struct fx_domain *domain;
static xc_interface *xch;
static struct consumer_progress *progress;
static unsigned int kills_in[CONSUMER_PHASES];

static uint32_t random_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % limit;
}

/* ---- killing ---- */

static void spin_ns(uint64_t ns)
{
	uint64_t until = fx_monotonic_ns() + ns;

	while (fx_monotonic_ns() < until)
		fx_pause();
}

/* Waits until *word is at least that much, or nothing comes of it. */
static void await(const uint32_t *word, uint32_t least)
{
	uint64_t until = fx_monotonic_ns() + PATIENCE_NS;

	while (fx_load_relaxed(word) < least && fx_monotonic_ns() < until)
		sched_yield();
}

/* By time; by events, which mostly hits a notify; or by phase, just after its begin. */
static void wait_for_the_moment(void)
{
	switch (random_below(3)) {
	case 0:
		usleep(random_below(5000));
		break;
	case 1:
		await(&progress->events, 1 + random_below(600));
		spin_ns(random_below(20000));
		break;
	default:
		await(&progress->phase, random_below(CONSUMER_PHASES));
		spin_ns(random_below(300000));
	}
}

static bool kill_one(void)
{
	int status;
	pid_t pid;

	*progress = (struct consumer_progress){ 0 };
	pid = fork();
	if (!pid)
		_exit(consumer_run(DOMID, progress) ? 1 : 0);
	wait_for_the_moment();
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	kills_in[progress->phase]++;
	return WIFSIGNALED(status);     /* else the consumer itself has failed */
}

/* ---- what must hold ---- */

/* At once: the driver's part of the dead one is gone, and the ring's books are right. */
static bool left_as_xen_leaves_it(const struct oracle_reading *before)
{
	const struct fx_statistics *statistics = &domain->statistics;
	struct oracle_reading now;
	bool good = true;

	if (xc_domain_pause(xch, DOMID))
		return TAP_SAME(errno, 0);
	oracle_read(model, &now);
	good &= TAP_SAME(now.ports, before->ports);
	good &= TAP_SAME(now.devices, before->devices);
	good &= TAP_SAME(now.mappings, before->mappings);
	for (unsigned int i = 0; i < FX_CALLS; i++)
		good &= TAP_SAME(fx_load_relaxed(&model->calls[i].state), 0);
	good &= TAP_SAME(domain->vm_event.draining, false);
	good &= TAP_SAME(domain->vm_event.record.valid, false);
	good &= TAP_SAME(statistics->requests, statistics->answers - statistics->rejected -
		statistics->surplus + fx_vm_event_missing(domain));
	/* Once the ring is disabled the books are closed, and who was paused stays paused. */
	for (unsigned int i = 0; i < domain->vcpu_count && domain->vm_event.enabled; i++)
		good &= TAP_SAME(domain->vcpus[i].vm_event_pause_count,
			domain->vcpus[i].opened - domain->vcpus[i].closed);
	xc_domain_unpause(xch, DOMID);
	return good;
}

/* Whether each vCPU goes on: its time grows. */
static bool all_run(void)
{
	uint64_t until = fx_monotonic_ns() + PATIENCE_NS, begin[FX_VCPUS];
	unsigned int running = 0;
	xc_vcpuinfo_t info;

	for (unsigned int i = 0; i < domain->vcpu_count; i++) {
		if (xc_vcpu_getinfo(xch, DOMID, i, &info))
			return false;
		begin[i] = info.cpu_time;
	}
	while (running < domain->vcpu_count && fx_monotonic_ns() < until) {
		if (xc_vcpu_getinfo(xch, DOMID, running, &info))
			return false;
		if (info.cpu_time > begin[running])
			running++;
		else
			usleep(200);
	}
	return TAP_SAME(running, domain->vcpu_count);
}

static bool recovered(const struct oracle_reading *before)
{
	struct oracle_reading now;
	bool good = true;

	if (!TAP_SAME(consumer_recover(DOMID, domain->vcpu_count), 0))
		return false;
	good &= all_run();
	oracle_read(model, &now);
	good &= TAP_SAME(now.ports, before->ports);
	good &= TAP_SAME(now.devices, before->devices);
	good &= TAP_SAME(now.mappings, before->mappings);
	good &= TAP_SAME(now.frames, before->frames);
	good &= TAP_SAME(domain->vm_event.enabled, false);
	good &= TAP_SAME(domain->pause_count, 0);
	for (unsigned int i = 0; i < domain->vcpu_count; i++) {
		good &= TAP_SAME(domain->vcpus[i].vm_event_pause_count, 0);
		good &= TAP_SAME(domain->vcpus[i].pause_count, 0);
	}
	return good;
}

static bool prepare(struct oracle_reading *before)
{
	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	xch = xc_interface_open(NULL, NULL, 0);
	model = oracle_enter();
	domain = model ? fx_domain_find(model, DOMID) : NULL;
	if (progress == MAP_FAILED || !xch || !domain)
		return false;
	/* Once before: the ring's page leaves the guest for good. */
	if (consumer_recover(DOMID, domain->vcpu_count) || !all_run())
		return false;
	oracle_read(model, before);
	return true;
}

int main(int argc, char **argv)
{
	unsigned int count = argc > 1 ? (unsigned int)atoi(argv[1]) : 100, done = 0;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)time(NULL);
	bool died = true, left = true, back = true;
	struct oracle_reading before;

	random_state = seed * 0x9e3779b97f4a7c15u | 1;
	printf("# seed %" PRIu64 "\n", seed);
	if (!tap_ok(prepare(&before), "a monitor comes and goes"))
		return tap_done();
	while (done < count && died && left && back) {
		died = kill_one();
		left = left_as_xen_leaves_it(&before);
		back = recovered(&before);
		done++;
	}
	printf("# killed while it started %u, enabled %u, ran %u, disabled %u\n", kills_in[0],
		kills_in[1], kills_in[2], kills_in[3]);
	tap_ok(died, "kill %u of %u found the monitor at work", done, count);
	tap_ok(left, "after kill %u ports, mappings and books are right", done);
	tap_ok(back, "after kill %u the recovery makes the guest run as before", done);
	return tap_done();
}
