/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* physical.c: reading and writing physical memory through the cache. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "guest/private.h"
#include "xen/error.h"

int rs_guest_check_range(const struct rs_guest *guest, uint64_t address, uint64_t size)
{
	if (!size || address + (size - 1) >= address)
		return 0;
	return rs_fail(EINVAL, "domain %u: %" PRIu64 " bytes from %#" PRIx64 " on go beyond 2^64",
		       guest->domain, size, address);
}

int rs_guest_fail_frame(const struct rs_guest *guest, const char *what, uint64_t gfn, int error)
{
	switch (error) {
	case -ESRCH:
		return rs_fail(ESRCH, "%s, domain %u: it does not exist any more", what,
			       guest->domain);
	case -EINVAL:
		if (gfn > guest->max_gfn)
			return rs_fail(EFAULT, "%s, domain %u: frame %#" PRIx64 " is beyond the end "
					       "of the guest's memory, frame %#" PRIx64, what,
				       guest->domain, gfn, guest->max_gfn);
		return rs_fail(EFAULT, "%s, domain %u: frame %#" PRIx64 " is no RAM of the guest: "
				       "it was ballooned out, is a device's, or never was there",
			       what, guest->domain, gfn);
	case -ENOENT:
		return rs_fail(EFAULT, "%s, domain %u: frame %#" PRIx64 " is paged out, and does "
				       "not come back", what, guest->domain, gfn);
	default:
		return rs_fail(error, "%s, domain %u: frame %#" PRIx64 ": %s", what, guest->domain,
			       gfn, strerror(-error));
	}
}

/* How many bytes from `offset` in the block on lie in frames that are there. */
static size_t run_of(const struct rs_block *block, size_t offset)
{
	unsigned int frame = (unsigned int)(offset / RS_FRAME_SIZE);
	uint64_t missing = ~block->present >> frame;
	size_t frames = missing ? (size_t)__builtin_ctzll(missing) : RS_BLOCK_FRAMES;

	if (frames > RS_BLOCK_FRAMES - frame)
		frames = RS_BLOCK_FRAMES - frame;
	return frames * RS_FRAME_SIZE - offset % RS_FRAME_SIZE;
}

/* All of an aligned one at once. */
static inline void load_word(void *to, const char *from)
{
	memcpy(to, &(uint64_t){ *(const volatile uint64_t *)(const void *)from }, sizeof(uint64_t));
}

/*
 * An aligned piece of 1, 2, 4 or 8 bytes: one access, so that the guest cannot change it half way,
 * nor see half of it. False: it is no such piece.
 */
static inline bool load_whole(void *to, const char *from, size_t size)
{
	if ((uintptr_t)from & (size - 1))
		return false;
	switch (size) {
	case 8: load_word(to, from); return true;
	case 4: memcpy(to, &(uint32_t){ *(const volatile uint32_t *)from }, 4); return true;
	case 2: memcpy(to, &(uint16_t){ *(const volatile uint16_t *)from }, 2); return true;
	case 1: memcpy(to, &(uint8_t){ *(const volatile uint8_t *)from }, 1); return true;
	default: return false;
	}
}

static bool store_whole(char *to, const void *from, size_t size)
{
	uint64_t value = 0;

	if (size > sizeof(value) || (uintptr_t)to & (size - 1))
		return false;
	memcpy(&value, from, size);
	switch (size) {
	case 8: *(volatile uint64_t *)to = value; return true;
	case 4: *(volatile uint32_t *)to = (uint32_t)value; return true;
	case 2: *(volatile uint16_t *)to = (uint16_t)value; return true;
	case 1: *(volatile uint8_t *)to = (uint8_t)value; return true;
	default: return false;
	}
}

