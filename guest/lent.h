/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lent.h: opening a guest on a connection that somebody else has, and keeps. */
#ifndef RS_GUEST_LENT_H
#define RS_GUEST_LENT_H

#include <ringside/guest.h>

#include "xen/connection.h"

/*
 * As rs_guest_open, with default options. The connection outlives the guest. `max_gfn` is the
 * greatest frame that is the guest's own: what the caller has put above is not told.
 */
int rs_guest_open_lent(struct rs_guest **guest, struct rs_xen *xen, const struct rs_log *log,
		       uint32_t domain, uint64_t max_gfn);

#endif
