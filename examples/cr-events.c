/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cr-events.c: prints each change of CR0, CR3 and CR4.
 *
 *	cr-events DOMAIN
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

static struct rs_reply on_write(const struct rs_event *event, void *user)
{
	const char *name = user;

	printf("vcpu %u: %s %#" PRIx64 " -> %#" PRIx64 " at %#" PRIx64 "\n", event->vcpu, name,
	       event->cr.old_value, event->cr.new_value, rs_event_rip(event));
	return RS_CONTINUE;
}

static int watch(enum rs_cr which, char *name)
{
	struct rs_watch_options options = { .kind = RS_CR, .handler = on_write, .user = name };

	options.cr.which = which;
	/* Guests toggle PGE to flush the TLB: that is no news. */
	if (which == RS_CR4)
		options.cr.ignored_bits = 1 << 7;
	return rs_watch(engine, &options, NULL);
}

int main(int argc, char **argv)
{
	int error;

	if (argc != 2) {
		fprintf(stderr, "usage: cr-events DOMAIN\n");
		return 2;
	}
	error = rs_engine_attach(&engine, argv[1], NULL);
	if (error)
		return rs_perror("attach", error);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	error = watch(RS_CR0, "cr0");
	if (!error)
		error = watch(RS_CR3, "cr3");
	if (!error)
		error = watch(RS_CR4, "cr4");
	if (!error)
		error = rs_engine_run(engine);
	if (error)
		rs_perror("cr-events", error);
	/* A second one must not stop what is being freed. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	rs_engine_detach(engine);
	return error != 0;
}
