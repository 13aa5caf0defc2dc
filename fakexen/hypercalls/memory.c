/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory.c: memory_op: pages in and out of a domain, and what its pages may be used for
 * (xen/common/memory.c and mem_access.c of 4.17). Nothing here is interrupted half way, but
 * a caller may still start a call in the middle. The p2m is changed with the domain's lock
 * held, because an answer that is being consumed in some process looks at it. */
#include <errno.h>
#include <string.h>

#include "fakexen/hypercalls/private.h"
#include "fakexen/p2m.h"
#include "fakexen/vm_event.h"

#define EXTENT_SHIFT 6                  /* Xen's MEMOP_EXTENT_SHIFT: where to start is */
#define CMD_MASK ((1u << EXTENT_SHIFT) - 1)     /* above the command's own bits */
#define ORDER_MAX 18

/* ---- reservations ---- */

struct reservation {
	const struct fx_caller *caller;
	struct fx_domain *domain;
	xen_memory_reservation_t arguments;
};

/* All pages of an extent, or none. */
static int populate_extent(const struct reservation *r, uint64_t gfn)
{
	uint64_t count = 1ull << r->arguments.extent_order;

	if (r->domain->total_pages + count > r->domain->max_pages)
		return -ENOMEM;
	if (gfn + count > FX_GFNS) {
		fx_host_log(r->caller->host, "populating gfn %#llx: the model ends at %#x",
			(unsigned long long)gfn, FX_GFNS);
		return -ENOMEM;
	}
	for (uint64_t i = 0; i < count; i++) {
		int error = fx_p2m_populate(r->caller->model, r->domain, gfn + i);

		if (!error)
			continue;
		fx_host_log(r->caller->host, "populating gfn %#llx: %s",
			(unsigned long long)(gfn + i), strerror(-error));
		return error;
	}
	return 0;
}

static int decrease_extent(const struct reservation *r, uint64_t gfn)
{
	for (uint64_t i = 0; i < 1ull << r->arguments.extent_order; i++) {
		int error = fx_p2m_remove(r->caller->model, r->domain, gfn + i);

		if (error)
			return error;
	}
	return 0;
}

static int adjust_extent(const struct reservation *r, unsigned int op, uint64_t i)
{
	xen_pfn_t gfn;

	if (fx_copy_in(r->caller, &gfn, HANDLE_ADDRESS(r->arguments.extent_start) +
		    i * sizeof gfn, sizeof gfn))
		return -EFAULT;
	return op == XENMEM_populate_physmap ? populate_extent(r, gfn) : decrease_extent(r, gfn);
}

static int64_t adjust_reservation(const struct fx_caller *caller, unsigned int op, uint64_t start,
	uint64_t address)
{
	struct reservation r = { .caller = caller };
	uint64_t done = start;

	/* Whatever is wrong, the answer is how many extents are done. */
	if (fx_copy_in(caller, &r.arguments, address, sizeof r.arguments) ||
		r.arguments.nr_extents > UINT32_MAX >> EXTENT_SHIFT ||
		start >= r.arguments.nr_extents || r.arguments.extent_order > ORDER_MAX)
		return start;
	r.domain = fx_domain_any(caller, r.arguments.domid);
	if (!r.domain || r.domain->id == 0)
		return start;
	fx_domain_lock(caller->model, caller->host, r.domain);
	while (done < r.arguments.nr_extents && !adjust_extent(&r, op, done))
		done++;
	fx_domain_unlock(r.domain);
	return done;
}

/* ---- numbers ---- */

static int64_t domain_number(const struct fx_caller *caller, unsigned int op, uint64_t address)
{
	struct xen_memory_domain arguments;
	const struct fx_domain *domain;

	if (fx_copy_in(caller, &arguments, address, sizeof arguments))
		return -EFAULT;
	domain = fx_domain_any(caller, arguments.domid);
	if (!domain)
		return -ESRCH;
	switch (op) {
	case XENMEM_current_reservation:
		return domain->total_pages;
	case XENMEM_maximum_reservation:
		return domain->max_pages;
	default:
		return domain->max_gfn;
	}
}

/* ---- the physmap ---- */

static int64_t add_to_physmap(const struct fx_caller *caller, uint64_t address)
{
	struct xen_add_to_physmap arguments;
	struct fx_domain *domain;
	int error;

	if (fx_copy_in(caller, &arguments, address, sizeof arguments))
		return -EFAULT;
	if (arguments.space == XENMAPSPACE_gmfn_foreign)
		return -ENOSYS;
	domain = fx_domain_any(caller, arguments.domid);
	if (!domain)
		return -ESRCH;
	if (!domain->is_hvm)
		return -EACCES;
	if (arguments.gpfn == ~(xen_pfn_t)0)
		return -EINVAL;
	if (arguments.space != XENMAPSPACE_gmfn)
		return fx_unmodelled(caller, "add_to_physmap of space %u", arguments.space);
	fx_domain_lock(caller->model, caller->host, domain);
	error = fx_p2m_move(caller->model, domain, arguments.idx, arguments.gpfn);
	fx_domain_unlock(domain);
	return error;
}

static int64_t remove_from_physmap(const struct fx_caller *caller, uint64_t address)
{
	struct xen_remove_from_physmap arguments;
	struct fx_domain *domain;
	int error;

	if (fx_copy_in(caller, &arguments, address, sizeof arguments))
		return -EFAULT;
	domain = fx_domain_any(caller, arguments.domid);
	if (!domain)
		return -ESRCH;
	if (!domain->is_hvm)
		return -EACCES;
	fx_domain_lock(caller->model, caller->host, domain);
	error = fx_p2m_remove(caller->model, domain, arguments.gpfn);
	fx_domain_unlock(domain);
	return error;
}

