/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* contestant.c: the list of contestants, and what those of our own have in common. */
#include "bench/contestant.h"

#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <ringside/engine.h>

#include "bench/case.h"
#include "bench/clock.h"
#include "ring/atomics.h"
#include "tools/exit_code.h"

static const struct contestant contestants[] = {
	{ "block", "baseline: poll, read, unmask, drain, one notify; looks once more before it sleeps",
	  baseline_run, BASELINE_BLOCK, false, NULL },
	{ "hybrid", "baseline: looks for a while with the port masked, then as block",
	  baseline_run, BASELINE_HYBRID, false, NULL },
	{ "spin", "baseline: looks for ever; needs a CPU of its own",
	  baseline_run, BASELINE_SPIN, false, NULL },
	{ "classic", "baseline: xen-access's loop: poll with a timeout, read, unmask, copy, answer, "
	  "notify", baseline_run, BASELINE_CLASSIC, false, NULL },
	{ "engine", "libringside, waiting adaptively", bench_engine_run, RS_WAIT_ADAPTIVE, true, NULL },
	{ "engine-block", "libringside, blocking", bench_engine_run, RS_WAIT_BLOCK, true, NULL },
	{ "engine-spin", "libringside, spinning", bench_engine_run, RS_WAIT_SPIN, true, NULL },
	{ "engine-set", "libringside, blocking, all domains in one set: --workers threads serve them in "
	  "turn", bench_set_run, RS_WAIT_BLOCK, true, NULL },
	{ "xen-access", "peer: Xen's own example, if it is installed (XEN_ACCESS names it)", NULL, 0,
	  false, peer_xen_access },
	{ "libvmi", "peer: a program against LibVMI's public API, if bench/peers was built", NULL, 0,
	  false, peer_libvmi },
};

#define CONTESTANT_COUNT (sizeof(contestants) / sizeof(*contestants))

const struct contestant *contestant_find(const char *name)
{
	for (size_t i = 0; i < CONTESTANT_COUNT; i++)
		if (!strcmp(contestants[i].name, name))
			return &contestants[i];
	return NULL;
}

const struct contestant *contestant_next(const struct contestant *before)
{
	const struct contestant *next = before ? before + 1 : contestants;

	return next < contestants + CONTESTANT_COUNT ? next : NULL;
}

/* ---- in the contestant's process ---- */

volatile int contestant_stopping;
void (*volatile contestant_on_stop)(void);

/* preload.c's, if it is there: an event is counted in the line of its thread. */
static struct counts_thread *(*own_line)(void);

static void on_stop(int number)
{
	int error = errno;

	contestant_stopping = 1;
	if (contestant_on_stop)
		contestant_on_stop();
	errno = error;
}

static struct counts *map_counts(void)
{
	const char *descriptor = getenv(COUNTS_VARIABLE);
	void *page = descriptor ? mmap(NULL, COUNTS_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
				       atoi(descriptor), 0) : MAP_FAILED;

	if (page == MAP_FAILED)
		return NULL;
	own_line = (struct counts_thread * (*)(void)) dlsym(RTLD_DEFAULT, "bench_counts_own");
	return page;
}

static void settle_down(const struct plan *plan)
{
	struct sigaction action = { .sa_handler = on_stop };
	cpu_set_t set;

	sigaction(SIGTERM, &action, NULL);
	signal(SIGINT, SIG_IGN); /* the bench's own, which then stops us */
	/* A bench that is killed takes its contestant along. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	/* A handler that waits 50 us is not to wait 100. */
	prctl(PR_SET_TIMERSLACK, 1ul);
	if (plan->cpu == NO_CPU)
		return;
	CPU_ZERO(&set);
	CPU_SET(plan->cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fprintf(stderr, "ringside bench: --cpu %d: %s\n", plan->cpu, strerror(errno));
}

int contestant_act(const struct plan *plan)
{
	struct counts *counts = map_counts();
	int error;

	if (!counts || !plan->act->run) {
		fputs("ringside bench: --act is for the bench itself\n", stderr);
		return EXIT_USAGE;
	}
	settle_down(plan);
	counts->attach_ns = clock_ns();
	error = plan->act->run(plan->act, plan, counts);
	if (!error || counts->state == COUNTS_NOT_YET)
		return EXIT_DONE;
	snprintf(counts->text, sizeof(counts->text), "%s", rs_error_text());
	rs_store_release(&counts->state, COUNTS_FAILED);
	return exit_code_of(error);
}

void contestant_ready(struct counts *counts)
{
	counts->ready_ns = clock_ns();
	rs_store_release(&counts->state, COUNTS_READY);
}

int contestant_not_yet(struct counts *counts, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(counts->text, sizeof(counts->text), format, arguments);
	va_end(arguments);
	rs_store_release(&counts->state, COUNTS_NOT_YET);
	return -EOPNOTSUPP;
}

static void compute(uint64_t ns)
{
	uint64_t end = clock_ns() + ns;

	while (clock_ns() < end)
		;
}

static struct counts_thread *line_of_this_thread(struct counts *counts)
{
	static _Thread_local struct counts_thread *line;

	if (!line)
		line = own_line ? own_line() : NULL;
	if (!line)
		line = &counts->thread[0];
	return line;
}

void contestant_handle(const struct plan *plan, struct counts *counts)
{
	struct counts_thread *line = line_of_this_thread(counts);

	if (plan->what->handler == HANDLER_CPU)
		compute(plan->handler_ns);
	else if (plan->what->handler == HANDLER_WAIT)
		clock_sleep(plan->handler_ns);
	else if (__builtin_expect(!counts->first_event_ns, 0))
		counts->first_event_ns = clock_ns();
	rs_store_relaxed(&line->events, line->events + 1);
}
