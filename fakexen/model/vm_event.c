/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vm_event.c: Xen's side of the ring, as xen/common/vm_event.c of 4.17 has it: enable and
 * disable, requests, and who waits for a slot. What responses do is in answer.c. */
#include "fakexen/vm_event.h"

#include <errno.h>
#include <string.h>

#include "fakexen/atomics.h"
#include "fakexen/model/ring.h"
#include "fakexen/model/registers.h"
#include "fakexen/p2m.h"
#include "fakexen/port.h"
#include "fakexen/thread.h"
#include "fakexen/vcpu.h"

#define SLOTS 8u        /* __RING_SIZE of a page of version 7's messages */

#define SLOTS_THAT_FIT ((FX_PAGE - offsetof(vm_event_sring_t, ring)) / \
	sizeof(((vm_event_sring_t *)NULL)->ring[0]))

_Static_assert(SLOTS_THAT_FIT >= SLOTS && SLOTS_THAT_FIT < 2 * SLOTS,
	"rounded down to a power of two, Xen's ring has 8 slots");

/* ---- the lock ---- */

static void repair(struct fx_model *model, const struct fx_host *host, struct fx_domain *domain)
{
	struct fx_woken woken = { .any = false };

	fx_answers_repair(model, host, domain, &woken);
	for (unsigned int i = 0; i < domain->vcpu_count; i++)
		fx_woken_add(&woken, i);
	/* Telling with the lock held is allowed: wake() only rings a bell. */
	fx_woken_tell(&woken, model, host, domain);
}

void fx_domain_lock(struct fx_model *model, const struct fx_host *host, struct fx_domain *domain)
{
	if (fx_lock_take(&domain->lock))
		repair(model, host, domain);
}

void fx_domain_unlock(struct fx_domain *domain)
{
	fx_lock_drop(&domain->lock);
}

void fx_vm_event_recover(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain)
{
	if (!fx_lock_take(&domain->lock) && !domain->vm_event.draining &&
		!domain->vm_event.record.valid) {
		struct fx_woken woken = { .any = false };

		/* It may have died after the work and before it told whom it woke. */
		fx_lock_drop(&domain->lock);
		for (unsigned int i = 0; i < domain->vcpu_count; i++)
			fx_woken_add(&woken, i);
		fx_woken_tell(&woken, model, host, domain);
		return;
	}
	repair(model, host, domain);
	fx_lock_drop(&domain->lock);
}

void fx_woken_tell(const struct fx_woken *woken, struct fx_model *model,
	const struct fx_host *host, const struct fx_domain *domain)
{
	unsigned int slot = fx_domain_slot(model, domain);
	uint32_t told = 0;

	if (!woken->any)
		return;
	/* Threads that run several of them need to hear it once. */
	for (unsigned int i = 0; i < FX_VCPUS / 64; i++)
		for (uint64_t bits = woken->bits[i]; bits; bits &= bits - 1) {
			unsigned int vcpu = i * 64 + __builtin_ctzll(bits);
			uint32_t thread = model->options.threads
				? 1u << fx_thread_of(model, slot, vcpu) : 0;

			if (!(told & thread))
				host->wake(host->opaque, slot, vcpu);
			told |= thread;
		}
}

/* ---- slots, and who waits for one ---- */

/* RING_FREE_REQUESTS: more than 8 when there were surplus answers, as in Xen. */
static uint32_t available(const struct fx_ring *ring)
{
	return SLOTS - (ring->req_prod_pvt - ring->rsp_cons);
}

static void wake_queued(struct fx_domain *domain, uint32_t count, struct fx_woken *woken)
{
	while (count-- && domain->ring.waiting) {
		struct fx_vcpu *first = NULL;

		for (unsigned int i = 0; i < domain->vcpu_count; i++) {
			struct fx_vcpu *vcpu = &domain->vcpus[i];

			if (vcpu->vm_event_waiting && (!first ||
				(int32_t)(vcpu->vm_event_ticket - first->vm_event_ticket) < 0))
				first = vcpu;
		}
		if (!first)
			break;
		/* V2: pairs with the acquire in fx_vcpu_runnable(), as all of these. */
		fx_store_release(&first->vm_event_waiting, false);
		domain->ring.waiting--;
		fx_woken_add(woken, first - domain->vcpus);
	}
}

