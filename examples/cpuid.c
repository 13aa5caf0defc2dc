/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpuid.c: hides from a guest that it runs under a hypervisor, by clearing bit 31 of ECX in
 * what CPUID leaf 1 says. Shows how a handler changes registers.
 *
 *	cpuid DOMAIN
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include <ringside/ringside.h>

#define HYPERVISOR_PRESENT (1u << 31)

static struct rs_engine *engine;

static void on_signal(int number)
{
	rs_engine_stop(engine);
}

static struct rs_reply on_cpuid(const struct rs_event *event, void *user)
{
	struct rs_registers *registers;

	printf("vcpu %u: cpuid %#x at %#" PRIx64 "\n", event->vcpu, event->cpuid.leaf,
	       rs_event_rip(event));
	if (event->cpuid.leaf != 1)
		return RS_CONTINUE;
	/* They begin with CPUID's results, and with RIP behind it. */
	registers = rs_answer_registers(event);
	registers->rcx &= ~(uint64_t)HYPERVISOR_PRESENT;
	return RS_SET_REGISTERS;
}

int main(int argc, char **argv)
{
	int error;

	if (argc != 2) {
		fprintf(stderr, "usage: cpuid DOMAIN\n");
		return 2;
	}
	error = rs_engine_attach(&engine, argv[1], NULL);
	if (error)
		return rs_perror("attach", error);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	error = rs_watch(engine, &(struct rs_watch_options){
		.kind = RS_CPUID, .handler = on_cpuid }, NULL);
	if (!error)
		error = rs_engine_run(engine);
	if (error)
		rs_perror("cpuid", error);
	/* A second one must not stop what is being freed. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	rs_engine_detach(engine);
	return error != 0;
}
