/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* measure.c: starts a contestant and the guest, looks twice, and ends both. */
#include "bench/measure.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "bench/case.h"
#include "bench/child.h"
#include "bench/clock.h"
#include "guests/bench.h"
#include "ring/atomics.h"
#include "xen/error.h"
#include "xen/vcpu.h"

#define LIMIT_LIMIT_NS (120 * CLOCK_SECOND) /* for a number of events */
#define RUN_ON_LIMIT_NS (5 * CLOCK_SECOND)

int field_open(struct field *field, struct rs_xen *xen, const struct plan *plan)
{
	int error = 0;

	*field = (struct field){ .xen = xen };
	for (uint32_t i = 0; i < plan->domain_count && !error; i++) {
		error = guest_open(&field->guests[i], xen, plan->domains[i]);
		field->count += !error;
	}
	if (!error)
		error = guest_measure_clock(&field->guests[0], &field->ticks_per_ns);
	if (error)
		field_close(field);
	return error;
}

void field_close(struct field *field)
{
	while (field->count)
		guest_close(&field->guests[--field->count]);
}

static uint32_t vcpus_of(const struct field *field, const struct plan *plan)
{
	uint32_t all = field->guests[0].vcpu_count;

	return plan->vcpus && plan->vcpus < all ? plan->vcpus : all;
}

/* Rounded up: a think time that is there stays there. */
static uint64_t ticks_of(const struct field *field, uint64_t ns)
{
	return (uint64_t)ceil((double)ns * field->ticks_per_ns);
}

static int start_guests(struct field *field, const struct plan *plan)
{
	const struct guest_task task = {
		.kind = plan->kind,
		.vcpu_count = vcpus_of(field, plan),
		.think_ticks = ticks_of(field, plan->think_ns),
		.period_ticks = ticks_of(field, plan->period_ns),
		.limit = plan->limit,
	};
	int error = 0;

	for (uint32_t i = 0; i < field->count && !error; i++)
		error = guest_start(&field->guests[i], &task);
	return error;
}

static int stop_guests(struct field *field)
{
	int error = 0;

	for (uint32_t i = 0; i < field->count; i++) {
		int result = guest_stop(&field->guests[i]);

		if (!error)
			error = result;
	}
	return error;
}

/* ---- two looks ---- */

struct look {
	uint64_t at_ns, guest_cpu_ns;
	struct guest_view view;
	struct child_use use;
};

static uint64_t guest_cpu(const struct field *field)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < field->count; i++)
		for (uint32_t vcpu = 0; vcpu < field->guests[i].vcpu_count; vcpu++) {
			struct rs_xen_vcpu info;

			if (!rs_xen_vcpu_read(field->xen, field->guests[i].domain, vcpu, &info))
				sum += info.cpu_time_ns;
		}
	return sum;
}

/* The time is taken in the middle, beside the count of events that it belongs to. */
static void look(const struct field *field, const struct child *child, struct look *at)
{
	struct guest_view view;

	memset(&at->view, 0, sizeof(at->view));
	child_look(child, &at->use);
	at->at_ns = clock_ns();
	for (uint32_t i = 0; i < field->count; i++) {
		guest_look(&field->guests[i], &view);
		at->view.events += view.events;
		at->view.ticks += view.ticks;
		if (view.ticks_max > at->view.ticks_max)
			at->view.ticks_max = view.ticks_max;
		histogram_add(&at->view.histogram, &view.histogram);
	}
}

static void subtract_counts(struct counts *counts, const struct counts *before)
{
	for (uint32_t i = 0; i < COUNTS_BATCHES; i++)
		counts->batch[i] -= before->batch[i];
	for (uint32_t i = 0; i < COUNTS_THREADS; i++) {
		counts->thread[i].events -= before->thread[i].events;
		for (uint32_t call = 0; call < COUNTS_CALLS; call++)
			counts->thread[i].calls[call] -= before->thread[i].calls[call];
	}
	counts->changes -= before->changes;
}

static void take_difference(struct measure *measure, const struct look *begin,
			    const struct look *end)
{
	uint64_t longest;

	measure->span_ns = end->at_ns - begin->at_ns;
	measure->events = end->view.events - begin->view.events;
	measure->rtt = end->view.histogram;
	measure->rtt_sum = end->view.ticks - begin->view.ticks;
	histogram_subtract(&measure->rtt, &begin->view.histogram);
	/* The guest's exact maximum is of the warm-up too. */
	longest = histogram_quantile(&measure->rtt, 1);
	measure->rtt_max = longest < end->view.ticks_max ? longest : end->view.ticks_max;
	measure->cpu_ns = end->use.cpu_ns - begin->use.cpu_ns;
	measure->guest_cpu_ns = end->guest_cpu_ns - begin->guest_cpu_ns;
	measure->sleeps = end->use.sleeps - begin->use.sleeps;
	measure->counts = end->use.counts;
	subtract_counts(&measure->counts, &begin->use.counts);
}

/* ---- what the cases measure ---- */

static int wait_for_limit(const struct field *field, const struct plan *plan)
{
	uint64_t limit = clock_ns() + LIMIT_LIMIT_NS;

	for (uint32_t i = 0; i < field->count; i++)
		while (!guest_done(&field->guests[i], vcpus_of(field, plan))) {
			if (clock_ns() > limit)
				return rs_fail(ETIMEDOUT, "the guest does not finish its %llu events",
					       (unsigned long long)plan->limit);
			clock_sleep(CLOCK_MS);
		}
	return 0;
}

