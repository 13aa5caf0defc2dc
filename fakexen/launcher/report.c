/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* report.c: --report: what happened, as JSON. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakexen/histogram.h"
#include "fakexen/launcher/launcher.h"
#include "fakexen/launcher/names.h"
#include "fakexen/vm_event.h"

/* cpu_time of every vCPU when the command ended. */
static uint64_t (*marks)[FX_VCPUS];

void report_mark(struct launcher *launcher)
{
	struct fx_model *model = launcher->model;

	marks = calloc(model->domain_slots, sizeof(*marks));
	if (!marks)
		return;
	world_stop(launcher->world);
	for (unsigned int slot = 1; slot < model->domain_slots; slot++)
		for (unsigned int i = 0; i < FX_VCPUS; i++)
			marks[slot][i] = fx_domain(model, slot)->vcpus[i].cpu_time_ns;
	world_go(launcher->world);
}

/* Whether every vCPU of the domain that is up has run since the mark. */
static bool domain_ran_on(struct fx_model *model, unsigned int slot)
{
	const struct fx_domain *domain = fx_domain(model, slot);
	bool any = false;

	for (unsigned int i = 0; i < domain->vcpu_count; i++) {
		if (!domain->vcpus[i].up)
			continue;
		if (!marks || domain->vcpus[i].cpu_time_ns <= marks[slot][i])
			return false;
		any = true;
	}
	return any;
}

bool report_all_ran_on(struct launcher *launcher)
{
	struct fx_model *model = launcher->model;
	bool all = true;

	world_stop(launcher->world);
	for (unsigned int slot = 1; slot < model->domain_slots; slot++)
		if (fx_domain(model, slot)->state == FX_DOMAIN_ALIVE && fx_domain(model, slot)->is_hvm)
			all &= domain_ran_on(model, slot);
	world_go(launcher->world);
	return all;
}

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *report_events(const struct fx_statistics *statistics)
{
	json_t *events = json_object();

	for (unsigned int i = 0; i < 32; i++)
		if (statistics->events[i])
			json_object_set_new(events, name_of_event(i), number(statistics->events[i]));
	return events;
}

static json_t *report_rtt(const struct fx_statistics *statistics)
{
	const uint64_t *histogram = statistics->rtt_histogram;
	uint64_t count = statistics->rtt_count;

	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o}",
		"p50", number(fx_histogram_percentile(histogram, 50)),
		"p90", number(fx_histogram_percentile(histogram, 90)),
		"p99", number(fx_histogram_percentile(histogram, 99)),
		"p999", number(fx_histogram_percentile(histogram, 99.9)),
		"max", number(statistics->rtt_ns_max),
		"mean", number(count ? statistics->rtt_ns_sum / count : 0),
		"count", number(count));
}

static json_t *report_vcpu(const struct fx_vcpu *vcpu, bool ran_on)
{
	return json_pack("{s:b,s:i,s:i,s:b,s:b,s:i,s:b,s:b,s:o,s:o,s:o,s:b}",
		"up", vcpu->up,
		"pause_count", (int)vcpu->pause_count,
		"vm_event_pause_count", (int)vcpu->vm_event_pause_count,
		"vm_event_blocked", vcpu->vm_event_blocked,
		"vm_event_waiting", vcpu->vm_event_waiting,
		"view", (int)vcpu->view,
		"single_step", vcpu->single_step,
		"fast_single_step", vcpu->fast_single_step,
		"rip", number(vcpu->cpu.rip),
		"cr3", number(vcpu->cpu.cr3),
		"cpu_time_ns", number(vcpu->cpu_time_ns),
		"ran_on", ran_on);
}

static bool paused(const struct fx_vcpu *vcpu)
{
	return vcpu->pause_count || vcpu->vm_event_pause_count || vcpu->vm_event_blocked ||
		vcpu->vm_event_waiting;
}

static unsigned int views_in_use(const struct fx_domain *domain)
{
	unsigned int count = 0;

	if (!domain->altp2m_active)
		return 0;
	for (unsigned int i = 1; i < FX_VIEWS; i++)
		count += domain->views[i].used;
	return count;
}

static json_t *report_domain(struct fx_model *model, unsigned int slot)
{
	const struct fx_domain *domain = fx_domain(model, slot);
	const struct fx_statistics *statistics = &domain->statistics;
	json_t *vcpus = json_array();
	int paused_count = 0;

	for (unsigned int i = 0; i < domain->vcpu_count; i++) {
		const struct fx_vcpu *vcpu = &domain->vcpus[i];
		bool ran_on = marks && vcpu->cpu_time_ns > marks[slot][i];

		paused_count += paused(vcpu);
		json_array_append_new(vcpus, report_vcpu(vcpu, ran_on));
	}
	return json_pack("{s:i,s:s,s:s,s:b,s:i,s:o,s:o,s:o,s:o,s:o,s:o,s:i,s:i,s:i,s:b,s:o,s:b,s:b,"
			 "s:o,s:o,s:o}",
		"id", (int)domain->id,
		"name", domain->name,
		"state", domain->state == FX_DOMAIN_DYING ? "dying" :
			domain->shutdown ? "shutdown" : "alive",
		"hvm", domain->is_hvm,
		"shutdown_reason", domain->shutdown ? (int)domain->shutdown_reason : -1,
		"requests", number(statistics->requests),
		"answers", number(statistics->answers),
		"rejected", number(statistics->rejected),
		"surplus", number(statistics->surplus),
		"postponed", number(statistics->postponed),
		"missing", number(fx_vm_event_missing(domain)),
		"pause_count", (int)domain->pause_count,
		"paused_vcpus", paused_count,
		"views", (int)views_in_use(domain),
		"altp2m", domain->altp2m_active,
		"changed_code_bytes", number(fx_domain_changed_code(model, domain)),
		"ring_enabled", domain->vm_event.enabled,
		"ran_on", domain_ran_on(model, slot),
		"events", report_events(statistics),
		"rtt_ns", report_rtt(statistics),
		"vcpus", vcpus);
}

static json_t *report_hypercalls(const struct fx_model *model)
{
	json_t *calls = json_object();

	for (unsigned int i = 0; i < 64; i++)
		if (model->hypercalls[i])
			json_object_set_new(calls, name_of_hypercall(i), number(model->hypercalls[i]));
	for (unsigned int i = 0; i < 128; i++)
		if (model->domctls[i])
			json_object_set_new(calls, name_of_domctl(i), number(model->domctls[i]));
	return calls;
}

static json_t *report(struct fx_model *model)
{
	json_t *domains = json_array();
	uint64_t ports = 0;

	for (unsigned int slot = 1; slot < model->domain_slots; slot++)
		if (fx_domain(model, slot)->state != FX_DOMAIN_FREE)
			json_array_append_new(domains, report_domain(model, slot));
	for (unsigned int i = 0; i < FX_DOM0_PORTS; i++)
		ports += model->ports[i].state != FX_PORT_FREE;
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o}",
		"domains", domains,
		"mappings", number(model->mappings),
		"mapped", number(model->mapped),
		"ports", number(ports),
		"hypercalls", report_hypercalls(model),
		"notifies", number(model->notifies),
		"unmasks", number(model->unmasks));
}

int report_write(struct launcher *launcher, const char *path)
{
	json_t *object = report(launcher->model);
	int error = 0;

	if (!object || json_dump_file(object, path, JSON_INDENT(1))) {
		fprintf(stderr, "fakexen: --report %s: %s\n", path, strerror(errno));
		error = -EIO;
	}
	json_decref(object);
	free(marks);
	marks = NULL;
	return error;
}
