/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* private.h: an opened guest. */
#ifndef RS_GUEST_PRIVATE_H
#define RS_GUEST_PRIVATE_H

#include <ringside/guest.h>

#include "guest/cache.h"
#include "xen/connection.h"

struct rs_guest {
	struct rs_log log;
	struct rs_xen *xen;
	bool lent; /* the connection: somebody else closes it */
	uint32_t domain;
	uint32_t vcpu_count;
	uint64_t max_gfn;
	struct rs_xen_foreign *foreign;
	struct rs_cache cache;
	uint32_t pauses; /* that this handle has not taken back */
	char name[64];
};

/*
 * Notes why a frame cannot be had: `error` is what Xen said of it, -EINVAL where nothing is.
 * Returns what the caller returns.
 */
int rs_guest_fail_frame(const struct rs_guest *guest, const char *what, uint64_t gfn, int error)
	__attribute__((cold));

/* control.c: takes back what is left of its pauses. */
void rs_guest_resume_all(struct rs_guest *guest);

/* Does [address, address + size) lie below 2^64? Else -EINVAL and its text. */
int rs_guest_check_range(const struct rs_guest *guest, uint64_t address, uint64_t size);

#endif
