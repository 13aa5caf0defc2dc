/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* runner.c: the loop around a vCPU: resume, enter the guest, handle the exit. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "fakexen/atomics.h"
#include "fakexen/hypercall.h"
#include "fakexen/vcpu/private.h"

#define QUANTUM 20000           /* instructions between two looks at the timer */

static uint64_t tsc(void *opaque)
{
	const struct fx_host *host = opaque;

	return host->now(host->opaque);
}

int fx_runner_create(struct fx_runner **out, struct fx_model *model, const struct fx_host *host,
	unsigned int slot, unsigned int vcpu)
{
	struct fx_runner *runner = calloc(1, sizeof(*runner));
	struct fx_cpu_memory memory = { .lookup = fx_ept_lookup, .opaque = runner };
	struct fx_cpu_controls *controls;
	int error;

	if (!runner)
		return -ENOMEM;
	runner->model = model;
	runner->host = host;
	runner->slot = slot;
	runner->index = vcpu;
	runner->domain = fx_domain(model, slot);
	runner->vcpu = &runner->domain->vcpus[vcpu];
	runner->state = &runner->vcpu->cpu;
	error = fx_cpu_create(&runner->cpu, runner->state, &memory, &model->stop_requests, tsc,
		(void *)host);
	if (error) {
		free(runner);
		return error;
	}
	controls = fx_cpu_controls(runner->cpu);
	controls->debug_exiting = true;
	controls->msr_write_exits = fx_msr_write_exits;
	controls->opaque = runner;
	*out = runner;
	return 0;
}

void fx_runner_destroy(struct fx_runner *runner)
{
	if (!runner)
		return;
	fx_cpu_destroy(runner->cpu);
	free(runner);
}

void fx_runner_use_code(struct fx_runner *runner, struct fx_code *code)
{
	fx_cpu_use_code(runner->cpu, code);
}

/* ---- one turn ---- */

/* The event that waited for its slot goes first; then the handler that had to stop is
 * called again, and finds it reported. False: it has to wait once more. */
static bool take_up(struct fx_runner *runner)
{
	enum fx_stage stage = runner->stage;
	int result;

	if (stage == FX_STAGE_NONE)
		return true;
	result = fx_vm_event_report(runner->model, runner->host, runner->domain, runner->vcpu,
		&runner->event, runner->sync);
	if (result == -EAGAIN)
		return false;
	runner->result = result;
	runner->reported = true;
	runner->stage = FX_STAGE_NONE;
	if (stage == FX_STAGE_RESUME)
		result = fx_resume(runner);
	else if (stage == FX_STAGE_EXIT || !fx_exit_report(runner))
		result = fx_exit_handle(runner);
	if (result == -EAGAIN)
		runner->stage = stage == FX_STAGE_RESUME ? FX_STAGE_RESUME : FX_STAGE_EXIT;
	runner->reported = false;
	return result != -EAGAIN;
}

static bool resume(struct fx_runner *runner)
{
	runner->must_resume = false;
	runner->vcpu->reported_dr7 = runner->state->dr7;
	if (fx_resume(runner) == -EAGAIN) {
		runner->stage = FX_STAGE_RESUME;
		return false;
	}
	return true;
}

static void flush_if_changed(struct fx_runner *runner)
{
	uint32_t generation = fx_load_acquire(&runner->domain->p2m_generation);

	if (generation == runner->p2m_generation && runner->view == runner->vcpu->view)
		return;
	runner->p2m_generation = generation;
	runner->view = runner->vcpu->view;
	fx_cpu_flush(runner->cpu);
}

static void set_controls(struct fx_runner *runner)
{
	const struct fx_monitor *monitor = &runner->domain->monitor;
	struct fx_cpu_controls *controls = fx_cpu_controls(runner->cpu);

	controls->cr3_exiting = monitor->cr3_exiting;
	controls->descriptor_exiting = monitor->descriptor_exiting;
	controls->breakpoint_exiting = monitor->software_breakpoint || monitor->singlestep;
	controls->monitor_trap = runner->vcpu->single_step;
}

static void handle_exit(struct fx_runner *runner)
{
	int result = fx_exit_report(runner);

	if (result == -EAGAIN) {
		runner->stage = FX_STAGE_VMEXIT;
		return;
	}
	if (result)
		return;                 /* synchronous: the exit is not processed */
	if (fx_exit_handle(runner) == -EAGAIN)
		runner->stage = FX_STAGE_EXIT;
}

/* Enters the guest once. */
static void enter(struct fx_runner *runner, uint64_t budget)
{
	flush_if_changed(runner);
	set_controls(runner);
	fx_vm_event_prefetch(runner->model, runner->domain);
	fx_interrupt_assist(runner);
	runner->exit.reason = fx_cpu_run(runner->cpu, budget, &runner->exit);
	handle_exit(runner);
}

static enum fx_ran run(struct fx_runner *runner, uint64_t budget, uint64_t *deadline)
{
	if (!take_up(runner))
		return FX_RAN_PAUSED;
	runner->must_resume = true;
	runner->yielded = false;
	for (uint64_t left = budget; ; left -= left < QUANTUM ? left : QUANTUM) {
		while (runner->must_resume) {
			if (!fx_vcpu_runnable(runner->domain, runner->vcpu))
				return FX_RAN_PAUSED;
			if (!resume(runner))
				return FX_RAN_PAUSED;
		}
		if (runner->state->halted) {
			if (!fx_interrupt_due(runner, deadline))
				return FX_RAN_BLOCKED;
			runner->state->halted = false;
		}
		if (!left || runner->yielded || fx_load_relaxed(&runner->model->stop_requests))
			return FX_RAN;
		enter(runner, left < QUANTUM ? left : QUANTUM);
		if (runner->stage != FX_STAGE_NONE ||
			!fx_vcpu_runnable(runner->domain, runner->vcpu))
			return FX_RAN_PAUSED;
	}
}

enum fx_ran fx_runner_run(struct fx_runner *runner, uint64_t budget, uint64_t *deadline)
{
	struct fx_vcpu *vcpu = runner->vcpu;
	enum fx_ran ran;
	uint64_t begin, end;

	*deadline = 0;
	if (runner->domain->state != FX_DOMAIN_ALIVE)
		return FX_RAN_DEAD;
	if (!fx_vcpu_runnable(runner->domain, vcpu))
		return FX_RAN_PAUSED;
	begin = runner->host->now(runner->host->opaque);
	ran = run(runner, budget, deadline);
	/* Mostly an event has stopped it, and the clock was read for that. */
	end = ran == FX_RAN_PAUSED && vcpu->reported_at > begin
		? vcpu->reported_at : runner->host->now(runner->host->opaque);
	vcpu->cpu_time_ns += end - begin;
	return ran;
}

/* ---- */

void fx_domain_crash(struct fx_runner *runner, const char *why)
{
	fx_log(runner, "domain crash at %#lx: %s", (unsigned long)runner->state->rip, why);
	fx_domain_shutdown(runner->model, runner->host, runner->domain, SHUTDOWN_crash);
}

void fx_log(struct fx_runner *runner, const char *format, ...)
{
	char line[256];
	va_list args;
	int n = snprintf(line, sizeof(line), "d%uv%u: ", runner->domain->id, runner->index);

	va_start(args, format);
	vsnprintf(line + n, sizeof(line) - n, format, args);
	va_end(args);
	runner->host->log(runner->host->opaque, line);
}
