/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cache.h: a bounded cache of mappings of a guest's memory.
 *
 * The guest's frames are divided into blocks of 64, each mapped whole or not at all. What is
 * known of a block (struct rs_block) stays where it is until the cache is closed, so a reader
 * finds it without a lock, by two loads from a directory, and pins it with one atomic addition
 * to its state. Whoever unmaps a block takes MAPPED away and waits until nobody has it pinned.
 * Mapping and unmapping is serial, under a mutex.
 */
#ifndef RS_GUEST_CACHE_H
#define RS_GUEST_CACHE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <ringside/guest.h>

#include "ring/atomics.h"
#include "xen/foreign.h"

#define RS_FRAME_SIZE 4096u
#define RS_BLOCK_FRAMES 64u
#define RS_BLOCK_SIZE (RS_BLOCK_FRAMES * RS_FRAME_SIZE)

/* An EPT of four levels, as Xen's are, ends at 2^48: 2^30 blocks, in leaves of 8 GiB. */
#define RS_BLOCK_LIMIT (1ULL << 30)
#define RS_LEAF_BLOCKS (1U << 15)
#define RS_LEAVES (RS_BLOCK_LIMIT / RS_LEAF_BLOCKS)

/* Of a block's state; the bits below count pins. */
#define RS_BLOCK_MAPPED (1U << 31)
#define RS_BLOCK_WRITABLE (1U << 30)
#define RS_BLOCK_USED (1U << 29) /* since the clock's hand came by */
#define RS_BLOCK_PINS (RS_BLOCK_USED - 1)

struct rs_block {
	uint32_t state;
	/* Of a block that is mapped, and changed only while nobody can pin it. */
	uint32_t mapped_ms; /* when, by rs_cache_now */
	uint32_t seat;      /* in cache->seats */
	uint32_t number;    /* its first frame / RS_BLOCK_FRAMES */
	char *bytes;
	uint64_t present;   /* bit by bit: the frames that are there */
};

struct rs_cache {
	struct rs_xen_foreign *foreign;
	struct rs_block **leaves; /* RS_LEAVES; NULL: none of these blocks was ever mapped */
	uint32_t age_ms_max;      /* RS_GUEST_AGELESS: for ever */

	pthread_mutex_t mutex;    /* for all that follows, and to change a block */
	struct rs_block **seats;  /* the blocks that are mapped, in the order of the clock */
	uint32_t seat_count, seats_taken, hand;
	uint64_t maps, frames, unmaps, aged, evicted;
};

int rs_cache_open(struct rs_cache *cache, struct rs_xen_foreign *foreign, uint64_t bytes,
		  uint32_t age_ms_max);
void rs_cache_close(struct rs_cache *cache);

/* Milliseconds of a clock that costs no system call, and may be some milliseconds behind. */
uint32_t rs_cache_now(void);

static inline bool rs_block_is_old(const struct rs_cache *cache, const struct rs_block *block)
{
	return cache->age_ms_max != RS_GUEST_AGELESS &&
	       rs_cache_now() - block->mapped_ms > cache->age_ms_max;
}

/*
 * The block of a frame, mapped, `writable` if so asked, and with that frame in it: pinned, so to
 * be unpinned soon. A thread has one block pinned at a time. NULL: *error. What is about that
 * frame alone is noted without a text: -EINVAL where nothing is, -ENOENT: paged out, -ESRCH.
 */
struct rs_block *rs_cache_pin_slowly(struct rs_cache *cache, uint64_t gfn, bool writable,
				     int *error);

static inline void rs_cache_unpin(struct rs_block *block)
{
	/* B2: releases what was read to B3, whoever unmaps the block. */
	rs_sub_acq_rel(&block->state, 1);
}

static inline bool rs_block_has(const struct rs_block *block, uint64_t gfn)
{
	return block->present >> (gfn % RS_BLOCK_FRAMES) & 1;
}

/* The same for a block that is mapped, good for that and not too old; else NULL. No call. */
static inline struct rs_block *rs_cache_find(struct rs_cache *cache, uint64_t gfn, bool writable)
{
	uint32_t wanted = RS_BLOCK_MAPPED | (writable ? RS_BLOCK_WRITABLE : 0), state;
	uint64_t number = gfn / RS_BLOCK_FRAMES;
	struct rs_block *leaf, *block;

	if (number >= RS_BLOCK_LIMIT)
		return NULL;
	/* L1: acquires L2, so that the leaf's blocks are zero at first. */
	leaf = rs_load_acquire(&cache->leaves[number / RS_LEAF_BLOCKS]);
	if (!leaf)
		return NULL;
	block = &leaf[number % RS_LEAF_BLOCKS];
	/* B1: acquires B4, so bytes, present and mapped_ms are of this mapping. */
	state = rs_add_acq_rel(&block->state, 1);
	if ((state & wanted) == wanted && rs_block_has(block, gfn) &&
	    !rs_block_is_old(cache, block)) {
		if (!(state & RS_BLOCK_USED))
			rs_or_acq_rel(&block->state, RS_BLOCK_USED);
		return block;
	}
	rs_cache_unpin(block);
	return NULL;
}

static inline struct rs_block *rs_cache_pin(struct rs_cache *cache, uint64_t gfn, bool writable,
					    int *error)
{
	struct rs_block *block = rs_cache_find(cache, gfn, writable);

	*error = 0;
	return block ? block : rs_cache_pin_slowly(cache, gfn, writable, error);
}

/* Unmaps the blocks from the one of `first` to the one of `last`. */
void rs_cache_forget(struct rs_cache *cache, uint64_t first_gfn, uint64_t last_gfn);

#endif
