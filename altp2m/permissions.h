/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * permissions.h: a small number for each guest frame, compactly: ranges, and exceptions.
 *
 * A radix tree of five levels of nine bits. An entry stands for all frames below it if they
 * are alike, and else points to a table of the next level; at the bottom two frames share a byte.
 * So a range costs a table or two at each of its ends, whatever its length, and a million frames
 * that all differ half a MiB.
 *
 * Reading is for any thread and waits for nothing; writing is serialised by the caller. Tables
 * are freed with the whole, not before.
 */
#ifndef RS_ALTP2M_PERMISSIONS_H
#define RS_ALTP2M_PERMISSIONS_H

#include <stddef.h>
#include <stdint.h>

/* Frame numbers are below this, and values up to that. */
#define RS_PERMISSIONS_GFN_LIMIT (1ULL << 45)
#define RS_PERMISSIONS_VALUE_MAX 15

struct rs_permissions {
	uintptr_t root;
	size_t bytes; /* of its tables */
};

/* All frames have the value. */
void rs_permissions_init(struct rs_permissions *permissions, uint32_t value);
/* Nobody may read any more. */
void rs_permissions_free(struct rs_permissions *permissions);

/* -ENOMEM: nothing has changed. */
int rs_permissions_set(struct rs_permissions *permissions, uint64_t first_gfn, uint64_t last_gfn,
		       uint32_t value);

/* Makes room, so that the setting of exactly these frames cannot fail. -ENOMEM. */
int rs_permissions_reserve(struct rs_permissions *permissions, uint64_t first_gfn,
			   uint64_t last_gfn);

uint32_t rs_permissions_get(const struct rs_permissions *permissions, uint64_t gfn);

/* The last frame, up to `last_gfn`, of those from `gfn` on that have its value without a gap. */
uint64_t rs_permissions_end(const struct rs_permissions *permissions, uint64_t gfn,
			    uint64_t last_gfn);

#endif
