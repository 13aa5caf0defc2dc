/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* answer.c: what a response does to its vCPU (vm_event_resume of xen/common/vm_event.c).
 *
 * It runs in the process that sent the notify, and that process may be killed between any
 * two instructions. So the outcome of one response is first computed whole, from memory
 * that nobody else changes meanwhile, into ring->record; `valid` makes it the truth; it is
 * then copied, which may be done twice. Who finds the lock's holder dead copies again and
 * consumes the rest. */
#include <string.h>

#include "fakexen/atomics.h"
#include "fakexen/histogram.h"
#include "fakexen/model/ring.h"
#include "fakexen/model/registers.h"
#include "fakexen/p2m.h"
#include "fakexen/vm_event.h"

#define SLOTS 8u

/* ---- computing the outcome ---- */

/* p2m_mem_access_emulate_check(): whether the view that the vCPU is in now, before any
 * switch, still forbids what the response echoes. A page that the view has not copied yet
 * counts as forbidden. */
static bool still_violates(const struct fx_domain *domain, const struct fx_vcpu *vcpu,
	const struct vm_event_mem_access *access)
{
	const struct fx_p2m_entry *entry;
	uint32_t tried = access->flags & MEM_ACCESS_RWX;

	if (access->gfn >= FX_GFNS)
		return true;
	entry = domain->altp2m_active ? &domain->view_p2m[vcpu->view][access->gfn]
				      : &domain->p2m[access->gfn];
	if (!entry->present)
		return true;
	return tried & ~fx_access_bits(entry->access);
}

static void take_emulation(const struct fx_domain *domain, const struct fx_vcpu *vcpu,
	struct fx_vcpu_answer *answer, const vm_event_response_t *response)
{
	bool read_data = response->flags & VM_EVENT_FLAG_SET_EMUL_READ_DATA;

	switch (response->reason) {
	case VM_EVENT_REASON_MEM_ACCESS:
		if (!still_violates(domain, vcpu, &response->u.mem_access))
			return;
		if (read_data)
			answer->emulation.read = response->data.emul.read;
		break;
	case VM_EVENT_REASON_SOFTWARE_BREAKPOINT:
		if (!(response->flags & VM_EVENT_FLAG_SET_EMUL_INSN_DATA))
			return;
		answer->emulation.insn = response->data.emul.insn;
		break;
	case VM_EVENT_REASON_DESCRIPTOR_ACCESS:
		if (read_data)
			answer->emulation.read = response->data.emul.read;
		break;
	default:
		return;
	}
	answer->emulate_flags = response->flags;
}

static void deny(struct fx_vcpu_answer *answer, const vm_event_response_t *response)
{
	if (response->reason == VM_EVENT_REASON_MOV_TO_MSR)
		answer->write.msr = false;
	if (response->reason != VM_EVENT_REASON_WRITE_CTRLREG)
		return;
	switch (response->u.write_ctrlreg.index) {
	case VM_EVENT_X86_CR0: answer->write.cr0 = false; break;
	case VM_EVENT_X86_CR3: answer->write.cr3 = false; break;
	case VM_EVENT_X86_CR4: answer->write.cr4 = false; break;
	}
}

static void take_step(struct fx_answer_record *record, const vm_event_response_t *response)
{
	if (response->flags & VM_EVENT_FLAG_TOGGLE_SINGLESTEP) {
		record->single_step = !record->single_step;
	} else if (response->flags & VM_EVENT_FLAG_FAST_SINGLESTEP) {
		if (response->u.fast_singlestep.p2midx >= FX_VIEWS)
			return;
		record->single_step = true;
		record->fast_single_step = true;
		record->fast_single_step_view = response->u.fast_singlestep.p2midx;
	}
}

/* The flags that leave something for the vCPU to do when it runs again. */
#define ANSWER_FLAGS                                                                          \
	(VM_EVENT_FLAG_EMULATE | VM_EVENT_FLAG_DENY | VM_EVENT_FLAG_SET_REGISTERS |           \
		VM_EVENT_FLAG_GET_NEXT_INTERRUPT)

/* In the order in which Xen applies the flags. */
static void take_flags(const struct fx_domain *domain, const struct fx_vcpu *vcpu,
	struct fx_answer_record *record, const vm_event_response_t *response)
{
	uint32_t flags = response->flags;