/* ---- access ---- */

static int64_t set_access_range(struct fx_model *model, struct fx_domain *domain,
	const xen_mem_access_op_t *op, uint64_t start)
{
	if (op->pfn == ~(uint64_t)0)
		return fx_view_set_access(model, domain, 0, op->pfn, op->access);
	if (op->nr < start || op->pfn + op->nr - 1 < op->pfn ||
		op->pfn + op->nr - 1 > domain->max_gfn)
		return -EINVAL;
	if (op->access > XENMEM_access_default)
		return -EINVAL;
	for (uint64_t i = start; i < op->nr; i++) {
		int error = fx_view_set_access(model, domain, 0, op->pfn + i, op->access);

		if (error)
			return error;
	}
	return 0;
}

/* Some entries of the list, copied at once; fewer where the caller's memory ends. */
struct access_chunk {
	uint64_t gfns[64];
	uint8_t accesses[64];
};

static uint32_t copy_chunk(const struct fx_caller *caller, const struct fx_access_list *list,
	uint32_t from, struct access_chunk *chunk)
{
	uint32_t count = list->count - from < 64 ? list->count - from : 64;

	while (count && (fx_copy_in(caller, chunk->gfns, list->gfns + from * sizeof(uint64_t),
				count * sizeof(uint64_t)) ||
				fx_copy_in(caller, chunk->accesses, list->accesses + from, count)))
		count /= 2;
	return count;
}

int fx_set_access_list(const struct fx_caller *caller, struct fx_domain *domain,
	const struct fx_access_list *list)
{
	struct access_chunk chunk;
	uint32_t count;

	for (uint32_t from = list->start; from < list->count; from += count) {
		count = copy_chunk(caller, list, from, &chunk);
		if (!count)
			return -EFAULT;
		for (uint32_t i = 0; i < count; i++) {
			int error = fx_view_set_access(caller->model, domain, list->view,
				chunk.gfns[i], chunk.accesses[i]);

			if (error)
				return error;
		}
	}
	return 0;
}

static int64_t get_access(const struct fx_caller *caller, struct fx_domain *domain,
	xen_mem_access_op_t *op, uint64_t address)
{
	int error;

	if (op->pfn > domain->max_gfn && op->pfn != ~(uint64_t)0)
		return -EINVAL;
	error = fx_view_get_access(caller->model, domain, 0, op->pfn, &op->access);
	if (error)
		return error;
	return fx_copy_out(caller, address + offsetof(xen_mem_access_op_t, access), &op->access,
		sizeof op->access);
}

static int64_t carry_out(const struct fx_caller *caller, struct fx_domain *domain,
	xen_mem_access_op_t *op, uint64_t start, uint64_t address)
{
	switch (op->op) {
	case XENMEM_access_op_set_access:
		return set_access_range(caller->model, domain, op, start);
	case XENMEM_access_op_set_access_multi:
		return fx_set_access_list(caller, domain, &(struct fx_access_list){
			.gfns = HANDLE_ADDRESS(op->pfn_list),
			.accesses = HANDLE_ADDRESS(op->access_list), .start = start,
			.count = op->nr });
	case XENMEM_access_op_get_access:
		return start ? -ENOSYS : get_access(caller, domain, op, address);
	default:
		return -ENOSYS;
	}
}

static int64_t access_op(const struct fx_caller *caller, uint64_t start, uint64_t address)
{
	xen_mem_access_op_t op;
	struct fx_domain *domain;
	int64_t result;

	if (fx_copy_in(caller, &op, address, sizeof op))
		return -EFAULT;
	domain = fx_domain_find(caller->model, op.domid);
	if (!domain)
		return -ESRCH;
	if (domain->id == 0)
		return -EPERM;
	if (domain->state == FX_DOMAIN_DYING || !domain->is_hvm)
		return -EINVAL;
	if (!domain->vm_event.enabled)
		return -ENODEV;
	fx_domain_lock(caller->model, caller->host, domain);
	result = carry_out(caller, domain, &op, start, address);
	fx_domain_unlock(domain);
	return result;
}

int64_t fx_memory_op(const struct fx_caller *caller, uint64_t cmd, uint64_t address)
{
	unsigned int op = cmd & CMD_MASK;
	uint64_t start = cmd >> EXTENT_SHIFT;

	switch (op) {
	case XENMEM_populate_physmap:
	case XENMEM_decrease_reservation:
		return adjust_reservation(caller, op, start, address);
	case XENMEM_maximum_ram_page:
		return start ? -EINVAL : (int64_t)caller->model->frame_count;
	case XENMEM_current_reservation:
	case XENMEM_maximum_reservation:
	case XENMEM_maximum_gpfn:
		return start ? -EINVAL : domain_number(caller, op, address);
	case XENMEM_add_to_physmap:
		return add_to_physmap(caller, address);
	case XENMEM_remove_from_physmap:
		return start ? -EINVAL : remove_from_physmap(caller, address);
	case XENMEM_access_op:
		/* Here a start is kept where it was: its low bits are the command. */
		return access_op(caller, cmd & ~(uint64_t)CMD_MASK, address);
	case XENMEM_get_sharing_freed_pages:
	case XENMEM_get_sharing_shared_pages:
		return 0;               /* built without sharing, Xen says so too */
	default:
		return fx_unmodelled(caller, "memory_op %u", op);
	}
}
