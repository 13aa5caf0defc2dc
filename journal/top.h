/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * top.h: where a domain's memory ended before we put pages of ours above it.
 *
 * Xen's XENMEM_maximum_gpfn is the greatest frame that there has ever been: it does not go down when
 * ours are given back. So what it was is remembered, in a file /run/ringside/DOMAIN.top which outlives
 * the engine: its next pages lie where the last ones lay, and who asks for the guest's end is told of the
 * guest's.
 */
#ifndef RS_JOURNAL_TOP_H
#define RS_JOURNAL_TOP_H

#include <stdint.h>

/* Notes that the frames from `first` to before `end` are ours, before they are. -errno. */
int rs_top_note(uint32_t domain, const uint8_t handle[16], uint64_t first, uint64_t end);

/* The greatest frame that there was, of which `max_gfn` is left, but for ours. */
uint64_t rs_top_before(uint32_t domain, const uint8_t handle[16], uint64_t max_gfn);

#endif
