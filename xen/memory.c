/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory.c: foreign mappings and the access of pages in the host's map. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <ringside/event.h>

#include "xen/memory.h"
#include "xen/private.h"

/* Ours are Xen's numbers: it takes the bits R 1, W 2, X 4 as an enumeration. */
_Static_assert(XENMEM_access_r == (int)RS_ACCESS_R, "access numbers");
_Static_assert(XENMEM_access_rw == (int)(RS_ACCESS_R | RS_ACCESS_W), "access numbers");
_Static_assert(XENMEM_access_rx == (int)(RS_ACCESS_R | RS_ACCESS_X), "access numbers");
_Static_assert(XENMEM_access_rwx == 7, "access numbers");

#define ACCESS_ALL (RS_ACCESS_R | RS_ACCESS_W | RS_ACCESS_X)
#define MAP_MAX 1024 /* also of populate and remove */
/* Xen's preemption makes any length right; shorter calls hold its locks for less. */
#define ACCESS_BATCH 65536

int rs_xen_memory_map(struct rs_xen *xen, uint32_t domain, uint64_t gfn, size_t count,
		      bool writable, void **pages)
{
	xen_pfn_t frames[MAP_MAX];
	int errors[MAP_MAX];

	*pages = NULL;
	if (!count || count > MAP_MAX)
		return rs_fail(EINVAL, "%zu pages cannot be mapped at once", count);
	for (size_t i = 0; i < count; i++)
		frames[i] = gfn + i;
	*pages = xenforeignmemory_map(xen->memory, domain,
				      writable ? PROT_READ | PROT_WRITE : PROT_READ, count,
				      frames, errors);
	if (!*pages)
		return rs_xen_fail(xen, "xenforeignmemory_map", domain);
	for (size_t i = 0; i < count; i++) {
		if (!errors[i])
			continue;
		xenforeignmemory_unmap(xen->memory, *pages, count);
		*pages = NULL;
		errno = -errors[i];
		return rs_xen_fail_cure(xen, "xenforeignmemory_map", domain,
					"the page is no RAM of the guest");
	}
	return 0;
}

void rs_xen_memory_unmap(struct rs_xen *xen, void *pages, size_t count)
{
	if (pages)
		xenforeignmemory_unmap(xen->memory, pages, count);
}

int rs_xen_memory_read(struct rs_xen *xen, uint32_t domain, uint64_t gfn, uint32_t offset,
		       void *bytes, size_t size)
{
	void *page;
	int error;

	if (offset >= XC_PAGE_SIZE || size > XC_PAGE_SIZE - offset)
		return rs_fail(EINVAL, "a read of %zu bytes at %#x leaves its page", size,
			       offset);
	error = rs_xen_memory_map(xen, domain, gfn, 1, false, &page);
	if (error)
		return error;
	memcpy(bytes, (const char *)page + offset, size);
	rs_xen_memory_unmap(xen, page, 1);
	return 0;
}

int rs_xen_memory_access(struct rs_xen *xen, uint32_t domain, uint64_t first_gfn, uint64_t count,
			 uint32_t access)
{
	if (access != ACCESS_ALL)
		rs_journal_closed(xen->journal, first_gfn, count);
	while (count) {
		uint32_t batch = count < ACCESS_BATCH ? (uint32_t)count : ACCESS_BATCH;

		if (xc_set_mem_access(xen->control, domain, (xenmem_access_t)access, first_gfn,
				      batch) < 0)
			return rs_xen_fail(xen, "xc_set_mem_access", domain);
		first_gfn += batch;
		count -= batch;
	}
	return 0;
}

/* Replaces `count` frame numbers in hypercall memory by the types of their pages. */
static int read_types(struct rs_xen *xen, uint32_t domain, xen_pfn_t *frames, uint32_t count)
{
	struct xen_domctl call = {
		.cmd = XEN_DOMCTL_getpageframeinfo3,
		.domain = (domid_t)domain,
		.u.getpageframeinfo3.num = count,
	};

	set_xen_guest_handle_raw(call.u.getpageframeinfo3.array, frames);
	return rs_xen_check(xen, rs_xen_domctl(xen, &call), "XEN_DOMCTL_getpageframeinfo3",
			    domain);
}

int rs_xen_memory_is_ram(struct rs_xen *xen, uint32_t domain, uint64_t gfn, uint32_t count,
			 uint64_t bits[RS_XEN_MEMORY_TYPES / 64])
{
	xen_pfn_t *types = xencall_alloc_buffer(xen->call, count * sizeof(*types));
	int error;

	if (!types)
		return rs_xen_fail(xen, "xencall_alloc_buffer", domain);
	for (uint32_t i = 0; i < count; i++)
		types[i] = gfn + i;
	error = read_types(xen, domain, types, count);
	memset(bits, 0, RS_XEN_MEMORY_TYPES / 8);
	for (uint32_t i = 0; !error && i < count; i++)
		if ((types[i] & XEN_DOMCTL_PFINFO_LTAB_MASK) != XEN_DOMCTL_PFINFO_XTAB)
			bits[i / 64] |= 1ULL << i % 64;
	xencall_free_buffer(xen->call, types);
	return error;
}

