/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* domain.c: asking about a domain, and pausing it. */
#include <errno.h>
#include <string.h>

#include "journal/top.h"
#include "xen/domain.h"
#include "xen/private.h"

int rs_xen_domain_read(struct rs_xen *xen, uint32_t domain, struct rs_xen_domain *info)
{
	xc_domaininfo_t raw = { 0 };
	uint32_t code;
	/* xc_domain_getinfolist, since it is there in all releases from 4.14 to 4.20. */
	int count = xc_domain_getinfolist(xen->control, domain, 1, &raw);

	if (count < 0)
		return rs_xen_fail(xen, "xc_domain_getinfolist", domain);
	if (count == 0 || raw.domain != domain)
		return rs_fail(ESRCH, "there is no domain %u: see xl list", domain);

	code = raw.flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask;
	memset(info, 0, sizeof(*info));
	info->hvm = raw.flags & XEN_DOMINF_hvm_guest;
	info->hap = raw.flags & XEN_DOMINF_hap;
	info->paused = raw.flags & XEN_DOMINF_paused;
	info->dying = raw.flags & XEN_DOMINF_dying;
	info->ended = (raw.flags & XEN_DOMINF_shutdown) && code != SHUTDOWN_suspend;
	info->suspended = (raw.flags & XEN_DOMINF_shutdown) && code == SHUTDOWN_suspend;
	info->vcpu_count = raw.max_vcpu_id + 1;
	memcpy(info->handle, raw.handle, sizeof(info->handle));
	info->memory_bytes = raw.tot_pages * XC_PAGE_SIZE;
	return 0;
}

int rs_xen_domain_max_pages(struct rs_xen *xen, uint32_t domain, uint64_t *pages)
{
	xc_domaininfo_t raw = { 0 };

	*pages = 0;
	if (xc_domain_getinfolist(xen->control, domain, 1, &raw) < 0)
		return rs_xen_fail(xen, "xc_domain_getinfolist", domain);
	*pages = raw.max_pages;
	return 0;
}

int rs_xen_domain_set_max_pages(struct rs_xen *xen, uint32_t domain, uint64_t pages)
{
	uint64_t before = 0;
	int error = 0;

	if (xen->journal && !xen->journal->max_pages)
		error = rs_xen_domain_max_pages(xen, domain, &before);
	if (error)
		return error;
	rs_journal_max_pages(xen->journal, before);
	error = rs_xen_check(xen,
			     xc_domain_setmaxmem(xen->control, domain, pages * (XC_PAGE_SIZE / 1024)),
			     "xc_domain_setmaxmem", domain);
	if (!error && xen->journal && xen->journal->max_pages == pages)
		rs_journal_forget_max_pages(xen->journal);
	return error;
}

int rs_xen_domain_max_gfn(struct rs_xen *xen, uint32_t domain, uint64_t *gfn)
{
	xen_pfn_t max = 0;
	int error = rs_xen_check(xen, xc_domain_maximum_gpfn(xen->control, domain, &max),
				 "xc_domain_maximum_gpfn", domain);

	*gfn = max;
	return error;
}

int rs_xen_domain_top(struct rs_xen *xen, uint32_t domain, uint64_t *gfn)
{
	struct rs_xen_domain info;
	int error = rs_xen_domain_max_gfn(xen, domain, gfn);

	if (!error)
		error = rs_xen_domain_read(xen, domain, &info);
	if (!error)
		*gfn = rs_top_before(domain, info.handle, *gfn);
	return error;
}

/* Where there can be no file the next pages lie above these. */
void rs_xen_domain_note_top(struct rs_xen *xen, uint32_t domain, uint64_t first, uint64_t end)
{
	struct rs_xen_domain info;

	if (!rs_xen_domain_read(xen, domain, &info))
		rs_top_note(domain, info.handle, first, end);
}

/* Asked for the first of several pauses only, and if somebody wants to know. */
static bool is_paused(struct rs_xen *xen, uint32_t domain)
{
	struct rs_xen_domain info;

	return xen->journal && !rs_journal_pauses(xen->journal).certain &&
	       !rs_xen_domain_read(xen, domain, &info) && info.paused;
}

int rs_xen_domain_pause(struct rs_xen *xen, uint32_t domain)
{
	int result;

	rs_journal_pause_begin(xen->journal, is_paused(xen, domain));
	result = xc_domain_pause(xen->control, domain);
	rs_journal_pause_end(xen->journal, !result);
	return rs_xen_check(xen, result, "xc_domain_pause", domain);
}

int rs_xen_domain_unpause(struct rs_xen *xen, uint32_t domain)
{
	int result;

	rs_journal_unpause_begin(xen->journal);
	result = xc_domain_unpause(xen->control, domain);
	rs_journal_unpause_end(xen->journal);
	return rs_xen_check(xen, result, "xc_domain_unpause", domain);
}
