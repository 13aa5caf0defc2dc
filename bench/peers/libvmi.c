/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvmi.c: the contestant `libvmi`: the same null handler over LibVMI's public API, for who has
 * that library. Not built with Ringside:
 *
 *   cc -O2 -o bench-libvmi bench/peers/libvmi.c $(pkg-config --cflags --libs libvmi)
 *   RINGSIDE_BENCH_LIBVMI=$PWD/bench-libvmi bench/run --contestant hybrid,engine,libvmi ...
 *
 * Usage: bench-libvmi DOMAIN-NUMBER cr3|msr|breakpoint. Ends on SIGTERM. LIBVMI_TIMEOUT sets the
 * milliseconds that vmi_events_listen waits (500; 0 never sleeps).
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libvmi/events.h>
#include <libvmi/libvmi.h>

#define LSTAR 0xc0000082

static volatile sig_atomic_t stopping;

static void on_stop(int number)
{
	stopping = number;
}

static event_response_t on_register(vmi_instance_t vmi, vmi_event_t *event)
{
	return VMI_EVENT_RESPONSE_NONE;
}

/* As the bench's other contestants do: the guest goes on behind the INT3. */
static event_response_t on_breakpoint(vmi_instance_t vmi, vmi_event_t *event)
{
	event->interrupt_event.reinject = 0;
	event->x86_regs->rip += event->interrupt_event.insn_length;
	return VMI_EVENT_RESPONSE_SET_REGISTERS;
}

static int describe(vmi_event_t *event, const char *kind)
{
	memset(event, 0, sizeof(*event));
	event->version = VMI_EVENTS_VERSION;
	event->callback = on_register;
	if (!strcmp(kind, "cr3") || !strcmp(kind, "bare")) {
		event->type = VMI_EVENT_REGISTER;
		event->reg_event.reg = CR3;
		event->reg_event.in_access = VMI_REGACCESS_W;
	} else if (!strcmp(kind, "msr")) {
		event->type = VMI_EVENT_REGISTER;
		event->reg_event.reg = MSR_ANY;
		event->reg_event.msr = LSTAR;
		event->reg_event.in_access = VMI_REGACCESS_W;
	} else if (!strcmp(kind, "breakpoint")) {
		event->type = VMI_EVENT_INTERRUPT;
		event->interrupt_event.intr = INT3;
		event->callback = on_breakpoint;
	} else {
		return -1;
	}
	return 0;
}

static int consume(vmi_instance_t vmi, uint32_t timeout_ms)
{
	while (!stopping)
		if (vmi_events_listen(vmi, timeout_ms) != VMI_SUCCESS)
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_stop };
	const char *timeout = getenv("LIBVMI_TIMEOUT");
	vmi_init_error_t error;
	vmi_instance_t vmi;
	vmi_event_t event;
	uint64_t domain;
	int status;

	if (argc != 3 || describe(&event, argv[2])) {
		fprintf(stderr, "usage: %s DOMAIN-NUMBER cr3|msr|breakpoint\n", argv[0]);
		return 2;
	}
	domain = strtoull(argv[1], NULL, 10);
	sigaction(SIGTERM, &action, NULL);
	if (vmi_init(&vmi, VMI_XEN, &domain, VMI_INIT_DOMAINID | VMI_INIT_EVENTS, NULL, &error) !=
	    VMI_SUCCESS) {
		fprintf(stderr, "bench-libvmi: vmi_init: %d\n", (int)error);
		return 1;
	}
	status = vmi_register_event(vmi, &event) != VMI_SUCCESS;
	if (status)
		fprintf(stderr, "bench-libvmi: vmi_register_event failed\n");
	else
		status = consume(vmi, timeout ? (uint32_t)atoi(timeout) : 500);
	vmi_destroy(vmi);
	return status;
}