/* Goes round from the vCPU woken last, so that none starves. */
static void wake_blocked(struct fx_domain *domain, uint32_t count, struct fx_woken *woken)
{
	struct fx_ring *ring = &domain->ring;

	for (unsigned int i = 1; i <= domain->vcpu_count && count && ring->blocked; i++) {
		unsigned int k = (domain->vm_event.last_vcpu_wake_up + i) % domain->vcpu_count;

		if (!domain->vcpus[k].vm_event_blocked)
			continue;
		fx_store_release(&domain->vcpus[k].vm_event_blocked, false);
		ring->blocked--;
		count--;
		fx_woken_add(woken, k);
		if (!count || !ring->blocked) {
			domain->vm_event.last_vcpu_wake_up = k;
			break;
		}
	}
}

void fx_vm_event_wake(struct fx_domain *domain, struct fx_woken *woken)
{
	const struct fx_ring *ring = &domain->ring;

	if (ring->waiting)
		wake_queued(domain, available(ring), woken);
	else if (ring->blocked)
		wake_blocked(domain, available(ring), woken);
}

static int wait_for_slot(struct fx_domain *domain, struct fx_vcpu *vcpu)
{
	vcpu->vm_event_ticket = domain->vm_event.next_ticket++;
	fx_store_relaxed(&vcpu->vm_event_waiting, true);        /* it is this vCPU's thread */
	domain->ring.waiting++;
	return -EAGAIN;
}

bool fx_vcpu_runnable(const struct fx_domain *domain, const struct fx_vcpu *vcpu)
{
	/* V1: pairs with the release in answer.c. */
	return !fx_load_acquire(&vcpu->vm_event_pause_count) &&
	       !fx_load_acquire(&vcpu->vm_event_blocked) &&
	       !fx_load_acquire(&vcpu->vm_event_waiting) && fx_load_acquire(&vcpu->up) &&
	       vcpu->exists && !vcpu->pause_count && !domain->pause_count &&
	       !fx_load_relaxed(&domain->shutdown);
}

/* ---- requests ---- */

static void keep_book(struct fx_domain *domain, struct fx_vcpu *vcpu, uint32_t reason)
{
	domain->statistics.requests++;
	domain->statistics.events[reason % 32]++;
	if (vcpu->opened == vcpu->closed)
		vcpu->opened = vcpu->closed = 0;
	if (vcpu->opened - vcpu->closed < FX_OPEN_REQUESTS)
		vcpu->opened_at[vcpu->opened++ % FX_OPEN_REQUESTS] = vcpu->reported_at;
}

/* How much of the union says something. Xen has zeros in the rest, and an initialiser of one
 * member need not make them. */
static size_t payload_size(uint32_t reason)
{
	vm_event_request_t *request = NULL;

	switch (reason) {
	case VM_EVENT_REASON_MEM_ACCESS: return sizeof(request->u.mem_access);
	case VM_EVENT_REASON_WRITE_CTRLREG: return sizeof(request->u.write_ctrlreg);
	case VM_EVENT_REASON_MOV_TO_MSR: return sizeof(request->u.mov_to_msr);
	case VM_EVENT_REASON_SOFTWARE_BREAKPOINT: return sizeof(request->u.software_breakpoint);
	case VM_EVENT_REASON_SINGLESTEP: return sizeof(request->u.singlestep);
	case VM_EVENT_REASON_DEBUG_EXCEPTION: return sizeof(request->u.debug_exception);
	case VM_EVENT_REASON_CPUID: return sizeof(request->u.cpuid);
	case VM_EVENT_REASON_DESCRIPTOR_ACCESS: return sizeof(request->u.desc_access);
	case VM_EVENT_REASON_INTERRUPT: return sizeof(request->u.interrupt);
	case VM_EVENT_REASON_VMEXIT: return sizeof(request->u.vmexit);
	default: return 0;              /* guest request, emulation unimplemented */
	}
}