int rs_xen_memory_count(struct rs_xen *xen, uint32_t domain, uint64_t gfn, uint64_t count,
			uint64_t *ram, uint64_t *first_missing)
{
	uint64_t bits[RS_XEN_MEMORY_TYPES / 64];
	int error = 0;

	*ram = 0;
	*first_missing = UINT64_MAX;
	while (count && !error) {
		uint32_t batch = count < RS_XEN_MEMORY_TYPES ? (uint32_t)count : RS_XEN_MEMORY_TYPES;

		error = rs_xen_memory_is_ram(xen, domain, gfn, batch, bits);
		for (uint32_t i = 0; !error && i < batch; i++) {
			bool is_ram = bits[i / 64] & 1ULL << i % 64;

			*ram += is_ram;
			if (!is_ram && *first_missing == UINT64_MAX)
				*first_missing = gfn + i;
		}
		gfn += batch;
		count -= batch;
	}
	return error;
}

int rs_xen_memory_populate(struct rs_xen *xen, uint32_t domain, uint64_t gfn, uint32_t count)
{
	xen_pfn_t frames[MAP_MAX];

	if (count > MAP_MAX)
		return rs_fail(EINVAL, "%u pages cannot be populated at once", count);
	for (uint32_t i = 0; i < count; i++)
		frames[i] = gfn + i;
	rs_journal_added(xen->journal, gfn, count);
	if (xc_domain_populate_physmap_exact(xen->control, domain, count, 0, 0, frames) == 0)
		return 0;
	/* Xen says only how many were done. */
	errno = ENOMEM;
	return rs_xen_fail(xen, "xc_domain_populate_physmap_exact", domain);
}

int rs_xen_memory_remove(struct rs_xen *xen, uint32_t domain, uint64_t gfn, uint32_t count)
{
	xen_pfn_t frames[MAP_MAX];
	uint64_t first = gfn, end = gfn + count;

	while (count) {
		uint32_t batch = count < MAP_MAX ? count : MAP_MAX;

		for (uint32_t i = 0; i < batch; i++)
			frames[i] = gfn + i;
		if (xc_domain_decrease_reservation_exact(xen->control, domain, batch, 0, frames))
			return rs_xen_fail(xen, "xc_domain_decrease_reservation_exact", domain);
		gfn += batch;
		count -= batch;
	}
	rs_journal_removed(xen->journal, first, end - first);
	return 0;
}

/* By the domctl itself: libxenctrl's call has had three shapes. */
static int pool_op(struct rs_xen *xen, uint32_t domain, uint32_t op, uint32_t *mib)
{
	struct xen_domctl call = {
		.cmd = XEN_DOMCTL_shadow_op,
		.domain = (domid_t)domain,
		.u.shadow_op.op = op,
		.u.shadow_op.mb = *mib,
	};
	int error = rs_xen_check(xen, rs_xen_domctl(xen, &call), "XEN_DOMCTL_shadow_op", domain);

	*mib = call.u.shadow_op.mb;
	return error;
}

int rs_xen_memory_pool(struct rs_xen *xen, uint32_t domain, uint32_t *mib)
{
	*mib = 0;
	return pool_op(xen, domain, XEN_DOMCTL_SHADOW_OP_GET_ALLOCATION, mib);
}

int rs_xen_memory_set_pool(struct rs_xen *xen, uint32_t domain, uint32_t mib)
{
	uint32_t before = 0, wanted = mib;
	int error = 0;

	if (xen->journal && !xen->journal->pool_mib)
		error = rs_xen_memory_pool(xen, domain, &before);
	if (error)
		return error;
	rs_journal_pool(xen->journal, before);
	error = pool_op(xen, domain, XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION, &mib);
	if (!error && xen->journal && xen->journal->pool_mib == wanted)
		rs_journal_forget_pool(xen->journal);
	return error;
}

bool rs_xen_memory_can_reset_forks(struct rs_xen *xen)
{
	if (!rs_xen_at_least(xen, 4, 17))
		return false;
	/* A Xen without memory sharing does not know the call; one without audits of it does. */
	return xc_memshr_audit(xen->control) >= 0 || errno != ENOSYS;
}

uint32_t rs_xen_memory_access_default(const struct rs_xen *xen)
{
	return rs_xen_at_least(xen, 4, 20) ? 11 : 10;
}
