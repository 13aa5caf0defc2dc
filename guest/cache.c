/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cache.c: see cache.h. */
#include "guest/cache.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "xen/error.h"

#define SPINS_BEFORE_YIELD 64

/* Memory that is zero, and there when it is touched. */
static void *reserve(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

uint32_t rs_cache_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
	return (uint32_t)((uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000);
}

int rs_cache_open(struct rs_cache *cache, struct rs_xen_foreign *foreign, uint64_t bytes,
		  uint32_t age_ms_max)
{
	uint64_t seats = bytes / RS_BLOCK_SIZE;

	memset(cache, 0, sizeof(*cache));
	cache->foreign = foreign;
	cache->age_ms_max = age_ms_max;
	cache->seat_count = seats < RS_BLOCK_LIMIT ? (uint32_t)seats : UINT32_MAX;
	cache->blocks = reserve(RS_BLOCK_LIMIT * sizeof(*cache->blocks));
	cache->seats = reserve(cache->seat_count * sizeof(*cache->seats));
	pthread_mutex_init(&cache->mutex, NULL);
	if (!cache->blocks || !cache->seats)
		return rs_fail(ENOMEM, "no memory for a cache of %u blocks", cache->seat_count);
	return 0;
}

/* ---- unmapping, under the mutex ---- */

static void relax(unsigned int tries)
{
	if (tries % SPINS_BEFORE_YIELD)
		rs_cpu_relax();
	else
		sched_yield();
}

/* The block is not mapped any more, and nobody reads it: its seat is free. */
static void vacate(struct rs_cache *cache, struct rs_block *block)
{
	struct rs_block *last = cache->seats[--cache->seats_taken];

	rs_xen_foreign_unmap(cache->foreign, block->bytes, RS_BLOCK_FRAMES);
	cache->unmaps++;
	block->bytes = NULL;
	block->present = 0;
	cache->seats[block->seat] = last;
	last->seat = block->seat;
}

static void unmap_block(struct rs_cache *cache, struct rs_block *block)
{
	rs_and_acq_rel(&block->state, RS_BLOCK_USED | RS_BLOCK_PINS);
	/* B3: acquires B2. Pins are short, and who comes now waits for the mutex. */
	for (unsigned int i = 1; rs_load_acquire(&block->state) & RS_BLOCK_PINS; i++)
		relax(i);
	rs_and_acq_rel(&block->state, RS_BLOCK_PINS);
	vacate(cache, block);
}

/* The clock: the first block that was not used since the hand came by, and is not pinned. */
static void evict(struct rs_cache *cache)
{
	for (unsigned int i = 1;; i++) {
		struct rs_block *block = cache->seats[cache->hand % cache->seats_taken];
		uint32_t state = rs_load_relaxed(&block->state);

		cache->hand = (cache->hand + 1) % cache->seats_taken;
		if (state & RS_BLOCK_USED) {
			rs_and_acq_rel(&block->state, ~RS_BLOCK_USED);
		} else if (!(state & RS_BLOCK_PINS) &&
			   rs_compare_exchange_acq_rel(&block->state, &state, 0)) {
			/* B3 too. */
			vacate(cache, block);
			cache->evicted++;
			return;
		}
		if (i > cache->seats_taken)
			relax(i);
	}
}

void rs_cache_close(struct rs_cache *cache)
{
	while (cache->seats_taken)
		unmap_block(cache, cache->seats[cache->seats_taken - 1]);
	if (cache->blocks)
		munmap(cache->blocks, RS_BLOCK_LIMIT * sizeof(*cache->blocks));
	if (cache->seats)
		munmap(cache->seats, cache->seat_count * sizeof(*cache->seats));
	pthread_mutex_destroy(&cache->mutex);
}

void rs_cache_forget(struct rs_cache *cache, uint64_t first_gfn, uint64_t last_gfn)
{
	uint32_t i = 0;

	pthread_mutex_lock(&cache->mutex);
	while (i < cache->seats_taken) {
		struct rs_block *block = cache->seats[i];

		/* Another one takes the seat of a block that goes. */
		if (block->number >= first_gfn / RS_BLOCK_FRAMES &&
		    block->number <= last_gfn / RS_BLOCK_FRAMES)
			unmap_block(cache, block);
		else
			i++;
	}
	pthread_mutex_unlock(&cache->mutex);
}

/* ---- mapping, under the mutex ---- */

/* Takes pages that were just mapped into the cache, with a pin for the caller. */
static void adopt(struct rs_cache *cache, struct rs_block *block, uint32_t number, char *pages,
		  uint64_t present, bool writable)
{
	uint32_t state = RS_BLOCK_MAPPED | (writable ? RS_BLOCK_WRITABLE : 0);

	if (present == UINT64_MAX && cache->age_ms_max == RS_GUEST_AGELESS)
		state |= RS_BLOCK_WHOLE;
	if (cache->seats_taken == cache->seat_count)
		evict(cache);
	block->bytes = pages;
	block->present = present;
	block->number = number;
	block->mapped_ms = rs_cache_now();
	block->seat = cache->seats_taken;
	cache->seats[cache->seats_taken++] = block;
	rs_add_acq_rel(&block->state, 1);
	/* B4: releases these to B1. Until here only those pinned it who look in vain. */
	rs_or_acq_rel(&block->state, state);
}

/* Maps a block that is not mapped, whatever there is of it; pinned if *error is 0. */
static struct rs_block *map_block(struct rs_cache *cache, uint64_t gfn, bool writable, int *error)
{
	uint32_t number = (uint32_t)(gfn / RS_BLOCK_FRAMES);
	struct rs_block *block = &cache->blocks[number];
	int errors[RS_BLOCK_FRAMES];
	uint64_t present = 0;
	void *pages;

	*error = rs_xen_foreign_map(cache->foreign, (uint64_t)number * RS_BLOCK_FRAMES,
				    RS_BLOCK_FRAMES, writable, &pages, errors);
	if (*error)
		return NULL;
	cache->maps++;
	cache->frames += RS_BLOCK_FRAMES;
	*error = errors[gfn % RS_BLOCK_FRAMES];
	for (unsigned int i = 0; i < RS_BLOCK_FRAMES; i++)
		present |= (uint64_t)!errors[i] << i;
	if (present) {
		adopt(cache, block, number, pages, present, writable);
		if (*error)
			rs_cache_unpin(block);
	} else {
		rs_xen_foreign_unmap(cache->foreign, pages, RS_BLOCK_FRAMES);
		cache->unmaps++;
	}
	return *error ? NULL : block;
}

/* Under the mutex: a block that is mapped, and good for the caller, or else unmapped. */
static struct rs_block *find_mapped(struct rs_cache *cache, uint64_t gfn, bool *writable)
{
	struct rs_block *block = &cache->blocks[gfn / RS_BLOCK_FRAMES];
	uint32_t state = rs_load_relaxed(&block->state);
	bool old;

	if (!(state & RS_BLOCK_MAPPED))
		return NULL;
	old = rs_block_is_old(cache, block);
	if (!old && rs_block_has(block, gfn) && (state & RS_BLOCK_WRITABLE || !*writable))
		return block;
	/* What cannot be mapped for writing may still be there to be read. */
	if (rs_block_has(block, gfn))
		*writable |= state & RS_BLOCK_WRITABLE;
	cache->aged += old;
	unmap_block(cache, block);
	return NULL;
}

struct rs_block *rs_cache_pin_slowly(struct rs_cache *cache, uint64_t gfn, bool writable,
				     int *error)
{
	struct rs_block *block;

	*error = -EINVAL;
	if (gfn / RS_BLOCK_FRAMES >= RS_BLOCK_LIMIT)
		return NULL;
	pthread_mutex_lock(&cache->mutex);
	/* Somebody else may have mapped it while we waited. */
	block = find_mapped(cache, gfn, &writable);
	if (block) {
		*error = 0;
		rs_add_acq_rel(&block->state, 1);
	} else {
		block = map_block(cache, gfn, writable, error);
	}
	pthread_mutex_unlock(&cache->mutex);
	return block;
}
