/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_cr3.c: how many events the model alone makes: one thread runs a vCPU in a bare loop
 * of CR3 writes and, when it stops, takes the request, puts the response and notifies.
 * Usage: bench_cr3 [EVENTS]. Prints one JSON line; fails when an event was lost. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

#include "fakexen/histogram.h"
#include "tests/fakexen/events/guest.h"

static const uint8_t loop[] = {
	0x0f, 0x22, 0xd8,       /* 1: mov cr3, rax */
	0x0f, 0x22, 0xdb,       /*    mov cr3, rbx */
	0xeb, 0xf8,             /*    jmp 1b */
};

static uint64_t ticks(void *opaque)
{
	(void)opaque;
	return __rdtsc();
}

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/* The smallest possible consumer. */
static unsigned int consume(struct bed *bed)
{
	vm_event_sring_t *page = bed->page;
	unsigned int count = 0;

	while (__atomic_load_n(&page->req_prod, __ATOMIC_ACQUIRE) != bed->req_cons) {
		vm_event_request_t *slot = &page->ring[bed->req_cons++ % 8].req;
		vm_event_response_t *response = &page->ring[bed->rsp_prod++ % 8].rsp;

		response->version = slot->version;
		response->vcpu_id = slot->vcpu_id;
		response->reason = slot->reason;
		response->flags = VM_EVENT_FLAG_VCPU_PAUSED;
		count++;
	}
	__atomic_store_n(&page->rsp_prod, bed->rsp_prod, __ATOMIC_RELEASE);
	if (count)
		bed_notify(bed);
	return count;
}

int main(int argc, char **argv)
{
	uint64_t wanted = argc > 1 ? strtoull(argv[1], NULL, 0) : 20000, events = 0, deadline;
	struct fx_runner *runner;
	struct bed bed;
	double begin, cpu;

	guest_make(&bed, 1, loop, sizeof(loop));
	bed.host.now = ticks;
	bed_enable(&bed);
	bed.domain->monitor.cr_enabled = bed.domain->monitor.cr_sync = 1u << VM_EVENT_X86_CR3;
	bed.domain->monitor.cr3_exiting = true;
	bed_vcpu(&bed, 0)->cpu.gpr[FX_RAX] = GUEST_ROOT_A;
	bed_vcpu(&bed, 0)->cpu.gpr[FX_RBX] = GUEST_ROOT_B;
	runner = guest_runner(&bed, 0);
	begin = seconds(CLOCK_MONOTONIC);
	cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
	while (events < wanted) {
		if (fx_runner_run(runner, 1000000, &deadline) != FX_RAN_PAUSED)
			break;
		events += consume(&bed);
	}
	begin = seconds(CLOCK_MONOTONIC) - begin;
	cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
	printf("{\"bench\": \"fakexen_cr3\", \"events\": %" PRIu64 ", \"seconds\": %.3f, "
	       "\"events_per_second\": %.0f, \"events_per_cpu_second\": %.0f, "
	       "\"rtt_ticks_p50\": %" PRIu64 "}\n",
		events, begin, events / begin, events / cpu,
		fx_histogram_percentile(bed.domain->statistics.rtt_histogram, 50));
	fx_runner_destroy(runner);
	return events < wanted || bed.domain->statistics.answers != events;
}
