/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bench_cr3.c: how many events the model alone makes: one thread runs a vCPU in a loop of CR3
 * writes, bare ones or measured as guests/bench.S measures them, and, when it stops, takes the
 * request, puts the response and notifies.
 * Usage: bench_cr3 [EVENTS [VCPUS [stamped]]]. Prints one JSON line; fails when an event was lost. */
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

#define GUEST_AREA 0x20000

/* The instructions of guests/bench.S between two events, on an area of 16 KiB. */
extern const uint8_t stamped_begin[], stamped_end[];
__asm__(".pushsection .rodata\n"
	"stamped_begin: 1: xor $0x1000, %r8d\n"
	"rdtsc; shl $32, %rdx; lea (%rax,%rdx), %r10\n"
	"mov %r8, %cr3\n"
	"rdtsc; shl $32, %rdx; lea (%rax,%rdx), %r11\n"
	"mov %r11, %rbx; sub %r10, %rbx\n"
	"incq 16(%r12); add %rbx, 24(%r12); cmp 32(%r12), %rbx; ja 3f\n"
	"2: mov %rbx, %rax; or $64, %rax; bsr %rax, %rcx; sub $6, %ecx; shr %cl, %rbx\n"
	"shl $6, %ecx; add %ecx, %ebx; cmp $1984, %ebx; jae 4f\n"
	"incq 512(%r12,%rbx,8); cmp (%r12), %r13; jne 4f; dec %rdi; jz 4f; jmp *%rsi\n"
	"3: mov %rbx, 32(%r12); jmp 2b\n"
	"4: ud2\n"
	"stamped_end: .popsection");

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

static struct fx_runner *start(struct bed *bed, unsigned int vcpu)
{
	uint64_t *gpr = bed_vcpu(bed, vcpu)->cpu.gpr;

	gpr[FX_RAX] = gpr[FX_R8] = GUEST_ROOT_A;
	gpr[FX_RBX] = GUEST_ROOT_B;
	gpr[FX_RSI] = GUEST_CODE;
	gpr[FX_R12] = GUEST_AREA + vcpu * 0x4000;
	return guest_runner(bed, vcpu);
}

static void run(struct bed *bed, unsigned int vcpus, struct fx_runner *const *runners,
	uint64_t wanted, uint64_t *events)
{
	uint64_t deadline;

	while (*events < wanted) {
		for (unsigned int i = 0; i < vcpus; i++)
			fx_runner_run(runners[i], 1000000, &deadline);
		*events += consume(bed);
	}
}

int main(int argc, char **argv)
{
	uint64_t wanted = argc > 1 ? strtoull(argv[1], NULL, 0) : 20000, events = 0;
	unsigned int vcpus = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;
	bool stamped = argc > 3;
	struct fx_runner *runners[FX_VCPUS];
	struct bed bed;
	double begin, cpu;

	if (stamped)
		guest_make(&bed, vcpus, stamped_begin, stamped_end - stamped_begin);
	else
		guest_make(&bed, vcpus, loop, sizeof(loop));
	bed_populate(&bed, GUEST_AREA / FX_PAGE, 4 * vcpus);
	bed.host.now = ticks;
	bed_enable(&bed);
	bed.domain->monitor.cr_enabled = bed.domain->monitor.cr_sync = 1u << VM_EVENT_X86_CR3;
	bed.domain->monitor.cr3_exiting = true;
	for (unsigned int i = 0; i < vcpus; i++)
		runners[i] = start(&bed, i);
	begin = seconds(CLOCK_MONOTONIC);
	cpu = seconds(CLOCK_THREAD_CPUTIME_ID);
	run(&bed, vcpus, runners, wanted, &events);
	begin = seconds(CLOCK_MONOTONIC) - begin;
	cpu = seconds(CLOCK_THREAD_CPUTIME_ID) - cpu;
	printf("{\"bench\": \"fakexen_cr3\", \"stamped\": %d, \"vcpus\": %u, \"events\": %" PRIu64
	       ", \"seconds\": %.3f, "
	       "\"events_per_second\": %.0f, \"events_per_cpu_second\": %.0f, "
	       "\"rtt_ticks_p50\": %" PRIu64 "}\n",
		stamped, vcpus, events, begin, events / begin, events / cpu,
		fx_histogram_percentile(bed.domain->statistics.rtt_histogram, 50));
	for (unsigned int i = 0; i < vcpus; i++)
		fx_runner_destroy(runners[i]);
	return bed.domain->statistics.answers != events;
}
