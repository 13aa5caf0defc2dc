/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* foreign.c: see foreign.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "xen/foreign.h"
#include "xen/private.h"

#define FRAMES_ON_STACK 1024

struct rs_xen_foreign {
	struct rs_xen *xen;
	uint32_t domain;
	xenforeignmemory_handle *handle;
};

int rs_xen_foreign_open(struct rs_xen_foreign **out, struct rs_xen *xen, uint32_t domain)
{
	struct rs_xen_foreign *foreign = calloc(1, sizeof(*foreign));

	*out = NULL;
	if (!foreign)
		return rs_fail(ENOMEM, "no memory for a handle of domain %u's memory", domain);
	foreign->xen = xen;
	foreign->domain = domain;
	foreign->handle = xenforeignmemory_open(&xen->logger.vtable, 0);
	if (!foreign->handle) {
		int error = rs_xen_fail(xen, "xenforeignmemory_open", domain);

		free(foreign);
		return error;
	}
	if (xenforeignmemory_restrict(foreign->handle, (domid_t)domain))
		rs_log(&xen->log, RS_LOG_WARNING,
		       "xenforeignmemory_restrict, domain %u: %s: the handle of its memory is "
		       "good for other domains too", domain, strerror(errno));
	*out = foreign;
	return 0;
}

void rs_xen_foreign_close(struct rs_xen_foreign *foreign)
{
	if (!foreign)
		return;
	xenforeignmemory_close(foreign->handle);
	free(foreign);
}

int rs_xen_foreign_map(struct rs_xen_foreign *foreign, uint64_t gfn, size_t count, bool writable,
		       void **pages, int *errors)
{
	xen_pfn_t some[FRAMES_ON_STACK];
	xen_pfn_t *frames = some;
	int error = 0;

	*pages = NULL;
	if (count > FRAMES_ON_STACK)
		frames = calloc(count, sizeof(*frames));
	if (!frames)
		return rs_fail(ENOMEM, "no memory for the numbers of %zu frames", count);
	for (size_t i = 0; i < count; i++)
		frames[i] = gfn + i;
	*pages = xenforeignmemory_map(foreign->handle, foreign->domain,
				      writable ? PROT_READ | PROT_WRITE : PROT_READ, count,
				      frames, errors);
	if (!*pages)
		error = rs_xen_fail(foreign->xen, "xenforeignmemory_map", foreign->domain);
	if (frames != some)
		free(frames);
	return error;
}

void rs_xen_foreign_unmap(struct rs_xen_foreign *foreign, void *pages, size_t count)
{
	if (pages)
		xenforeignmemory_unmap(foreign->handle, pages, count);
}
