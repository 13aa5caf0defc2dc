/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bed.c: see bed.h. */
#include "config.h"

#include "tests/survival/bed.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fakexen/atomics.h"
#include "fakexen/p2m.h"
#include "tests/fakexen/shim/oracle.h"
#include "tests/unit/tap.h"

#define PATIENCE_NS 10000000000u
#define ARGUMENTS_MAX 40

xc_interface *bed_control;
struct fx_model *bed_model;
struct fx_domain *bed_domain;

static struct oracle_reading before;
static uint64_t random_state, pool_before, max_pages_before, code_before;

uint32_t bed_random(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % limit;
}

void bed_sleep_us(unsigned int us)
{
	nanosleep(&(struct timespec){ .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 },
		NULL);
}

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* A ring comes and goes: its page leaves the guest for good. */
static bool use_ring_once(void)
{
	uint32_t port;
	void *page = xc_monitor_enable(bed_control, BED_DOMID, &port);

	return page && !munmap(page, XC_PAGE_SIZE) && !xc_monitor_disable(bed_control, BED_DOMID);
}

/* Of the page where the guest's code begins. */
static uint64_t sum_code(void)
{
	const struct fx_p2m_entry *entry =
		fx_p2m_entry(bed_domain, bed_domain->image_base / FX_PAGE);
	const uint8_t *bytes = fx_page(bed_model, entry->frame);
	uint64_t sum = 0;

	for (unsigned int i = 0; i < FX_PAGE; i++)
		sum = sum * 31 + bytes[i];
	return sum;
}

bool bed_open(uint64_t seed)
{
	random_state = seed * 0x9e3779b97f4a7c15u | 1;
	bed_control = xc_interface_open(NULL, NULL, 0);
	bed_model = oracle_enter();
	bed_domain = bed_model ? fx_domain_find(bed_model, BED_DOMID) : NULL;
	if (!bed_control || !bed_domain || !use_ring_once() || !bed_all_run())
		return false;
	oracle_read(bed_model, &before);
	pool_before = bed_domain->paging_pool_bytes;
	max_pages_before = bed_domain->max_pages;
	code_before = sum_code();
	return true;
}

pid_t bed_start(char *const *argv)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	execv(argv[0], argv);
	_exit(127);
}

int bed_await(pid_t pid)
{
	int status = 0;

	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int bed_run(char *const *argv)
{
	return bed_await(bed_start(argv));
}

bool bed_kill(pid_t pid)
{
	kill(pid, SIGKILL);
	return bed_await(pid) == 128 + SIGKILL;
}

pid_t bed_start_watch(const char *ringside, char *const *more)
{
	static char *const kinds[] = { "--cr3", "--cr4", "--xcr0", "--msr=0xc0000082", "--breakpoint",
		"--cpuid", "--descriptor", "--guest-request", "--page=0x130-0x131:n",
		"--break=0x100345" };
	char *argv[ARGUMENTS_MAX] = { (char *)ringside, "watch", "guest1", "--quiet" };
	unsigned int count = 4, kind_count = sizeof(kinds) / sizeof(*kinds);

	/* The last of them, hidden breakpoints, needs views. */
	for (unsigned int i = 0; i < kind_count - !bed_model->options.altp2m; i++)
		if (bed_random(4))
			argv[count++] = kinds[i];
	while (*more)
		argv[count++] = *more++;
	return bed_start(argv);
}

bool bed_await_ring(void)
{
	uint64_t until = now_ns() + PATIENCE_NS;

	while (!bed_domain->vm_event.enabled && now_ns() < until)
		bed_sleep_us(100);
	return bed_domain->vm_event.enabled;
}

bool bed_all_run(void)
{
	uint64_t ns;

	return bed_all_run_within(&ns);
}

bool bed_all_run_within(uint64_t *ns)
{
	uint64_t start = now_ns(), until = start + PATIENCE_NS, begin[FX_VCPUS];
	unsigned int running = 0;

	for (unsigned int i = 0; i < bed_domain->vcpu_count; i++)
		begin[i] = fx_load_relaxed(&bed_domain->vcpus[i].cpu_time_ns);
	while (running < bed_domain->vcpu_count && now_ns() < until) {
		if (fx_load_relaxed(&bed_domain->vcpus[running].cpu_time_ns) > begin[running])
			running++;
		else
			bed_sleep_us(100);
	}
	*ns = now_ns() - start;
	return TAP_SAME(running, bed_domain->vcpu_count);
}

static bool vcpus_are_free(void)
{
	bool good = true;

	for (unsigned int i = 0; i < bed_domain->vcpu_count; i++) {
		const struct fx_vcpu *vcpu = &bed_domain->vcpus[i];

		good &= TAP_SAME(vcpu->vm_event_pause_count, 0);
		good &= TAP_SAME(vcpu->pause_count, 0);
		good &= TAP_SAME(vcpu->single_step || vcpu->fast_single_step, false);
	}
	return good;
}

static bool is_let_go(void)
{
	return !bed_domain->vm_event.enabled && !bed_domain->pause_count &&
	       !bed_domain->altp2m_active && bed_domain->max_pages == max_pages_before &&
	       bed_domain->paging_pool_bytes == pool_before;
}

/*
 * The launcher hears of a process's death a little later than its parent may, and a keeper is not
 * done when the guest goes on.
 */
static void await_funerals(struct oracle_reading *now)
{
	uint64_t until = now_ns() + PATIENCE_NS;

	do {
		oracle_read(bed_model, now);
		if (now->ports == before.ports && now->mappings == before.mappings &&
		    now->frames == before.frames && is_let_go())
			return;
		bed_sleep_us(1000);
	} while (now_ns() < until);
}

bool bed_is_as_before(void)
{
	struct oracle_reading now;
	bool good;

	await_funerals(&now);
	good = vcpus_are_free();
	good &= TAP_SAME(now.ports, before.ports);
	good &= TAP_SAME(now.mappings, before.mappings);
	good &= TAP_SAME(now.frames, before.frames);
	good &= TAP_SAME(bed_domain->vm_event.enabled, false);
	good &= TAP_SAME(bed_domain->pause_count, 0);
	good &= TAP_SAME(bed_domain->altp2m_active, false);
	good &= TAP_SAME(bed_domain->paging_pool_bytes, pool_before);
	good &= TAP_SAME(bed_domain->max_pages, max_pages_before);
	good &= TAP_SAME(sum_code(), code_before);
	good &= TAP_SAME(bed_domain->monitor.cr3_exiting, false);
	good &= TAP_SAME(bed_domain->monitor.descriptor_exiting, false);
	return good;
}