	if ((flags & ANSWER_FLAGS) || vcpu->answer.emulate_flags) {
		record->answer_changed = true;
		record->answer = vcpu->answer;
		if (flags & VM_EVENT_FLAG_EMULATE)
			take_emulation(domain, vcpu, &record->answer, response);
		else
			record->answer.emulate_flags = 0;
		if (flags & VM_EVENT_FLAG_DENY)
			deny(&record->answer, response);
		if (flags & VM_EVENT_FLAG_SET_REGISTERS)
			fx_registers_take(&record->answer, &response->data.regs.x86);
		if (flags & VM_EVENT_FLAG_GET_NEXT_INTERRUPT)
			record->answer.next_interrupt = true;
	}
	take_step(record, response);
	if ((flags & VM_EVENT_FLAG_ALTERNATE_P2M) && domain->altp2m_active)
		record->view = response->altp2m_idx;
	if (flags & VM_EVENT_FLAG_VCPU_PAUSED)
		record->vm_event_pause_count--;
}

/* The oldest open request of the vCPU is what the response answers. */
static void close_request(const struct fx_domain *domain, struct fx_answer_record *record,
	uint32_t index, uint64_t now)
{
	const struct fx_statistics *statistics = &domain->statistics;
	const struct fx_vcpu *vcpu = &domain->vcpus[index];
	uint64_t at, ns;

	if (vcpu->opened == vcpu->closed) {
		record->surplus++;
		return;
	}
	record->open_vcpu = index;
	record->closed = vcpu->closed + 1;
	/* Two processors' clocks may differ a little. */
	at = vcpu->opened_at[vcpu->closed % FX_OPEN_REQUESTS];
	ns = now > at ? now - at : 0;
	record->bucket = fx_histogram_bucket(ns);
	record->bucket_count = statistics->rtt_histogram[record->bucket] + 1;
	record->rtt_ns_sum += ns;
	record->rtt_count++;
	if (ns > record->rtt_ns_max)
		record->rtt_ns_max = ns;
}

static void compute(const struct fx_domain *domain, struct fx_answer_record *record,
	const vm_event_response_t *response, uint64_t now)
{
	const struct fx_statistics *statistics = &domain->statistics;
	const struct fx_vcpu *vcpu;

	record->rsp_cons = domain->ring.rsp_cons + 1;
	record->vcpu = FX_VCPUS;
	record->answer_changed = false;
	record->open_vcpu = FX_VCPUS;
	record->bucket = FX_HISTOGRAM;
	record->answers = statistics->answers + 1;
	record->rejected = statistics->rejected;
	record->surplus = statistics->surplus;
	record->rtt_ns_max = statistics->rtt_ns_max;
	record->rtt_ns_sum = statistics->rtt_ns_sum;
	record->rtt_count = statistics->rtt_count;
	if (response->version != VM_EVENT_INTERFACE_VERSION ||
		response->vcpu_id >= domain->vcpu_count) {
		record->rejected++;
		return;
	}
	vcpu = &domain->vcpus[response->vcpu_id];
	close_request(domain, record, response->vcpu_id, now);
	if (!vcpu->vm_event_pause_count)
		return;
	record->vcpu = response->vcpu_id;
	record->single_step = vcpu->single_step;
	record->fast_single_step = vcpu->fast_single_step;
	record->fast_single_step_view = vcpu->fast_single_step_view;
	record->view = vcpu->view;
	record->vm_event_pause_count = vcpu->vm_event_pause_count;
	take_flags(domain, vcpu, record, response);
}

/* ---- copying it ---- */

static void apply_to_vcpu(struct fx_domain *domain, const struct fx_answer_record *record)
{
	struct fx_vcpu *vcpu = &domain->vcpus[record->vcpu];

	if (record->answer_changed)
		vcpu->answer = record->answer;
	vcpu->single_step = record->single_step;
	vcpu->fast_single_step = record->fast_single_step;
	vcpu->fast_single_step_view = record->fast_single_step_view;
	if (record->view != vcpu->view)
		fx_view_switch_vcpu(domain, vcpu, record->view);
	/* V1: the vCPU's thread acquires the count (fx_vcpu_runnable) before it does what the
	 * answer asks. */
	fx_store_release(&vcpu->vm_event_pause_count, record->vm_event_pause_count);
}

