/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * foreign.h: mappings of one domain's memory, by a handle that is good for that domain only.
 *
 * A mapping holds its pages: what the guest gives away while it is mapped stays readable in it,
 * and is the guest's no more; and a destroyed domain is not gone before the last is unmapped. A
 * mapping does not survive a fork. Any thread.
 */
#ifndef RS_XEN_FOREIGN_H
#define RS_XEN_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xen/connection.h"

struct rs_xen_foreign;

/* Where the kernel cannot restrict a handle (before Linux 4.13), it says so in the log. */
int rs_xen_foreign_open(struct rs_xen_foreign **foreign, struct rs_xen *xen, uint32_t domain);
void rs_xen_foreign_close(struct rs_xen_foreign *foreign);

/*
 * Maps `count` frames from `gfn` on, by one call of the kernel's. errors[i] is 0 where a page
 * is, and -errno where none could be mapped: there an access is a SIGBUS. 0 although all of
 * them may have failed, or -errno: nothing is mapped.
 */
int rs_xen_foreign_map(struct rs_xen_foreign *foreign, uint64_t gfn, size_t count, bool writable,
		       void **pages, int *errors);
void rs_xen_foreign_unmap(struct rs_xen_foreign *foreign, void *pages, size_t count);

#endif
