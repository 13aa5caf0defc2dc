/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kill.c: a notify whose caller is killed. A child sends it, one instruction at a time; after
 * each the state it has left so far is copied, taken up as if the child had died there, and
 * must come out as if nothing had happened. Then some children are really killed. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fakexen/events/bed.h"
#include "tests/unit/tap.h"

#define PAUSED VM_EVENT_FLAG_VCPU_PAUSED
#define VCPUS 11u
#define ANSWERS 5u
#define HEAD offsetof(struct fx_domain, p2m)    /* what is copied of a domain */

/* 8 requests on the ring, 3 sleepers, and answers of every kind waiting for a notify. */
static void prepare(struct bed *bed)
{
	vm_event_response_t response = { .version = VM_EVENT_INTERFACE_VERSION };
	uint16_t view;

	bed_make(bed, VCPUS);
	bed_populate(bed, 0x100, 4);
	bed_enable(bed);
	fx_altp2m_set_state(bed->model, bed->domain, true);
	fx_view_create(bed->model, bed->domain, XENMEM_access_rwx, &view);
	fx_view_set_access(bed->model, bed->domain, 0, 0x100, XENMEM_access_n);
	for (unsigned int i = 0; i < VCPUS; i++)
		bed_report(bed, i, i != 4);     /* 4 is asynchronous: blocked */
	bed_answer(bed, 0, PAUSED);
	response.vcpu_id = 1;
	response.reason = VM_EVENT_REASON_MEM_ACCESS;
	response.flags = PAUSED | VM_EVENT_FLAG_EMULATE | VM_EVENT_FLAG_SET_EMUL_READ_DATA;
	response.u.mem_access.gfn = 0x100;
	response.u.mem_access.flags = MEM_ACCESS_R;
	memset(&response.data, 0x5a, sizeof(response.data));
	bed_put(bed, &response);
	response.vcpu_id = 2;
	response.flags = PAUSED | VM_EVENT_FLAG_SET_REGISTERS | VM_EVENT_FLAG_ALTERNATE_P2M |
			 VM_EVENT_FLAG_FAST_SINGLESTEP | VM_EVENT_FLAG_GET_NEXT_INTERRUPT;
	response.altp2m_idx = view;
	memset(&response.u, 0, sizeof(response.u));
	response.u.fast_singlestep.p2midx = view;
	bed_put(bed, &response);
	bed_answer(bed, 4, 0);
	bed_answer(bed, 3, PAUSED | VM_EVENT_FLAG_TOGGLE_SINGLESTEP);
}

/* What must not depend on when the caller died: everything but times and the record. */
static void normalise(struct fx_domain *domain)
{
	struct fx_statistics *statistics = &domain->statistics;

	memset(&domain->lock, 0, sizeof(domain->lock));
	memset(&domain->vm_event.record, 0, sizeof(domain->vm_event.record));
	statistics->rtt_ns_max = statistics->rtt_ns_sum = 0;
	for (unsigned int i = 1; i < FX_HISTOGRAM; i++) {
		statistics->rtt_histogram[0] += statistics->rtt_histogram[i];
		statistics->rtt_histogram[i] = 0;
	}
}

static void copy_head(struct fx_domain *to, const struct fx_domain *from)
{
	memcpy(to, from, HEAD);
}

/* Whether a bed that was taken up is as the reference says. */
static bool same(const struct fx_domain *domain, const struct fx_domain *reference)
{
	static struct { _Alignas(64) char bytes[HEAD]; } copy;
	struct fx_domain *normal = (struct fx_domain *)&copy;

	copy_head(normal, domain);
	normalise(normal);
	return !memcmp(normal, reference, HEAD);
}

static pid_t start(struct bed *bed)
{
	pid_t child = fork();

	if (!child) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0))
			_exit(77);
		raise(SIGSTOP);
		bed_notify(bed);
		_exit(0);
	}
	return child;
}

