/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* shadows.c: populates pages above the guest's memory, some at a time. */
#include "altp2m/shadows.h"

#include <errno.h>
#include <inttypes.h>

#include "xen/domain.h"
#include "xen/error.h"
#include "xen/memory.h"

#define CHUNK 32

static int begin(struct rs_shadows *shadows)
{
	uint64_t last, max_gfn;
	int error = rs_xen_domain_top(shadows->xen, shadows->domain, &last);

	if (!error)
		error = rs_xen_domain_max_gfn(shadows->xen, shadows->domain, &max_gfn);
	if (!error)
		error = rs_xen_domain_max_pages(shadows->xen, shadows->domain,
						&shadows->max_pages);
	if (error)
		return error;
	shadows->first_gfn = last + 1;
	shadows->end_gfn = max_gfn + 1;
	return 0;
}

/* Something else may have come there meanwhile. */
static int check_free(struct rs_shadows *shadows, uint64_t gfn, uint32_t count)
{
	uint64_t ram, missing;
	int error = rs_xen_memory_count(shadows->xen, shadows->domain, gfn, count, &ram, &missing);

	if (error || !ram)
		return error;
	return rs_fail(ENOSPC,
		       "domain %u: the guest has memory at %#" PRIx64 " by now, where shadow pages "
		       "were to be", shadows->domain, gfn);
}

/* Xen will never say again that the guest ended below them. */
static void remember(struct rs_shadows *shadows, uint64_t end)
{
	if (end > shadows->end_gfn)
		shadows->end_gfn = end;
	rs_xen_domain_note_top(shadows->xen, shadows->domain, shadows->first_gfn,
			       shadows->end_gfn);
}

static int populate(struct rs_shadows *shadows, uint32_t count)
{
	uint64_t gfn = shadows->first_gfn + shadows->count;
	int error = check_free(shadows, gfn, count);

	if (!error)
		error = rs_xen_domain_set_max_pages(shadows->xen, shadows->domain,
						    shadows->max_pages + shadows->count + count);
	if (error)
		return error;
	remember(shadows, gfn + count);
	error = rs_xen_memory_populate(shadows->xen, shadows->domain, gfn, count);
	if (!error)
		shadows->count += count;
	return error;
}

int rs_shadows_take(struct rs_shadows *shadows, uint64_t *gfn)
{
	int error = shadows->first_gfn ? 0 : begin(shadows);

	if (!error && shadows->taken == shadows->count) {
		error = populate(shadows, CHUNK);
		if (error)
			error = populate(shadows, 1);
	}
	if (error)
		return error;
	*gfn = shadows->first_gfn + shadows->taken++;
	return 0;
}

int rs_shadows_release(struct rs_shadows *shadows)
{
	uint32_t count = shadows->count;
	int error = 0, result;

	shadows->count = shadows->taken = 0;
	if (count)
		error = rs_xen_memory_remove(shadows->xen, shadows->domain, shadows->first_gfn,
					     count);
	if (!shadows->first_gfn)
		return error;
	shadows->first_gfn = 0;
	result = rs_xen_domain_set_max_pages(shadows->xen, shadows->domain, shadows->max_pages);
	return error ? error : result;
}
