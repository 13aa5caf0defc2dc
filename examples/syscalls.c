/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * syscalls.c: prints each system call of a 64-bit Linux guest, with its first arguments.
 *
 *	syscalls DOMAIN [ENTRY]
 *
 * The processor goes on at the address in the MSR LSTAR when a program executes SYSCALL; ENTRY is
 * another address. No byte of the guest is changed: the page of that code is closed for execution,
 * in a view that the guest cannot see, and each fault at the entry is a system call. What else is
 * executed on that page faults too, so the guest becomes slow: this is to learn from.
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

static struct rs_reply on_fetch(const struct rs_event *event, void *user)
{
	const uint64_t *entry = user;

	if (rs_event_rip(event) == *entry)
		printf("vcpu %u cr3 %#" PRIx64 ": system call %" PRIu64 " (%#" PRIx64 ", %#" PRIx64
		       ", %#" PRIx64 ")\n",
		       event->vcpu, rs_event_cr3(event), rs_event_rax(event), rs_event_rdi(event),
		       rs_event_rsi(event), rs_event_rdx(event));
	/* The instruction is executed. */
	return RS_CONTINUE;
}

/* Where the code at *entry, or else at LSTAR, is in memory: by vCPU 0's page tables. */
static int find_entry(uint64_t *entry, struct rs_translation *translation)
{
	struct rs_guest *guest = rs_engine_guest(engine);
	struct rs_vcpu_registers registers;
	struct rs_paging paging;
	int error;

	if (!guest)
		return -ENOMEM;
	error = rs_vcpu_read_registers(guest, 0, &registers);
	if (error)
		return error;
	if (!*entry)
		*entry = registers.lstar;
	paging = rs_vcpu_paging(&registers);
	return rs_guest_translate(guest, &paging, *entry, translation);
}

int main(int argc, char **argv)
{
	uint64_t entry = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;
	struct rs_translation translation;
	int error;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: syscalls DOMAIN [ENTRY]\n");
		return 2;
	}
	error = rs_engine_attach(&engine, argv[1], NULL);
	if (error)
		return rs_perror("attach", error);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	error = find_entry(&entry, &translation);
	if (!error)
		error = rs_watch(engine, &(struct rs_watch_options){
			.kind = RS_PAGE,
			.page = { .first_gfn = translation.physical >> 12,
				  .access = RS_ACCESS_R | RS_ACCESS_W },
			.handler = on_fetch,
			.user = &entry }, NULL);
	if (!error)
		error = rs_engine_run(engine);
	if (error)
		rs_perror("syscalls", error);
	rs_engine_detach(engine);
	return error != 0;
}
