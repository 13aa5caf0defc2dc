/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * process-switches.c: counts how often a guest goes to each of its address spaces.
 *
 *	process-switches DOMAIN
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

#define SPACES_MAX 1024

static struct space {
	uint64_t cr3, switches;
} spaces[SPACES_MAX];
static unsigned int space_count;

/* With one worker handlers do not run side by side. */
static struct rs_reply on_cr3(const struct rs_event *event, void *user)
{
	/* What is behind bits 51 to 12 are flags: the PCID, and whether to flush. */
	uint64_t cr3 = event->cr.new_value & 0xffffffffff000;
	unsigned int i = 0;

	while (i < space_count && spaces[i].cr3 != cr3)
		i++;
	if (i == SPACES_MAX)
		return RS_CONTINUE;
	if (i == space_count)
		spaces[space_count++].cr3 = cr3;
	spaces[i].switches++;
	return RS_CONTINUE;
}

static int by_switches(const void *a, const void *b)
{
	const struct space *left = a, *right = b;

	return (left->switches < right->switches) - (left->switches > right->switches);
}

static void print_spaces(void)
{
	qsort(spaces, space_count, sizeof(spaces[0]), by_switches);
	for (unsigned int i = 0; i < space_count; i++)
		printf("cr3 %#" PRIx64 ": %" PRIu64 " switches\n", spaces[i].cr3,
		       spaces[i].switches);
}

int main(int argc, char **argv)
{
	int error;

	if (argc != 2) {
		fprintf(stderr, "usage: process-switches DOMAIN\n");
		return 2;
	}
	error = rs_engine_attach(&engine, argv[1],
				 &(struct rs_engine_options){ .workers = 1 });
	if (error)
		return rs_perror("attach", error);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	error = rs_watch(engine, &(struct rs_watch_options){
		.kind = RS_CR, .cr = { .which = RS_CR3 }, .handler = on_cr3 }, NULL);
	if (!error)
		error = rs_engine_run(engine);
	if (error)
		rs_perror("process-switches", error);
	/* A second one must not stop what is being freed. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	rs_engine_detach(engine);
	print_spaces();
	return error != 0;
}
