/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cr3.c: prints each change of CR3, which is to say each change of address space.
 *
 *	cr3 DOMAIN
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

static struct rs_reply on_cr3(const struct rs_event *event, void *user)
{
	printf("vcpu %u: cr3 %#" PRIx64 " -> %#" PRIx64 "\n", event->vcpu, event->cr.old_value,
	       event->cr.new_value);
	return RS_CONTINUE;
}

int main(int argc, char **argv)
{
	int error;

	if (argc != 2) {
		fprintf(stderr, "usage: cr3 DOMAIN\n");
		return 2;
	}
	error = rs_engine_attach(&engine, argv[1], NULL);
	if (error)
		return rs_perror("attach", error);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	error = rs_watch(engine, &(struct rs_watch_options){
		.kind = RS_CR, .cr = { .which = RS_CR3 }, .handler = on_cr3 }, NULL);
	if (!error)
		error = rs_engine_run(engine);
	if (error)
		rs_perror("cr3", error);
	/* A second one must not stop what is being freed. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	rs_engine_detach(engine);
	return error != 0;
}