/* Writes the request where it will lie: the slot is ours until req_prod passes it. */
static void put_request(struct fx_model *model, struct fx_domain *domain,
	const struct fx_vcpu *vcpu, const struct fx_event *event, bool sync)
{
	struct fx_ring *ring = &domain->ring;
	vm_event_sring_t *page = fx_ring_page(model, domain);
	vm_event_request_t *request = &page->ring[ring->req_prod_pvt % SLOTS].req;

	request->version = VM_EVENT_INTERFACE_VERSION;
	request->flags = (sync ? VM_EVENT_FLAG_VCPU_PAUSED : 0) |
			 (domain->altp2m_active ? VM_EVENT_FLAG_ALTERNATE_P2M : 0);
	request->reason = event->reason;
	request->vcpu_id = vcpu - domain->vcpus;
	request->altp2m_idx = domain->altp2m_active ? vcpu->view : 0;
	memset(request->_pad, 0, sizeof(request->_pad));
	memset(&request->u, 0, sizeof(request->u));
	memcpy(&request->u, &event->u, payload_size(event->reason));
	fx_registers_fill(&request->data.regs.x86, vcpu);
	ring->req_prod_pvt++;
	fx_store_relaxed(&domain->next_slot, ring->req_prod_pvt % SLOTS);
	/* X1: the consumer's acquire of req_prod sees the whole request. */
	fx_store_release(&page->req_prod, ring->req_prod_pvt);
}

void fx_vm_event_prefetch(struct fx_model *model, struct fx_domain *domain)
{
	const vm_event_sring_t *page;
	const char *slot;

	if (!domain->vm_event.enabled)
		return;
	__builtin_prefetch(&domain->lock, 1);
	page = fx_ring_page(model, domain);
	slot = (const char *)&page->ring[fx_load_relaxed(&domain->next_slot)];
	for (size_t at = 0; at < sizeof(page->ring[0]); at += 64)
		__builtin_prefetch(slot + at, 1);
}

int fx_vm_event_report(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain, struct fx_vcpu *vcpu, const struct fx_event *event, bool sync)
{
	struct fx_ring *ring = &domain->ring;
	struct fx_woken woken = { .any = false };

	if (!domain->vm_event.enabled)
		return 0;
	fx_domain_lock(model, host, domain);
	if (!domain->vm_event.enabled || !available(ring)) {
		int result = domain->vm_event.enabled ? wait_for_slot(domain, vcpu) : 0;

		fx_domain_unlock(domain);
		return result;
	}
	if (sync)
		vcpu->vm_event_pause_count++;
	vcpu->reported_at = host->now(host->opaque);
	keep_book(domain, vcpu, event->reason);
	put_request(model, domain, vcpu, event, sync);
	fx_vm_event_wake(domain, &woken);
	if (available(ring) < domain->vcpu_count && !vcpu->vm_event_pause_count &&
		!vcpu->vm_event_blocked) {
		fx_store_relaxed(&vcpu->vm_event_blocked, true);
		ring->blocked++;
	}
	fx_domain_unlock(domain);
	fx_woken_tell(&woken, model, host, domain);
	fx_port_notify_remote(model, host, domain, domain->vm_event.xen_port);
	return sync;
}

uint64_t fx_vm_event_missing(const struct fx_domain *domain)
{
	uint64_t missing = domain->statistics.abandoned;

	for (unsigned int i = 0; i < domain->vcpu_count; i++)
		missing += domain->vcpus[i].opened - domain->vcpus[i].closed;
	return missing;
}

/* ---- enable and disable ---- */

int fx_vm_event_enable(struct fx_model *model, struct fx_domain *domain, uint32_t *xen_port)
{
	struct fx_vm_event *ring = &domain->vm_event;
	uint64_t gfn = domain->params[HVM_PARAM_MONITOR_RING_PFN];
	const struct fx_p2m_entry *entry;
	int port;

	if (domain->state == FX_DOMAIN_DYING)
		return 0;
	if (!domain->vcpu_count || !domain->is_hvm)
		return -EINVAL;
	if (ring->enabled)
		return -EBUSY;
	if (!gfn)
		return -EOPNOTSUPP;
	entry = fx_p2m_entry(domain, gfn);
	if (!entry || entry->type != FX_P2M_RAM_RW)
		return -EINVAL;
	port = fx_port_allocate_xen(domain);
	if (port < 0)
		return port;
	memset(ring, 0, sizeof(*ring));
	memset(&domain->ring, 0, sizeof(domain->ring));
	fx_store_relaxed(&domain->next_slot, 0);
	ring->ring_gfn = gfn;
	ring->ring_frame = entry->frame;
	ring->xen_port = port;
	fx_frame(model, entry->frame)->ring = 1;
	/* As FRONT_RING_INIT: the page itself is the other side's to initialise. */
	ring->enabled = true;
	domain->monitor.msr_bitmaps = true;
	*xen_port = port;
	return 0;
}

