/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ram.c: where a guest has memory. */
#include <errno.h>
#include <inttypes.h>

#include "guest/private.h"
#include "xen/error.h"
#include "xen/memory.h"

/* From *gfn on, the first frame that is RAM, or that is none; or the one behind the last. */
static int find_frame(struct rs_guest *guest, bool ram, uint64_t *gfn)
{
	uint64_t bits[RS_XEN_MEMORY_TYPES / 64];

	while (*gfn <= guest->max_gfn) {
		uint64_t left = guest->max_gfn - *gfn + 1;
		uint32_t count = left < RS_XEN_MEMORY_TYPES ? (uint32_t)left : RS_XEN_MEMORY_TYPES;
		int error = rs_xen_memory_is_ram(guest->xen, guest->domain, *gfn, count, bits);

		if (error)
			return error;
		for (uint32_t i = 0; i < count; i++, ++*gfn)
			if ((bits[i / 64] >> i % 64 & 1) == ram)
				return 0;
	}
	return 0;
}

int rs_guest_find_ram(struct rs_guest *guest, uint64_t address, uint64_t *begin, uint64_t *end)
{
	uint64_t first = address / RS_FRAME_SIZE, last;
	int error = find_frame(guest, true, &first);

	if (error)
		return error;
	if (first > guest->max_gfn)
		return rs_fail(ENOENT, "domain %u has no RAM from %#" PRIx64 " on", guest->domain,
			       address);
	last = first;
	error = find_frame(guest, false, &last);
	if (error)
		return error;
	*begin = address > first * RS_FRAME_SIZE ? address : first * RS_FRAME_SIZE;
	*end = last * RS_FRAME_SIZE;
	return 0;
}
