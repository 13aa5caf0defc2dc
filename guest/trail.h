/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trail.h: by which entries of page tables a linear address was found, and sixteen bytes that were
 * there, to see cheaply whether all of that is as it was.
 *
 * It asks the cache's mappings as they are, without a look at their age: who follows one finds it
 * anew when the oldest of them, which may have been mapped long before, is too old.
 */
#ifndef RS_GUEST_TRAIL_H
#define RS_GUEST_TRAIL_H

#include <stdbool.h>
#include <stdint.h>

#include <ringside/guest.h>

struct rs_block;

/* Levels of eight-byte entries; and the bytes, which are two such words. */
#define RS_TRAIL_STEPS (5 + 2)

struct rs_trail {
	uint32_t count;   /* 0: there is none */
	uint32_t left_ms; /* from when it was found, until the first of its mappings is too old */
	struct rs_trail_step {
		struct rs_block *block; /* of the cache, where it stays */
		uint32_t offset;        /* in that */
		uint32_t frame;
		uint64_t word;
	} steps[RS_TRAIL_STEPS];
};

/*
 * As rs_guest_translate. The trail is empty if there are not sixteen bytes in the page, or not of
 * RAM, or the entries have not eight bytes.
 */
int rs_trail_find(struct rs_guest *guest, const struct rs_paging *paging, uint64_t linear,
		  struct rs_translation *translation, struct rs_trail *trail);

/* Is it all as it was? False, too, if it is empty, or something cannot be looked at. Any thread. */
bool rs_trail_holds(const struct rs_trail *trail);

#endif
