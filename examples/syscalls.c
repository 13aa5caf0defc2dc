/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * syscalls.c: prints each system call of a 64-bit Linux guest, with its first arguments.
 *
 *	syscalls DOMAIN [ENTRY]
 *
 * The processor goes on at the address in the MSR LSTAR when a program executes SYSCALL; ENTRY is
 * another address. A breakpoint there, which the guest cannot see, tells of each.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <ringside/ringside.h>

static struct rs_engine *engine;

static void on_signal(int number)
{
	rs_engine_stop(engine);
}

static struct rs_reply on_call(const struct rs_event *event, void *user)
{
	printf("vcpu %u cr3 %#" PRIx64 ": system call %" PRIu64 " (%#" PRIx64 ", %#" PRIx64 ", %#" PRIx64
	       ")\n",
	       event->vcpu, rs_event_cr3(event), rs_event_rax(event), rs_event_rdi(event),
	       rs_event_rsi(event), rs_event_rdx(event));
	return RS_CONTINUE;
}

/* Linux sets LSTAR once for each vCPU, to the same. */
static int read_lstar(uint64_t *lstar)
{
	struct rs_guest *guest = rs_engine_guest(engine);
	struct rs_vcpu_registers registers;
	int error = guest ? rs_vcpu_read_registers(guest, 0, &registers) : -ENOMEM;

	if (!error)
		*lstar = registers.lstar;
	return error;
}

int main(int argc, char **argv)
{
	uint64_t entry = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;
	int error = 0;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: syscalls DOMAIN [ENTRY]\n");
		return 2;
	}
	error = rs_engine_attach(&engine, argv[1], NULL);
	if (error)
		return rs_perror("attach", error);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	if (!entry)
		error = read_lstar(&entry);
	if (!error)
		error = rs_watch(engine, &(struct rs_watch_options){
			.kind = RS_BREAKPOINT,
			.breakpoint = { entry, RS_PLACE_LINEAR },
			.handler = on_call }, NULL);
	if (!error)
		error = rs_engine_run(engine);
	if (error)
		rs_perror("syscalls", error);
	/* A second one must not stop what is being freed. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	rs_engine_detach(engine);
	return error != 0;
}
