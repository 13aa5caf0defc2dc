/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* result.c: what was measured, by name. */
#include "bench/result.h"

#include <math.h>
#include <string.h>

#include "bench/case.h"
#include "guests/bench.h"

static void set(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static void set_count(json_t *object, const char *key, uint64_t count)
{
	set(object, key, json_integer((json_int_t)count));
}

/* Four significant digits: more would claim too much. */
static json_t *number(double value)
{
	double unit;

	if (!(value > 0))
		return json_real(0);
	unit = pow(10, floor(log10(value)) - 3);
	return json_real(round(value / unit) * unit);
}

static json_t *per_event(uint64_t sum, uint64_t events)
{
	return events ? number((double)sum / (double)events) : json_null();
}

static json_t *ns(uint64_t ticks, double ticks_per_ns)
{
	return json_integer((json_int_t)llround((double)ticks / ticks_per_ns));
}

static json_t *rtt_json(const struct setting *setting, const struct measure *measure)
{
	static const struct { const char *name; double share; } quantiles[] = {
		{ "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "p999", 0.999 },
	};
	json_t *object;

	if (!histogram_count(&measure->rtt))
		return json_null();
	object = json_object();
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(*quantiles); i++)
		set(object, quantiles[i].name,
		    ns(histogram_quantile(&measure->rtt, quantiles[i].share),
		       setting->ticks_per_ns));
	set(object, "max", ns(measure->rtt_max, setting->ticks_per_ns));
	return object;
}

/* In the guest's own unit: in an emulator that counts instructions, these are what counts. */
static json_t *ticks_json(const struct measure *measure)
{
	uint64_t count = histogram_count(&measure->rtt);
	json_t *object;

	if (!count)
		return json_null();
	object = json_object();
	set_count(object, "p50", histogram_quantile(&measure->rtt, 0.5));
	set_count(object, "mean", (measure->rtt_sum + count / 2) / count);
	return object;
}

static json_t *batch_json(const struct counts *counts)
{
	json_t *object = json_object();
	char key[16];

	for (uint32_t i = 1; i < COUNTS_BATCHES; i++) {
		if (!counts->batch[i])
			continue;
		snprintf(key, sizeof(key), i + 1 < COUNTS_BATCHES ? "%u" : "%u+", i);
		set_count(object, key, counts->batch[i]);
	}
	return object;
}

static json_t *registers_json(const struct counts_registers *registers)
{
	json_t *object = json_object();

	set_count(object, "event_read", registers->event_read);
	set_count(object, "event_write", registers->event_write);
	set_count(object, "context_read", registers->context_read);
	set_count(object, "context_write", registers->context_write);
	return object;
}

static json_t *ping_json(const struct ping *ping)
{
	json_t *object = json_object();

	set_count(object, "p50", ping->p50_ns);
	set_count(object, "p99", ping->p99_ns);
	set(object, "lost", number(ping->lost));
	return object;
}

static uint64_t calls_of(const struct counts *counts, enum counts_call first,
			 enum counts_call last)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < COUNTS_THREADS; i++)
		for (enum counts_call call = first; call <= last; call++)
			sum += counts->thread[i].calls[call];
	return sum;
}

static json_t *begin(const struct setting *setting, const struct contestant *contestant,
		     uint32_t vcpus)
{
	const struct plan *plan = setting->plan;
	json_t *object = json_object();

	set(object, "bed", json_string(setting->bed));
	set(object, "case", json_string(plan->what->name));
	set(object, "kind", json_string(plan_kind_name(plan->kind)));
	set(object, "contestant", json_string(contestant->name));
	set_count(object, "vcpus", vcpus);
	set_count(object, "workers", plan->workers ? plan->workers : 1);
	set_count(object, "domains", setting->domain_count);
	set_count(object, "watches", plan->watches);
	set_count(object, "think_ns", plan->think_ns);
	set_count(object, "handler_ns", plan->handler_ns);
	if (plan->period_ns)
		set_count(object, "period_ns", plan->period_ns);
	if (plan->changes_per_s)
		set_count(object, "changes_per_s", plan->changes_per_s);
	if (!strcmp(plan->what->name, "past"))
		set(object, "method", json_string(plan_method_name(plan->method)));
	return object;
}

static void add_rates(json_t *object, const struct setting *setting, const struct measure *measure)
{
	const struct counts *counts = &measure->counts;
	double seconds = (double)measure->span_ns / 1e9;

	set(object, "seconds", number(seconds));
	set_count(object, "events", measure->events);
	set(object, "events_per_s", number((double)measure->events / seconds));
	set(object, "rtt_ns", rtt_json(setting, measure));
	set(object, "rtt_ticks", ticks_json(measure));
	set(object, "cpu_ns_per_event", per_event(measure->cpu_ns, measure->events));
	set(object, "guest_cpu_ns_per_event", per_event(measure->guest_cpu_ns, measure->events));
	set(object, "cpu_share", number((double)measure->cpu_ns / (double)measure->span_ns));
	set(object, "guest_cpu_share",
	    number((double)measure->guest_cpu_ns / (double)measure->span_ns));
	set(object, "syscalls_per_event",
	    per_event(calls_of(counts, 0, COUNTS_CALLS - 1), measure->events));
	set(object, "notifies_per_event",
	    per_event(calls_of(counts, COUNTS_NOTIFY, COUNTS_NOTIFY), measure->events));
	set(object, "waits_per_event",
	    per_event(calls_of(counts, COUNTS_WAIT, COUNTS_WAIT), measure->events));
	set(object, "batch", batch_json(counts));
	set(object, "sleeps_per_s", number((double)measure->sleeps / seconds));
	if (setting->plan->changes_per_s)
		set(object, "changes_made_per_s", number((double)counts->changes / seconds));
}

json_t *result_json(const struct setting *setting, const struct contestant *contestant,
		    const struct measure *measure)
{
	json_t *object = begin(setting, contestant, measure->vcpus);
	enum case_measure what = setting->plan->what->measure;

	if (what != MEASURE_WORK && what != MEASURE_ATTACH)
		add_rates(object, setting, measure);
	else
		set_count(object, "events", 0);
	set_count(object, "attach_ns", measure->attach_ns);
	if (what == MEASURE_ATTACH)
		set_count(object, "first_event_ns", measure->first_event_ns);
	if (measure->detach_ns)
		set_count(object, "detach_ns", measure->detach_ns);
	if (what == MEASURE_WORK) {
		set_count(object, "work_ns", measure->work_ns);
		set_count(object, "undo_ns", measure->undo_ns);
	}
	if (setting->plan->what->handler == HANDLER_REGISTERS)
		set(object, "registers_ns", registers_json(&measure->counts.registers));
	set(object, "ping_before_ns", ping_json(&measure->before));
	set(object, "ping_after_ns", ping_json(&measure->after));
	set_count(object, "rejected", measure->rejected);
	set(object, "disturbed", json_boolean(measure->disturbed));
	set_count(object, "repetition", measure->number);
	set_count(object, "seed", setting->plan->seed);
	json_object_set(object, "machine", setting->machine);
	return object;
}

/* With the keys that tell what it would have been. */
json_t *result_not_yet(const struct setting *setting, const struct contestant *contestant,
		       const char *why)
{
	json_t *object = begin(setting, contestant, setting->vcpus);

	set(object, "not_yet", json_string(why));
	json_object_set(object, "machine", setting->machine);
	return object;
}
