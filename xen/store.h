/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* store.h: what xenstore knows: the names of domains, and when one is released. */
#ifndef RS_XEN_STORE_H
#define RS_XEN_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xen/connection.h"

/*
 * The number of a domain that is given by number or by name. A number is taken as it
 * stands; whether there is such a domain is for rs_xen_domain_read to say.
 * -ESRCH: nobody has that name. -ENOENT: a name, but no xenstore. -EINVAL: "".
 */
int rs_xen_store_find(struct rs_xen *xen, const char *domain, uint32_t *id);

/* The same by name alone, of a domain whose number is not `other`. */
int rs_xen_store_find_other(struct rs_xen *xen, const char *name, uint32_t other, uint32_t *id);

/* Has the toolstack built it, so that it may run? */
bool rs_xen_store_introduced(struct rs_xen *xen, uint32_t domain);

/* A domain's name, cut to `size`; "" where xenstore has none. */
void rs_xen_store_name(struct rs_xen *xen, uint32_t domain, char *name, size_t size);

/*
 * Begins to watch for domains that end. Returns a descriptor, owned by the connection, that
 * becomes readable when some domain ended, and once at first; or -errno.
 */
int rs_xen_store_watch_release(struct rs_xen *xen);

/* The same for domains that a toolstack has built, on the same descriptor. */
int rs_xen_store_watch_introduce(struct rs_xen *xen);

/* Empties that descriptor. True if a domain ended (or began) since the last call. Does not block. */
bool rs_xen_store_released(struct rs_xen *xen);

#endif
