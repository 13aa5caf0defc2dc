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

/*
 * An aligned piece of 1, 2, 4 or 8 bytes: one access, so that the guest cannot change it half way,
 * nor see half of it. False: it is no such piece.
 */
static inline bool load_whole(void *to, const char *from, size_t size)
{
	if ((uintptr_t)from & (size - 1))
		return false;
	switch (size) {
	case 8: memcpy(to, &(uint64_t){ *(const volatile uint64_t *)from }, 8); return true;
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

/* Most reads: a few bytes, in one block that is mapped. False: it was not so simple. */
static inline bool read_whole(struct rs_guest *guest, uint64_t address, void *bytes, size_t size)
{
	struct rs_cache *cache = &guest->cache;
	struct rs_block *block = rs_cache_find(cache, address / RS_FRAME_SIZE, false);
	bool whole;

	if (!block)
		return false;
	whole = load_whole(bytes, block->bytes + address % RS_BLOCK_SIZE, size);
	rs_cache_unpin(block);
	return whole;
}

int rs_guest_read(struct rs_guest *guest, uint64_t address, void *bytes, size_t size,
		  size_t *done)
{
	size_t unwanted;

	if (size <= sizeof(uint64_t) && read_whole(guest, address, bytes, size)) {
		if (done)
			*done = size;
		return 0;
	}
	return transfer(guest, address, bytes, size, false, done ? done : &unwanted);
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
