/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * translate.h: from a guest's linear addresses to its physical ones, by its own page tables.
 *
 * All of x86's ways to page (SDM volume 3, chapter 4): none, 32-bit, PAE, 4 and 5 levels, with
 * large pages. Only where things lie: what may be done there is not asked.
 */
#ifndef RS_XEN_TRANSLATE_H
#define RS_XEN_TRANSLATE_H

#include <stddef.h>
#include <stdint.h>

#include "xen/connection.h"

/* The registers that say how a vCPU pages. */
struct rs_paging {
	uint64_t cr0, cr3, cr4, efer;
};

/* Reads bytes at a physical address, within one page. 0 or -errno. */
typedef int (*rs_read_physical)(void *context, uint64_t address, void *bytes, size_t size);

/* -EFAULT: nothing is mapped there; or what the reading of a table failed with. */
int rs_translate(const struct rs_paging *paging, uint64_t linear, rs_read_physical read,
		 void *context, uint64_t *physical);

/*
 * Reads from a linear address on, up to the end of the page. Maps each page that it looks at
 * for the moment: for what happens seldom. Pauses nobody.
 */
int rs_xen_linear_read(struct rs_xen *xen, uint32_t domain, const struct rs_paging *paging,
		       uint64_t linear, void *bytes, size_t size);

#endif
