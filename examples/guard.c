/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guard.c: nobody writes to these pages of a guest: each write is reported, and dropped.
 *
 *	guard DOMAIN FIRST_GFN LAST_GFN
 *
 * The guest's instruction is executed, but what it would store is not stored: Xen's emulator leaves
 * that out. What reads and writes memory at once (lock inc) reads what was there before.
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

static struct rs_reply on_write(const struct rs_event *event, void *user)
{
	uint64_t *dropped = user;

	++*dropped;
	printf("vcpu %u: a write to %#" PRIx64 " from rip %#" PRIx64 " is dropped\n", event->vcpu,
	       event->page.gfn << 12 | event->page.offset, rs_event_rip(event));
	return rs_reply_emulate(RS_REPLY_NO_WRITE);
}

int main(int argc, char **argv)
{
	uint64_t dropped = 0;
	int error;

	if (argc != 4) {
		fprintf(stderr, "usage: guard DOMAIN FIRST_GFN LAST_GFN\n");
		return 2;
	}
	error = rs_engine_attach(&engine, argv[1], &(struct rs_engine_options){ .workers = 1 });
	if (error)
		return rs_perror("attach", error);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	error = rs_watch(engine, &(struct rs_watch_options){
		.kind = RS_PAGE,
		.page = { .first_gfn = strtoull(argv[2], NULL, 0),
			  .last_gfn = strtoull(argv[3], NULL, 0),
			  .access = RS_ACCESS_R | RS_ACCESS_X },
		.handler = on_write,
		.user = &dropped }, NULL);
	if (!error)
		error = rs_engine_run(engine);
	if (error)
		rs_perror("guard", error);
	/* A second one must not stop what is being freed. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	rs_engine_detach(engine);
	printf("%" PRIu64 " writes dropped\n", dropped);
	return error != 0;
}