/* Either way, `bytes` being ours: from one block to the next, up to a frame that is not there. */
static int transfer(struct rs_guest *guest, uint64_t address, char *bytes, size_t size,
		    bool writes, size_t *done)
{
	int error = rs_guest_check_range(guest, address, size);

	*done = 0;
	while (*done < size && !error) {
		uint64_t at = address + *done;
		size_t offset = at % RS_BLOCK_SIZE, run = size - *done;
		struct rs_block *block = rs_cache_pin(&guest->cache, at / RS_FRAME_SIZE, writes,
						      &error);

		if (!block)
			return rs_guest_fail_frame(guest, writes ? "write" : "read",
						   at / RS_FRAME_SIZE, error);
		if (run > run_of(block, offset))
			run = run_of(block, offset);
		if (writes && !store_whole(block->bytes + offset, bytes + *done, run))
			memcpy(block->bytes + offset, bytes + *done, run);
		else if (!writes && !load_whole(bytes + *done, block->bytes + offset, run))
			memcpy(bytes + *done, block->bytes + offset, run);
		rs_cache_unpin(block);
		*done += run;
	}
	return error;
}

/* Few bytes, in one block that is mapped. False: it is not so simple. */
static bool read_few(struct rs_guest *guest, uint64_t address, void *bytes, size_t size)
{
	struct rs_block *block = rs_cache_find(&guest->cache, address / RS_FRAME_SIZE, false);
	bool whole;

	if (!block)
		return false;
	whole = load_whole(bytes, block->bytes + address % RS_BLOCK_SIZE, size);
	rs_cache_unpin(block);
	return whole;
}

static __attribute__((noinline)) int read_any(struct rs_guest *guest, uint64_t address,
					      void *bytes, size_t size, size_t *done)
{
	size_t unwanted;

	if (size > sizeof(uint64_t) || !read_few(guest, address, bytes, size))
		return transfer(guest, address, bytes, size, false, done ? done : &unwanted);
	if (done)
		*done = size;
	return 0;
}

/* A word of a block that was found in a state that leaves more to ask. */
static __attribute__((noinline)) int read_pinned(struct rs_guest *guest, uint64_t address,
						 void *bytes, uint32_t state, size_t *done,
						 struct rs_block *block)
{
	bool good = rs_cache_accepts(&guest->cache, block, state, address / RS_FRAME_SIZE, false);

	if (good)
		load_word(bytes, block->bytes + address % RS_BLOCK_SIZE);
	rs_cache_unpin(block);
	if (!good)
		return read_any(guest, address, bytes, sizeof(uint64_t), done);
	if (done)
		*done = sizeof(uint64_t);
	return 0;
}

/* These bits no word's address has. */
#define NO_WORD (~(RS_BLOCK_LIMIT * RS_BLOCK_SIZE - 1) | (sizeof(uint64_t) - 1))

/*
 * Reads at random are as quick as the processor has many of them under way at once, which is
 * bounded by the instructions from one to the next. So those that an aligned word needs are
 * here, in one line, and no others.
 */
int rs_guest_read(struct rs_guest *guest, uint64_t address, void *bytes, size_t size,
		  size_t *done)
{
	struct rs_block *block;
	uint32_t state;

	if (size != sizeof(uint64_t) || address & NO_WORD)
		return read_any(guest, address, bytes, size, done);
	block = &guest->cache.blocks[address / RS_BLOCK_SIZE];
	state = rs_block_pin(block);
	if (state < RS_BLOCK_READABLE)
		return read_pinned(guest, address, bytes, state, done, block);
	load_word(bytes, block->bytes + address % RS_BLOCK_SIZE);
	rs_cache_unpin(block);
	if (done)
		*done = sizeof(uint64_t);
	return 0;
}

int rs_guest_write(struct rs_guest *guest, uint64_t address, const void *bytes, size_t size,
		   size_t *done)
{
	size_t unwanted;

	/* Not written to: it goes the way from `bytes` to the guest. */
	return transfer(guest, address, (char *)(uintptr_t)bytes, size, true,
			done ? done : &unwanted);
}

void rs_guest_forget(struct rs_guest *guest, uint64_t address, uint64_t size)
{
	uint64_t last = size - 1 > UINT64_MAX - address ? UINT64_MAX : address + (size - 1);

	if (size)
		rs_cache_forget(&guest->cache, address / RS_FRAME_SIZE, last / RS_FRAME_SIZE);
}
