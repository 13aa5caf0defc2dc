/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * forge.c: a guest reads what we say at a physical address, while its memory stays as it is.
 *
 *	forge DOMAIN ADDRESS VALUE
 *
 * Eight bytes. What reads around them in the page gets the real bytes, with the forged ones in
 * place; an instruction that writes there, too, uses the real ones, since Xen feeds loads only.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ringside/ringside.h>

#define PAGE_BYTES 4096
#define WIDEST 64 /* bytes that an instruction reads at once */

static struct rs_engine *engine;

static struct {
	uint64_t address, value;
	uint64_t reads, forged;
} forgery;

static void on_signal(int number)
{
	rs_engine_stop(engine);
}

/* From the physical address of the access on: what is there, but for ours. */
static struct rs_reply feed(const struct rs_event *event, uint64_t address)
{
	struct rs_read_data *data = rs_answer_read_data(event);
	uint64_t left = PAGE_BYTES - address % PAGE_BYTES;

	data->size = left < WIDEST ? (uint32_t)left : WIDEST;
	if (rs_guest_read(rs_engine_guest(engine), address, data->bytes, data->size, NULL))
		return RS_CONTINUE;
	for (uint32_t i = 0; i < sizeof(forgery.value); i++) {
		uint64_t at = forgery.address + i - address;

		if (at < data->size)
			data->bytes[at] = (uint8_t)(forgery.value >> 8 * i);
	}
	forgery.forged++;
	return rs_reply_emulate(RS_REPLY_READ_DATA);
}

static struct rs_reply on_access(const struct rs_event *event, void *user)
{
	uint64_t address = event->page.gfn * PAGE_BYTES + event->page.offset;

	forgery.reads++;
	/* What writes, or does not reach that far, goes on as if nobody looked. */
	if (event->page.access & (RS_ACCESS_W | RS_ACCESS_X) ||
	    address >= forgery.address + sizeof(forgery.value) ||
	    address + WIDEST <= forgery.address)
		return RS_CONTINUE;
	return feed(event, address);
}

int main(int argc, char **argv)
{
	int error;

	if (argc != 4) {
		fprintf(stderr, "usage: forge DOMAIN ADDRESS VALUE\n");
		return 2;
	}
	forgery.address = strtoull(argv[2], NULL, 0);
	forgery.value = strtoull(argv[3], NULL, 0);
	/* One worker: the handler needs no lock. */
	error = rs_engine_attach(&engine, argv[1], &(struct rs_engine_options){ .workers = 1 });
	if (error)
		return rs_perror("attach", error);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	error = rs_watch(engine, &(struct rs_watch_options){
		.kind = RS_PAGE,
		.page = { .first_gfn = forgery.address / PAGE_BYTES },
		.handler = on_access }, NULL);
	if (!error)
		error = rs_engine_run(engine);
	if (error)
		rs_perror("forge", error);
	/* A second one must not stop what is being freed. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	rs_engine_detach(engine);
	printf("%" PRIu64 " accesses, %" PRIu64 " answered by us\n", forgery.reads, forgery.forged);
	return error != 0;
}
