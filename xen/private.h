/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* private.h: what only the files of this folder know: Xen's own types. */
#ifndef RS_XEN_PRIVATE_H
#define RS_XEN_PRIVATE_H

/* First: it defines __XEN_TOOLS__, which the others need. */
#include <xenctrl.h>
#include <xencall.h>
#include <xendevicemodel.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xenstore.h>
#include <xentoollog.h>

#include "journal/journal.h"
#include "xen/connection.h"
#include "xen/interrupt.h"

struct rs_xen_logger {
	struct xentoollog_logger vtable; /* first: libxenctrl knows only this */
	const struct rs_log *log;
};

struct rs_xen {
	struct rs_xen_logger logger;
	struct rs_log log;
	struct rs_journal *journal; /* NULL: nobody undoes what we change */
	xc_interface *control;
	xenevtchn_handle *events;
	struct rs_interrupt interrupt; /* of the one event channel that is bound there */
	struct xs_handle *store; /* NULL: no xenstore */
	/* Lent by `control`. */
	xencall_handle *call;
	xenforeignmemory_handle *memory;
	xendevicemodel_handle *model;
	uint32_t major, minor;
	char extra[16];
};

/*
 * A domctl that libxenctrl has no call for. Pointers in it must be to memory from
 * xencall_alloc_buffer. Returns as libxenctrl does: 0, or -1 and errno.
 */
int rs_xen_domctl(const struct rs_xen *xen, struct xen_domctl *call);

/* For calls that return 0, or -1 and set errno. */
static inline int rs_xen_check(const struct rs_xen *xen, int result, const char *call,
			       uint32_t domain)
{
	return result >= 0 ? 0 : rs_xen_fail(xen, call, domain);
}

#endif
