/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * interrupt-events.c: prints each INT3 of a guest, and where it is, physically too. The guest still
 * gets it.
 *
 *	interrupt-events DOMAIN
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include <ringside/ringside.h>

static struct rs_engine *engine;

static void on_signal(int number)
{
	rs_engine_stop(engine);
}

static struct rs_reply on_breakpoint(const struct rs_event *event, void *user)
{
	uint64_t rip = rs_event_rip(event);

	printf("vcpu %u: int3 at %#" PRIx64 ", physical %#" PRIx64 ", %u bytes\n", event->vcpu, rip,
	       event->breakpoint.gfn << 12 | (rip & 0xfff), event->breakpoint.insn_length);
	/* The default gives it back: the guest's own handler runs. */
	return RS_CONTINUE;
}

int main(int argc, char **argv)
{
	int error;

	if (argc != 2) {
		fprintf(stderr, "usage: interrupt-events DOMAIN\n");
		return 2;
	}
	error = rs_engine_attach(&engine, argv[1], NULL);
	if (error)
		return rs_perror("attach", error);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	error = rs_watch(engine, &(struct rs_watch_options){
		.kind = RS_BREAKPOINT, .handler = on_breakpoint }, NULL);
	if (!error)
		error = rs_engine_run(engine);
	if (error)
		rs_perror("interrupt-events", error);
	/* A second one must not stop what is being freed. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	rs_engine_detach(engine);
	return error != 0;
}