/* On a machine that is busy enough a short span may see nothing at all: it is made longer. */
static void wait_for_some(const struct field *field, const struct plan *plan, uint64_t before)
{
	uint64_t limit = clock_ns() + RUN_ON_LIMIT_NS, events = before;

	if (plan->what->measure != MEASURE_EVENTS || plan->kind == BENCH_BARE)
		return;
	while (events == before && clock_ns() < limit) {
		events = 0;
		for (uint32_t i = 0; i < field->count; i++)
			events += guest_events(&field->guests[i]);
		if (events == before)
			clock_sleep(CLOCK_MS);
	}
}

/* The same number of hypercalls is made before each look: what they cost the guest cancels out. */
static int measure_events(struct field *field, const struct plan *plan, const struct child *child,
			  struct measure *measure)
{
	static struct look begin, end;
	int error = 0;

	if (plan->limit) {
		begin.guest_cpu_ns = guest_cpu(field);
		look(field, child, &begin);
	}
	if (plan->what->measure != MEASURE_IDLE)
		error = start_guests(field, plan);
	if (error)
		return error;
	if (!plan->limit) {
		clock_sleep(plan->warmup_ns);
		begin.guest_cpu_ns = guest_cpu(field);
		look(field, child, &begin);
		clock_sleep(plan->span_ns);
		wait_for_some(field, plan, begin.view.events);
	} else {
		error = wait_for_limit(field, plan);
	}
	look(field, child, &end);
	end.guest_cpu_ns = guest_cpu(field);
	take_difference(measure, &begin, &end);
	if (!error && !measure->events && plan->what->measure == MEASURE_EVENTS &&
	    plan->kind != BENCH_BARE)
		error = rs_fail(EIO, "not one event was answered");
	return error;
}

static int wait_for_first(const struct child *child)
{
	uint64_t limit = clock_ns() + RUN_ON_LIMIT_NS;

	while (!rs_load_relaxed(&child->counts->first_event_ns)) {
		if (clock_ns() > limit)
			return rs_fail(ETIMEDOUT, "no first event came");
		clock_sleep(CLOCK_MS);
	}
	return 0;
}

/* After a detach under load every vCPU must be at work. */
static int all_run_on(const struct field *field, const struct plan *plan)
{
	uint64_t limit = clock_ns() + RUN_ON_LIMIT_NS;

	for (uint32_t i = 0; i < field->count; i++)
		for (uint32_t vcpu = 0; vcpu < vcpus_of(field, plan); vcpu++) {
			uint64_t before = guest_vcpu_events(&field->guests[i], vcpu);

			while (guest_vcpu_events(&field->guests[i], vcpu) == before) {
				if (clock_ns() > limit)
					return rs_fail(EIO, "vCPU %u of domain %u hangs after the "
						       "detach", vcpu, field->guests[i].domain);
				clock_sleep(CLOCK_MS / 10);
			}
		}
	return 0;
}

static int measure_case(struct field *field, const struct plan *plan, struct child *child,
			struct measure *measure)
{
	switch (plan->what->measure) {
	case MEASURE_ATTACH: return wait_for_first(child);
	case MEASURE_WORK: return 0;
	default: return measure_events(field, plan, child, measure);
	}
}

/* ---- a run ---- */

static void take_times(const struct counts *counts, struct measure *measure)
{
	if (counts->ready_ns)
		measure->attach_ns = counts->ready_ns - counts->attach_ns;
	if (counts->first_event_ns)
		measure->first_event_ns = counts->first_event_ns - counts->attach_ns;
	measure->detach_ns = counts->detach_ns;
	measure->work_ns = counts->work_ns;
	measure->undo_ns = counts->undo_ns;
}

static int run_child(struct field *field, const struct plan *plan,
		     const struct contestant *contestant, struct child *child,
		     struct measure *measure)
{
	enum case_measure what = plan->what->measure;
	struct rs_error_note note;
	int error = 0, ended;

	if (what == MEASURE_ATTACH)
		error = start_guests(field, plan);
	if (!error)
		error = child_start(child, plan, contestant, field->guests[0].domain);
	if (!error)
		error = child_wait_ready(child, contestant);
	if (!error)
		error = measure_case(field, plan, child, measure);
	rs_error_keep(&note);
	/* The guest first: who is idle leaves nothing unanswered. */
	ended = what == MEASURE_DETACH ? child_stop(child) : 0;
	if (what == MEASURE_DETACH && !error && !ended)
		ended = all_run_on(field, plan);
	if (!ended)
		ended = stop_guests(field);
	if (!ended)
		ended = child_stop(child);
	if (child->counts)
		take_times(child->counts, measure);
	if (error)
		rs_error_restore(&note);
	return error ? error : ended;
}

static int run_once(struct field *field, const struct plan *plan,
		    const struct contestant *contestant, struct measure *measure)
{
	struct rs_error_note note;
	struct child child;
	int error;

	*measure = (struct measure){ .vcpus = vcpus_of(field, plan) };
	ping_measure(plan->cpu, plan->guest_cpu, &measure->before);
	child = (struct child){ .counts_fd = -1 };
	error = run_child(field, plan, contestant, &child, measure);
	rs_error_keep(&note);
	child_free(&child);
	if (error) {
		stop_guests(field);
		rs_error_restore(&note);
		return error;
	}
	ping_measure(plan->cpu, plan->guest_cpu, &measure->after);
	/* Both must be looked at: each may be the best so far. */
	measure->disturbed = ping_is_disturbed(&measure->before);
	measure->disturbed |= ping_is_disturbed(&measure->after);
	return 0;
}

int measure_run(struct field *field, const struct plan *plan, const struct contestant *contestant,
		struct measure *measure)
{
	for (uint32_t rejected = 0;; rejected++) {
		int error = run_once(field, plan, contestant, measure);

		measure->rejected = rejected;
		if (error || !measure->disturbed || rejected + 1 >= plan->attempts)
			return error;
	}
}
