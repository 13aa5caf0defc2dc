/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trail.c: see trail.h. */
#include "guest/trail.h"

#include <string.h>

#include "guest/private.h"
#include "guest/walk.h"

#define WORD sizeof(uint64_t)

struct noting {
	struct rs_guest *guest;
	struct rs_trail *trail;
	bool incomplete;
};

static void note(struct noting *noting, uint64_t address)
{
	struct rs_trail *trail = noting->trail;
	struct rs_trail_step *step = &trail->steps[trail->count];
	struct rs_block *block = NULL;
	uint32_t left_ms;

	if (trail->count < RS_TRAIL_STEPS)
		block = rs_cache_find(&noting->guest->cache, address / RS_FRAME_SIZE, false);
	if (!block) {
		noting->incomplete = true;
		return;
	}
	step->block = block;
	step->offset = address % RS_BLOCK_SIZE;
	step->frame = step->offset / RS_FRAME_SIZE;
	memcpy(&step->word, block->bytes + step->offset, WORD);
	left_ms = rs_block_left_ms(&noting->guest->cache, block);
	if (left_ms < trail->left_ms)
		trail->left_ms = left_ms;
	rs_cache_unpin(block);
	trail->count++;
}

static int read_entry(void *context, uint64_t address, void *bytes, size_t size)
{
	struct noting *noting = context;
	int error = rs_guest_read(noting->guest, address, bytes, size, NULL);

	if (error)
		return error;
	if (size != WORD)
		noting->incomplete = true;
	else
		note(noting, address);
	/* It may have changed in between. */
	if (!noting->incomplete &&
	    memcmp(&noting->trail->steps[noting->trail->count - 1].word, bytes, WORD))
		noting->incomplete = true;
	return 0;
}

int rs_trail_find(struct rs_guest *guest, const struct rs_paging *paging, uint64_t linear,
		  struct rs_translation *translation, struct rs_trail *trail)
{
	struct noting noting = { .guest = guest, .trail = trail };
	uint64_t physical;
	int error;

	trail->count = 0;
	trail->left_ms = UINT32_MAX;
	error = rs_walk(paging, linear, read_entry, &noting, translation);
	physical = translation->physical;
	if (!error && !noting.incomplete && physical % RS_FRAME_SIZE <= RS_FRAME_SIZE - 2 * WORD) {
		note(&noting, physical);
		note(&noting, physical + WORD);
	} else {
		noting.incomplete = true;
	}
	if (noting.incomplete)
		trail->count = 0;
	return error;
}

/* Of a block that is pinned. What is missing there must not be touched. */
static inline bool is_same(const struct rs_trail_step *step, const struct rs_block *block)
{
	uint64_t word;

	if (!(block->present >> step->frame & 1))
		return false;
	memcpy(&word, block->bytes + step->offset, WORD);
	return word == step->word;
}

/* Steps in one block, from *step on, which becomes the first in another. */
static inline bool hold_in_block(const struct rs_trail_step **step, const struct rs_trail_step *end)
{
	struct rs_block *block = (*step)->block;
	bool same = rs_block_pin(block) & RS_BLOCK_MAPPED;

	while (same && *step != end && (*step)->block == block)
		same = is_same((*step)++, block);
	rs_cache_unpin(block);
	return same;
}

bool rs_trail_holds(const struct rs_trail *trail)
{
	const struct rs_trail_step *step = trail->steps, *end = step + trail->count;
	bool same = trail->count;

	while (same && step != end)
		same = hold_in_block(&step, end);
	return same;
}