/* arch_monitor_cleanup_domain(): everything is off, but intercepts stay as they are. */
static void forget_monitor(struct fx_monitor *monitor)
{
	struct fx_monitor clean = {
		.cr3_exiting = monitor->cr3_exiting,
		.descriptor_exiting = monitor->descriptor_exiting,
	};

	memcpy(clean.msr_intercepted, monitor->msr_intercepted, sizeof(clean.msr_intercepted));
	*monitor = clean;
}

/* vm_event_cleanup_domain(): what answers asked for and no vCPU has done is lost. */
static void forget_answers(struct fx_domain *domain)
{
	for (unsigned int i = 0; i < domain->vcpu_count; i++) {
		struct fx_vcpu_answer *answer = &domain->vcpus[i].answer;
		bool next_interrupt = answer->next_interrupt;

		memset(answer, 0, sizeof(*answer));
		answer->next_interrupt = next_interrupt;
	}
}

static void close_ring(struct fx_model *model, struct fx_domain *domain, struct fx_woken *woken)
{
	struct fx_vm_event *ring = &domain->vm_event;
	uint32_t frame = ring->ring_frame;

	fx_port_free_xen(model, domain, ring->xen_port);
	for (unsigned int i = 0; i < domain->vcpu_count; i++) {
		if (domain->vcpus[i].vm_event_blocked)
			fx_woken_add(woken, i);
		fx_store_release(&domain->vcpus[i].vm_event_blocked, false);
	}
	domain->statistics.abandoned = fx_vm_event_missing(domain);
	for (unsigned int i = 0; i < domain->vcpu_count; i++)
		domain->vcpus[i].opened = domain->vcpus[i].closed = 0;
	memset(ring, 0, sizeof(*ring));
	memset(&domain->ring, 0, sizeof(domain->ring));
	fx_frame(model, frame)->ring = 0;
	fx_frame_release(model, frame);
	forget_answers(domain);
}

int fx_vm_event_disable(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain)
{
	struct fx_woken woken = { .any = false };
	int error = 0;

	if (domain->state == FX_DOMAIN_DYING)
		return 0;
	fx_domain_lock(model, host, domain);
	if (!domain->vm_event.enabled) {
		fx_domain_unlock(domain);
		return -EINVAL;
	}
	if (domain->ring.waiting)
		error = -EBUSY;
	else
		close_ring(model, domain, &woken);
	forget_monitor(&domain->monitor);       /* also when it was busy */
	fx_domain_unlock(domain);
	fx_woken_tell(&woken, model, host, domain);
	return error;
}

int fx_vm_event_resume(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain)
{
	struct fx_woken woken = { .any = false };

	if (domain->state == FX_DOMAIN_DYING)
		return 0;
	fx_answers_prefetch(model, domain);
	fx_domain_lock(model, host, domain);
	if (!domain->vm_event.enabled) {
		fx_domain_unlock(domain);
		return -ENODEV;
	}
	fx_answers_drain(model, host, domain, &woken);
	fx_domain_unlock(domain);
	fx_woken_tell(&woken, model, host, domain);
	return 0;
}

void fx_vm_event_cleanup(struct fx_model *model, const struct fx_host *host,
	struct fx_domain *domain)
{
	struct fx_woken woken = { .any = false };

	fx_domain_lock(model, host, domain);
	for (unsigned int i = 0; i < domain->vcpu_count; i++)
		fx_store_release(&domain->vcpus[i].vm_event_waiting, false);
	if (domain->vm_event.enabled)
		close_ring(model, domain, &woken);
	forget_monitor(&domain->monitor);
	fx_domain_unlock(domain);
}
