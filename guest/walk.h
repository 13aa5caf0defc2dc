/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * walk.h: from a guest's linear addresses to its physical ones, by its own page tables.
 *
 * All of x86's ways to page (SDM volume 3, chapter 4): none, 32-bit, PAE, 4 and 5 levels, with
 * large pages. The walk is ours, not the processor's: it sets no accessed and dirty bits, and asks
 * what is in memory now, not what a TLB, or the PDPTEs that PAE loads with CR3, may still hold.
 */
#ifndef RS_GUEST_WALK_H
#define RS_GUEST_WALK_H

#include <stddef.h>
#include <stdint.h>

#include <ringside/guest.h>

/* Reads an entry, 4 or 8 bytes at a multiple of that. 0 or -errno. */
typedef int (*rs_read_physical)(void *context, uint64_t address, void *bytes, size_t size);

/*
 * -EFAULT: no page is there, *translation says at which entry the walk ended. -EINVAL: the
 * address is not canonical. Or what reading an entry failed with.
 */
int rs_walk(const struct rs_paging *paging, uint64_t linear, rs_read_physical read, void *context,
	    struct rs_translation *translation);

#endif
