/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* probe_views.c: asks Xen which views a domain has, whoever made them, and what they say. */
#include <errno.h>

#include <ringside/view.h>

#include "xen/altp2m.h"
#include "xen/connection.h"
#include "xen/domain.h"
#include "xen/store.h"

static int open_domain(const char *name, struct rs_xen **xen, uint32_t *domain,
		       struct rs_xen_domain *info)
{
	int error = rs_xen_open(xen, NULL);

	if (error)
		return error;
	error = rs_xen_store_find(*xen, name, domain);
	if (!error)
		error = rs_xen_domain_read(*xen, *domain, info);
	if (error)
		rs_xen_close(*xen);
	return error;
}

static int count_vcpus(struct rs_xen *xen, uint32_t domain, uint32_t vcpu_count,
		       struct rs_view_probe *views, size_t count)
{
	for (uint32_t vcpu = 0; vcpu < vcpu_count; vcpu++) {
		uint16_t view;
		int error = rs_xen_altp2m_view_of(xen, domain, vcpu, &view);

		if (error)
			return error;
		for (size_t i = 0; i < count; i++)
			views[i].vcpu_count += views[i].view == view;
	}
	return 0;
}

int rs_probe_views(const char *name, struct rs_view_probe *views, size_t max)
{
	struct rs_xen_domain info;
	struct rs_xen *xen;
	uint32_t domain;
	size_t count = 0;
	int error = open_domain(name, &xen, &domain, &info);

	if (error)
		return error;
	for (uint16_t view = 0; view < rs_xen_altp2m_view_max(xen); view++) {
		if (!rs_xen_altp2m_exists(xen, domain, view))
			continue;
		if (count < max)
			views[count] = (struct rs_view_probe){ .view = view };
		count++;
	}
	if (count)
		error = count_vcpus(xen, domain, info.vcpu_count, views, count < max ? count : max);
	rs_xen_close(xen);
	return error ? error : (int)count;
}

int rs_probe_pages(const char *name, uint16_t view, uint64_t first_gfn, size_t count,
		   uint8_t *access)
{
	struct rs_xen_domain info;
	struct rs_xen *xen;
	uint32_t domain, found;
	int error = open_domain(name, &xen, &domain, &info);

	if (error)
		return error;
	for (size_t i = 0; i < count && !error; i++) {
		error = rs_xen_altp2m_read_access(xen, domain, view, first_gfn + i, &found);
		access[i] = error || found > 7 ? RS_ACCESS_UNKNOWN : (uint8_t)found;
		if (error == -ENODATA)
			error = 0;
	}
	rs_xen_close(xen);
	return error;
}
