/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* summary.c: see summary.h. */
#include "tools/summary.h"

#include <inttypes.h>

/* So many vCPUs are named; what more there are is one sum. */
#define VCPUS_SHOWN 16

void summary_read(struct summary *summary, const struct rs_engine *engine)
{
	uint32_t count = rs_engine_vcpu_count(engine);

	rs_engine_statistics(engine, &summary->statistics);
	summary->vcpu_count = count < SUMMARY_VCPUS_MAX ? count : SUMMARY_VCPUS_MAX;
	for (uint32_t vcpu = 0; vcpu < summary->vcpu_count; vcpu++)
		summary->vcpu_events[vcpu] = rs_engine_vcpu_events(engine, vcpu);
}

static void print_watched(FILE *to, const struct summary *summary,
			  const struct watch_options *options)
{
	double seconds = (double)summary->elapsed_ns / 1e9;
	const char *before = ":";

	fprintf(to, "%" PRIu64 " events in %.1f s, %.0f/s", summary->events, seconds,
		seconds > 0 ? (double)summary->events / seconds : 0);
	for (unsigned int i = 0; i < options->watched_count; i++) {
		const struct watched *watched = &options->watched[i];

		if (!watched->seen)
			continue;
		fprintf(to, "%s %s %" PRIu64, before, watched->label, watched->seen);
		before = ",";
	}
	fputc('\n', to);
}

static void print_latency(FILE *to, const char *what, const struct rs_latency *latency)
{
	fprintf(to, "%s p50 %.1f us, p99 %.1f us, maximum %.1f us", what,
		(double)latency->p50_ns / 1e3, (double)latency->p99_ns / 1e3,
		(double)latency->max_ns / 1e3);
}

static void print_kinds(FILE *to, const struct rs_statistics *statistics)
{
	for (unsigned int kind = 0; kind < RS_KIND_COUNT; kind++) {
		if (!statistics->events[kind])
			continue;
		fprintf(to, "%s %" PRIu64 ": ", rs_reason_name(kind), statistics->events[kind]);
		print_latency(to, "handler", &statistics->handler[kind]);
		print_latency(to, "; queued", &statistics->queueing[kind]);
		fputc('\n', to);
	}
}

static void print_vcpus(FILE *to, const struct summary *summary)
{
	uint64_t rest = 0;

	if (summary->vcpu_count < 2)
		return;
	for (uint32_t vcpu = 0; vcpu < summary->vcpu_count; vcpu++) {
		if (vcpu < VCPUS_SHOWN)
			fprintf(to, "%s%" PRIu32 " %" PRIu64, vcpu ? ", " : "vCPU ", vcpu,
				summary->vcpu_events[vcpu]);
		else
			rest += summary->vcpu_events[vcpu];
	}
	if (summary->vcpu_count > VCPUS_SHOWN)
		fprintf(to, ", the other %" PRIu32 " %" PRIu64,
			summary->vcpu_count - VCPUS_SHOWN, rest);
	fputc('\n', to);
}

/* What is no news is left out. */
static void print_unusual(FILE *to, const struct rs_statistics *statistics)
{
	const struct {
		uint64_t count;
		const char *what;
	} counts[] = {
		/* One is what there always is. */
		{ statistics->lane_depth_max > 1 ? statistics->lane_depth_max : 0,
		  "events of one vCPU were open at once" },
		{ statistics->deadlines_missed, "deadlines missed" },
		{ statistics->passed_over, "events passed over, their vCPU's handler being late" },
		{ statistics->full, "slow or kept with all eight slots open" },
		{ statistics->throttled, "events kept from handlers by a limit" },
		{ statistics->switched_off, "watches switched off at their limit" },
		{ statistics->refused, "replies refused" },
		{ statistics->rescues, "handlers that got stuck" },
		{ statistics->faults, "faults of the ring" },
		{ statistics->lost, "requests lost" },
	};
	const char *before = "";

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		if (!counts[i].count)
			continue;
		fprintf(to, "%s%" PRIu64 " %s", before, counts[i].count, counts[i].what);
		before = "; ";
	}
	if (*before)
		fputc('\n', to);
}

void summary_print(FILE *to, const struct summary *summary, const struct watch_options *options)
{
	const struct rs_statistics *statistics = &summary->statistics;

	print_watched(to, summary, options);
	if (options->workers > 1)
		fprintf(to, "%u workers: %" PRIu64 " sleeps for want of events, %" PRIu64
			" for want of work\n", options->workers, statistics->sleeps,
			statistics->parks);
	fprintf(to, "%" PRIu64 " requests, %" PRIu64 " answers, %" PRIu64 " notifies; ",
		statistics->requests, statistics->answers, statistics->notifies);
	print_latency(to, "seen to notified:", &statistics->latency);
	fputc('\n', to);
	print_kinds(to, statistics);
	print_vcpus(to, summary);
	print_unusual(to, statistics);
}
