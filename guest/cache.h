/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cache.h: a bounded cache of mappings of a guest's memory.
 *
 * The guest's frames are divided into blocks of 64, each mapped whole or not at all. What is
 * known of a block (struct rs_block) has its place in one table until the cache is closed, so a
 * reader finds it by its number, without a lock, and pins it with one atomic addition to its state.
 * Whoever unmaps a block takes MAPPED away and waits until nobody has it pinned. Mapping and
 * unmapping is serial, under a mutex.
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

/* 16 TiB: no guest of Xen's is larger. Of the table only what is used takes memory. */
#define RS_BLOCK_LIMIT (1ULL << 26)

/* Of a block's state; the bits below count pins. */
#define RS_BLOCK_MAPPED (1U << 31)
#define RS_BLOCK_WHOLE (1U << 30) /* all its frames are there, and it does not age */
#define RS_BLOCK_USED (1U << 29)  /* since the clock's hand came by */
#define RS_BLOCK_WRITABLE (1U << 28)
#define RS_BLOCK_PINS (RS_BLOCK_WRITABLE - 1)
/* From here on a state says that there is nothing else to ask before a read. */
#define RS_BLOCK_READABLE (RS_BLOCK_MAPPED | RS_BLOCK_WHOLE | RS_BLOCK_USED)

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
	struct rs_block *blocks; /* RS_BLOCK_LIMIT */
	uint32_t age_ms_max;     /* RS_GUEST_AGELESS: for ever */

	pthread_mutex_t mutex;   /* for all that follows, and to change a block */
	struct rs_block **seats; /* the blocks that are mapped, in the order of the clock */
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

/* How long a block that is pinned, and mapped, is not old yet. UINT32_MAX: it never is. */
static inline uint32_t rs_block_left_ms(const struct rs_cache *cache, const struct rs_block *block)
{
	uint32_t age_ms;

	if (cache->age_ms_max == RS_GUEST_AGELESS)
		return UINT32_MAX;
	age_ms = rs_cache_now() - block->mapped_ms;
	return age_ms > cache->age_ms_max ? 0 : cache->age_ms_max - age_ms + 1;
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

/*
 * Returns its state: what is not MAPPED is to be left alone, but for unpinning it. What is, stays
 * mapped until then: who takes MAPPED away after this sees the pin. An addition whose result is not asked for is one
 * operation of the processor's, where one that is has four.
 */
static inline uint32_t rs_block_pin(struct rs_block *block)
{
	rs_add_acq_rel(&block->state, 1);
	/* B1: acquires B4, so bytes, present and mapped_ms are of this mapping. */
	return rs_load_acquire(&block->state);
}

/* One that was pinned, in that state: is it mapped, good for that and not too old? */
static inline bool rs_cache_accepts(const struct rs_cache *cache, struct rs_block *block,
				    uint32_t state, uint64_t gfn, bool writable)
{
	uint32_t wanted = RS_BLOCK_MAPPED | (writable ? RS_BLOCK_WRITABLE : 0);

	if ((state & wanted) != wanted || !rs_block_has(block, gfn) ||
	    rs_block_is_old(cache, block))
		return false;
	if (!(state & RS_BLOCK_USED))
		rs_or_acq_rel(&block->state, RS_BLOCK_USED);
	return true;
}

/* As rs_cache_pin, of a block that is mapped, good for that and not too old; else NULL. No call. */
static inline struct rs_block *rs_cache_find(struct rs_cache *cache, uint64_t gfn, bool writable)
{
	struct rs_block *block;

	if (gfn / RS_BLOCK_FRAMES >= RS_BLOCK_LIMIT)
		return NULL;
	block = &cache->blocks[gfn / RS_BLOCK_FRAMES];
	if (rs_cache_accepts(cache, block, rs_block_pin(block), gfn, writable))
		return block;
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