static void apply(struct fx_domain *domain, vm_event_sring_t *page, struct fx_woken *woken)
{
	const struct fx_answer_record *record = &domain->vm_event.record;
	struct fx_statistics *statistics = &domain->statistics;

	/* Before the vCPU is let go, whose thread then takes that line. */
	if (record->open_vcpu < FX_VCPUS)
		domain->vcpus[record->open_vcpu].closed = record->closed;
	if (record->vcpu < FX_VCPUS) {
		apply_to_vcpu(domain, record);
		if (!record->vm_event_pause_count)
			fx_woken_add(woken, record->vcpu);
	}
	if (record->bucket < FX_HISTOGRAM)
		statistics->rtt_histogram[record->bucket] = record->bucket_count;
	statistics->answers = record->answers;
	statistics->rejected = record->rejected;
	statistics->surplus = record->surplus;
	statistics->rtt_ns_max = record->rtt_ns_max;
	statistics->rtt_ns_sum = record->rtt_ns_sum;
	statistics->rtt_count = record->rtt_count;
	page->rsp_event = record->rsp_cons + 1;
	domain->ring.rsp_cons = record->rsp_cons;
}

static void finish(struct fx_model *model, struct fx_domain *domain, struct fx_woken *woken)
{
	apply(domain, fx_ring_page(model, domain), woken);
	fx_order_stores();
	domain->vm_event.record.valid = false;
	fx_vm_event_wake(domain, woken);
}

/* Once, for the other side may write it at any time; what no flag asks for is left. */
static void copy_response(vm_event_response_t *to, const vm_event_response_t *from)
{
	memcpy(to, from, offsetof(vm_event_response_t, data));
	if (to->flags & (VM_EVENT_FLAG_SET_REGISTERS | VM_EVENT_FLAG_EMULATE))
		memcpy(&to->data, &from->data, sizeof(to->data));
}

void fx_answers_prefetch(struct fx_model *model, struct fx_domain *domain)
{
	const struct fx_ring *ring = &domain->ring;
	const vm_event_sring_t *page;
	uint32_t count;

	if (!fx_load_relaxed(&domain->vm_event.enabled))
		return;
	page = fx_ring_page(model, domain);
	count = fx_load_relaxed(&page->rsp_prod) - fx_load_relaxed(&ring->rsp_cons);
	for (uint32_t i = 0; i < count && i < SLOTS; i++) {
		uint32_t vcpu = page->ring[(ring->rsp_cons + i) % SLOTS].rsp.vcpu_id;

		if (vcpu < FX_VCPUS)
			__builtin_prefetch(&domain->vcpus[vcpu].vm_event_pause_count, 1);
	}
}

void fx_answers_drain(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain, struct fx_woken *woken)
{
	struct fx_vm_event *ring = &domain->vm_event;
	vm_event_sring_t *page = fx_ring_page(model, domain);
	uint64_t now = host->now(host->opaque);
	vm_event_response_t response;

	ring->draining = true;
	fx_order_stores();
	/* X2: acquires the producer's release of rsp_prod; the responses are whole. As in Xen
	 * there is no limit to how far it may be ahead. */
	while (fx_load_acquire(&page->rsp_prod) != domain->ring.rsp_cons) {
		copy_response(&response, &page->ring[domain->ring.rsp_cons % SLOTS].rsp);
		compute(domain, &ring->record, &response, now);
		fx_order_stores();
		ring->record.valid = true;
		fx_order_stores();
		finish(model, domain, woken);
	}
	fx_order_stores();
	ring->draining = false;
}

/* ---- after a kill ---- */

/* How many vCPUs are in each state is counted anew: the holder may have died between a
 * flag and its count. */
static void recount(struct fx_domain *domain)
{
	uint32_t blocked = 0, waiting = 0;

	for (unsigned int i = 0; i < domain->vcpu_count; i++) {
		const struct fx_vcpu *vcpu = &domain->vcpus[i];

		blocked += vcpu->vm_event_blocked;
		waiting += vcpu->vm_event_waiting;
	}
	domain->ring.blocked = blocked;
	domain->ring.waiting = waiting;
}

void fx_answers_repair(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain, struct fx_woken *woken)
{
	struct fx_vm_event *ring = &domain->vm_event;

	recount(domain);
	if (!ring->enabled)
		return;
	if (ring->record.valid)
		finish(model, domain, woken);
	recount(domain);
	if (ring->draining)
		fx_answers_drain(model, host, domain, woken);
	fx_vm_event_wake(domain, woken);
}
