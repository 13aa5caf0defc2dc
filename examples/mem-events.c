/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mem-events.c: prints each write to some frames of a guest, and each execution of code there.
 *
 *	mem-events DOMAIN FIRST_GFN [LAST_GFN]
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

static struct rs_reply on_access(const struct rs_event *event, void *user)
{
	uint32_t access = event->page.access;

	printf("vcpu %u: %c%c%c at %#" PRIx64, event->vcpu, access & RS_ACCESS_R ? 'r' : '-',
	       access & RS_ACCESS_W ? 'w' : '-', access & RS_ACCESS_X ? 'x' : '-',
	       event->page.gfn << 12 | event->page.offset);
	if (access & RS_ACCESS_GLA_VALID)
		printf(", virtual %#" PRIx64, event->page.gla);
	printf(", by %#" PRIx64 "\n", rs_event_rip(event));
	/* The access takes place. */
	return RS_CONTINUE;
}

int main(int argc, char **argv)
{
	int error;

	if (argc < 3 || argc > 4) {
		fprintf(stderr, "usage: mem-events DOMAIN FIRST_GFN [LAST_GFN]\n");
		return 2;
	}
	error = rs_engine_attach(&engine, argv[1], NULL);
	if (error)
		return rs_perror("attach", error);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	error = rs_watch(engine, &(struct rs_watch_options){
		.kind = RS_PAGE,
		.page = { .first_gfn = strtoull(argv[2], NULL, 0),
			  .last_gfn = argc > 3 ? strtoull(argv[3], NULL, 0) : 0,
			  .access = RS_ACCESS_R },
		.handler = on_access }, NULL);
	if (!error)
		error = rs_engine_run(engine);
	if (error)
		rs_perror("mem-events", error);
	/* A second one must not stop what is being freed. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	rs_engine_detach(engine);
	return error != 0;
}