/* One instruction; false: the child has ended. */
static bool step(pid_t child)
{
	int status;

	if (ptrace(PTRACE_SINGLESTEP, child, 0, 0) || waitpid(child, &status, 0) != child)
		return false;
	return WIFSTOPPED(status);
}

/* The frames and the p2m are not changed by a notify: the spare bed has its own, the same. */
static void copy_bed(struct bed *to, const struct bed *from)
{
	copy_head(to->domain, from->domain);
	memcpy(to->page, from->page, FX_PAGE);
	fx_lock_init(&to->domain->lock);
	memset(to->woken, 0, sizeof(to->woken));
}

static bool all_told(const struct bed *bed, const struct bed *before)
{
	for (unsigned int i = 0; i < VCPUS; i++)
		if (fx_vcpu_runnable(bed->domain, &bed->domain->vcpus[i]) &&
			!fx_vcpu_runnable(before->domain, &before->domain->vcpus[i]) &&
			!bed->woken[i])
			return false;
	return true;
}

static void test_every_instruction(const struct fx_domain *reference)
{
	unsigned int steps = 0, wrong = 0, silent = 0;
	struct bed bed, spare, before;
	int status;
	pid_t child;

	prepare(&bed);
	prepare(&spare);
	prepare(&before);
	child = start(&bed);
	if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) {
		tap_ok(true, "killed after each instruction # SKIP no ptrace here");
		return;
	}
	while (step(child)) {
		steps++;
		copy_bed(&spare, &bed);
		fx_vm_event_recover(spare.model, &spare.host, spare.domain);
		/* before the notify has begun its work there is nothing to take up */
		if (spare.domain->ring.rsp_cons == 0)
			continue;
		if (!same(spare.domain, reference) && wrong++ < 3)
			printf("# wrong after %u instructions\n", steps);
		silent += !all_told(&spare, &before);
	}
	tap_ok(steps > 500 && !wrong && !silent,
		"killed after any of %u instructions: %u taken up wrongly, %u not told", steps,
		wrong, silent);
	bed_destroy(&bed);
	bed_destroy(&spare);
	bed_destroy(&before);
}

static void test_really_killed(const struct fx_domain *reference)
{
	unsigned int wrong = 0, half = 0;

	for (unsigned int after = 60; after < 1500; after += 97) {
		struct bed bed;
		int status;
		pid_t child;
		bool alive = true;

		prepare(&bed);
		child = start(&bed);
		if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) {
			tap_ok(true, "really killed # SKIP no ptrace here");
			return;
		}
		for (unsigned int i = 0; i < after && alive; i++)
			alive = step(child);
		if (alive) {
			kill(child, SIGKILL);
			waitpid(child, &status, 0);
		}
		half += bed.domain->vm_event.draining;
		/* whoever takes the lock next repairs, here a vCPU's or the tools' next call */
		fx_domain_lock(bed.model, &bed.host, bed.domain);
		fx_domain_unlock(bed.domain);
		if (!bed.domain->ring.rsp_cons)
			fx_vm_event_resume(bed.model, &bed.host, bed.domain);
		wrong += !same(bed.domain, reference);
		bed_destroy(&bed);
	}
	tap_ok(!wrong && half, "really killed, %u times in the middle: the lock's next holder "
		"repairs (%u wrong)", half, wrong);
}

int main(void)
{
	static struct { _Alignas(64) char bytes[HEAD]; } copy;
	struct fx_domain *reference = (struct fx_domain *)&copy;
	struct bed bed;

	prepare(&bed);
	bed_notify(&bed);
	copy_head(reference, bed.domain);
	normalise(reference);
	tap_ok(bed.domain->statistics.answers == ANSWERS && bed_vcpu(&bed, 2)->view == 1 &&
		bed_vcpu(&bed, 1)->answer.emulate_flags && bed_vcpu(&bed, 3)->single_step,
		"all %u answers take effect when nobody is killed", ANSWERS);
	bed_destroy(&bed);
	test_every_instruction(reference);
	test_really_killed(reference);
	return tap_done();
}
