/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ept.c: what a vCPU finds in memory, and accesses that its view does not allow
 * (hvm_hap_nested_page_fault, p2m_mem_access_check). */
#include "fakexen/p2m.h"
#include "fakexen/vcpu/private.h"

enum { TYPE_SOFTWARE_INTERRUPT = 4 };

#define ALL (FX_ACCESS_R | FX_ACCESS_W | FX_ACCESS_X)

/* In the table that the vCPU runs on: with altp2m, view 0 is one of its own. */
static const struct fx_p2m_entry *look_up(struct fx_runner *runner, uint64_t gfn)
{
	const struct fx_p2m_entry *entry;

	if (!runner->domain->altp2m_active)
		return fx_view_lookup(runner->model, runner->domain, 0, gfn);
	/* The entry may be copied from the host's p2m now. */
	fx_domain_lock(runner->model, runner->host, runner->domain);
	entry = fx_view_lookup(runner->model, runner->domain, runner->vcpu->view, gfn);
	fx_domain_unlock(runner->domain);
	return entry;
}

/* Writable without readable: the hardware calls it a misconfiguration at any access. */
static bool misconfigured(const struct fx_p2m_entry *entry)
{
	return (fx_access_bits(entry->access) & (FX_ACCESS_R | FX_ACCESS_W)) == FX_ACCESS_W;
}

static bool lacks(struct fx_runner *runner, uint64_t gfn)
{
	bool lacking;

	if (!runner->domain->altp2m_active)
		return false;
	fx_domain_lock(runner->model, runner->host, runner->domain);
	lacking = fx_view_lacks(runner->domain, runner->vcpu->view, gfn);
	fx_domain_unlock(runner->domain);
	return lacking;
}

struct fx_ept_entry fx_ept_lookup(void *opaque, uint64_t gfn, bool host)
{
	struct fx_runner *runner = opaque;
	const struct fx_p2m_entry *entry;

	/* An entry that the view has not copied yet allows nothing: fx_exit_ept copies it. */
	if (!host && lacks(runner, gfn))
		return (struct fx_ept_entry){ NULL, 0 };
	entry = host ? fx_p2m_entry(runner->domain, gfn) : look_up(runner, gfn);
	if (!entry || !entry->present || entry->frame == FX_NO_FRAME)
		return (struct fx_ept_entry){ NULL, ALL };
	return (struct fx_ept_entry){
		.page = fx_page(runner->model, entry->frame),
		.access = host                   ? ALL
			  : misconfigured(entry) ? 0
						 : fx_access_bits(entry->access),
	};
}

static void convert(struct fx_runner *runner, uint64_t gfn, uint8_t access)
{
	fx_domain_lock(runner->model, runner->host, runner->domain);
	fx_view_convert(runner->model, runner->domain, runner->vcpu->view, gfn, access);
	fx_domain_unlock(runner->domain);
}

static struct fx_event describe(const struct fx_cpu_exit *exit)
{
	struct fx_event event = {
		.reason = VM_EVENT_REASON_MEM_ACCESS,
		.u.mem_access = {
			.gfn = exit->ept.gpa / FX_PAGE,
			.offset = exit->ept.gpa % FX_PAGE,
		},
	};
	uint32_t flags = 0;

	if (exit->ept.gla_valid) {
		event.u.mem_access.gla = exit->ept.gla;
		flags = MEM_ACCESS_GLA_VALID |
			(exit->ept.in_page_table ? MEM_ACCESS_FAULT_IN_GPT
						 : MEM_ACCESS_FAULT_WITH_GLA);
	}
	if (exit->ept.access & FX_ACCESS_R)
		flags |= MEM_ACCESS_R;
	if (exit->ept.access & FX_ACCESS_W)     /* Xen: each write is a read too */
		flags |= MEM_ACCESS_R | MEM_ACCESS_W;
	if (exit->ept.access & FX_ACCESS_X)
		flags |= MEM_ACCESS_X;
	event.u.mem_access.flags = flags;
	return event;
}

/* Nobody listens: the page is opened, or, if a listener is required, that is the end. */
static int without_ring(struct fx_runner *runner, uint64_t gfn)
{
	if (runner->domain->access_required)
		fx_domain_crash(runner, "an access violation without a listener");
	else
		convert(runner, gfn, XENMEM_access_rwx);
	return 0;
}

static int violation(struct fx_runner *runner, const struct fx_cpu_exit *exit, uint8_t access)
{
	const struct fx_emulation normal = { .insn_bytes = NULL };
	uint64_t gfn = exit->ept.gpa / FX_PAGE;
	struct fx_event event;
	int result;

	if (access == XENMEM_access_n2rwx)
		convert(runner, gfn, XENMEM_access_rwx);
	if (!runner->domain->vm_event.enabled)
		return access == XENMEM_access_n2rwx ? 0 : without_ring(runner, gfn);
	if (runner->domain->monitor.inguest_pagefault_disabled && exit->ept.in_page_table)
		return fx_emulate(runner, &normal);
	event = describe(exit);
	result = fx_report(runner, &event, access != XENMEM_access_n2rwx);
	return result < 0 ? result : 0;
}

/* Software exceptions and interrupts are not taken up again: their instruction is executed
 * once more (hvm_event_needs_reinjection). */
static void drop_software_event(struct fx_runner *runner)
{
	struct fx_injection *injection = &runner->state->injection;

	if (injection->valid && injection->type >= TYPE_SOFTWARE_INTERRUPT)
		injection->valid = false;
}

int fx_exit_ept(struct fx_runner *runner, const struct fx_cpu_exit *exit)
{
	uint64_t gfn = exit->ept.gpa / FX_PAGE;
	bool lacking = lacks(runner, gfn);
	const struct fx_p2m_entry *entry = look_up(runner, gfn);
	uint8_t tried = exit->ept.access;

	if (exit->ept.in_event_delivery)
		drop_software_event(runner);

	/* The event that waited for its slot is put: the rest was done the first time. */
	if (fx_report_due(runner, false, VM_EVENT_REASON_MEM_ACCESS)) {
		runner->reported = false;
		return 0;
	}
	if (!entry || lacking) {        /* gone meanwhile, or copied just now: look again */
		fx_cpu_flush(runner->cpu);
		return 0;
	}
	if (misconfigured(entry)) {
		fx_domain_crash(runner, "an EPT misconfiguration");
		return 0;
	}
	if (entry->access == XENMEM_access_rx2rw && (tried & FX_ACCESS_W)) {
		convert(runner, gfn, XENMEM_access_rw);
		return 0;
	}
	if (!(tried & ~fx_access_bits(entry->access))) {
		fx_cpu_flush(runner->cpu);
		return 0;
	}
	return violation(runner, exit, entry->access);
}
