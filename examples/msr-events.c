/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * msr-events.c: prints each write of some MSRs: those given, or where system calls go.
 *
 *	msr-events DOMAIN [MSR...]
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
	printf("vcpu %u: msr %#" PRIx64 " %#" PRIx64 " -> %#" PRIx64 " at %#" PRIx64 "\n",
	       event->vcpu, event->msr.index, event->msr.old_value, event->msr.new_value,
	       rs_event_rip(event));
	return RS_CONTINUE;
}

static int watch(uint32_t index)
{
	struct rs_watch_options options = { .kind = RS_MSR, .handler = on_write };

	options.msr.index = index;
	return rs_watch(engine, &options, NULL);
}

static int watch_all(int count, char **indices)
{
	/* SYSENTER_CS, _ESP and _EIP; EFER, STAR, LSTAR. */
	static const uint32_t usual[] = { 0x174, 0x175, 0x176, 0xc0000080, 0xc0000081, 0xc0000082 };
	int error = 0;

	for (int i = 0; i < count && !error; i++)
		error = watch((uint32_t)strtoul(indices[i], NULL, 0));
	for (size_t i = 0; !count && i < sizeof(usual) / sizeof(usual[0]) && !error; i++)
		error = watch(usual[i]);
	return error;
}

int main(int argc, char **argv)
{
	int error;

	if (argc < 2) {
		fprintf(stderr, "usage: msr-events DOMAIN [MSR...]\n");
		return 2;
	}
	error = rs_engine_attach(&engine, argv[1], NULL);
	if (error)
		return rs_perror("attach", error);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	error = watch_all(argc - 2, argv + 2);
	if (!error)
		error = rs_engine_run(engine);
	if (error)
		rs_perror("msr-events", error);
	/* A second one must not stop what is being freed. */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	rs_engine_detach(engine);
	return error != 0;
}
