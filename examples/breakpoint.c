/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * breakpoint.c: prints who comes by an address of a guest's kernel or program, by a breakpoint
 * that the guest cannot see.
 *
 *	breakpoint DOMAIN ADDRESS [CR3]
 *
 * With CR3 the address is in that address space, and hit only there; without, it is looked up where
 * vCPU 0 is at this moment, and hit in all.
 */
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

/* RIP is at the instruction, which is executed when the handler has returned. */
static struct rs_reply on_hit(const struct rs_event *event, void *user)
{
	uint64_t *hits = user;

	++*hits;
	printf("vcpu %u: rip %#" PRIx64 " cr3 %#" PRIx64 " rdi %#" PRIx64 " rsi %#" PRIx64 "\n",
	       event->vcpu, rs_event_rip(event), rs_event_cr3(event), rs_event_rdi(event),
	       rs_event_rsi(event));
	return RS_CONTINUE;
}

int main(int argc, char **argv)
{
	uint64_t hits = 0;
	int error;

	if (argc < 3 || argc > 4) {
		fprintf(stderr, "usage: breakpoint DOMAIN ADDRESS [CR3]\n");
		return 2;
	}
	/* One worker: the handler needs no lock. */
	error = rs_engine_attach(&engine, argv[1], &(struct rs_engine_options){ .workers = 1 });
	if (error)
		return rs_perror("attach", error);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	error = rs_watch(engine, &(struct rs_watch_options){
		.kind = RS_BREAKPOINT,
		.breakpoint = { strtoull(argv[2], NULL, 0), RS_PLACE_LINEAR },
		.cr3 = argc == 4 ? strtoull(argv[3], NULL, 0) : 0,
		.handler = on_hit,
		.user = &hits }, NULL);
	if (!error)
		error = rs_engine_run(engine);
	if (error)
		rs_perror("breakpoint", error);
	/* A second one must not stop what is being freed. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	rs_engine_detach(engine);
	printf("%" PRIu64 " hits\n", hits);
	return error != 0;
}
