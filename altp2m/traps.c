/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* traps.c: which addresses have breakpoints, and the bytes at them. The pages: trap_page.c. */
#include "altp2m/traps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "altp2m/trap_page.h"
#include "ring/atomics.h"
#include "xen/error.h"
#include "xen/memory.h"

#define OFFSET_MASK (RS_TRAP_PAGE_BYTES - 1)

void rs_traps_init(struct rs_traps *traps)
{
	pthread_mutex_init(&traps->bytes, NULL);
}

/* -- looking -- */

static struct rs_trap_page *const *bucket_of(const struct rs_traps *traps, uint64_t gfn)
{
	return &traps->buckets[(gfn * 0x9e3779b97f4a7c15) >> 54];
}

static struct rs_trap_page *find(const struct rs_traps *traps, uint64_t gfn)
{
	struct rs_trap_page *page = rs_load_acquire(bucket_of(traps, gfn)); /* H1 */

	while (page && page->gfn != gfn)
		page = page->next;
	return page;
}

static bool is_set(const struct rs_trap_page *page, uint32_t offset)
{
	return rs_load_relaxed(&page->set[offset / 64]) >> offset % 64 & 1;
}

bool rs_traps_hit(const struct rs_traps *traps, uint64_t address)
{
	const struct rs_trap_page *page = find(traps, address / RS_TRAP_PAGE_BYTES);

	return page && is_set(page, address & OFFSET_MASK);
}

bool rs_traps_covers(const struct rs_traps *traps, uint64_t gfn)
{
	const struct rs_trap_page *page = find(traps, gfn);

	return page && rs_load_relaxed(&page->is_shown);
}

/* The guest writes there at any time: byte by byte is as good as it gets. */
static uint8_t original_at(const struct rs_trap_page *page, uint32_t offset)
{
	if (!page->is_hidden && is_set(page, offset))
		return rs_load_relaxed(&page->saved[offset]);
	return rs_load_relaxed(&page->original[offset]);
}

size_t rs_traps_read(const struct rs_traps *traps, uint64_t address, uint8_t *bytes, size_t size)
{
	const struct rs_trap_page *page = find(traps, address / RS_TRAP_PAGE_BYTES);
	uint32_t offset = address & OFFSET_MASK;
	size_t count = RS_TRAP_PAGE_BYTES - offset < size ? RS_TRAP_PAGE_BYTES - offset : size;

	for (size_t i = 0; page && i < count; i++)
		bytes[i] = original_at(page, offset + (uint32_t)i);
	return page ? count : 0;
}

/* -- the bytes -- */

static void put(struct rs_trap_page *page, uint32_t offset, uint8_t byte)
{
	rs_store_relaxed(&page->shown[offset], byte);
}

/* With `bytes` locked: what the vCPUs execute is the original, and INT3s. */
static uint32_t copy_changed(struct rs_trap_page *page)
{
	uint32_t changed = 0;

	for (uint32_t i = 0; i < RS_TRAP_PAGE_BYTES; i++) {
		uint8_t byte;

		/* Sixty-four at once, where nothing differs and there is no breakpoint. */
		if (!(i % 64) && !page->set[i / 64] &&
		    !memcmp(page->shown + i, page->original + i, 64)) {
			i += 63;
			continue;
		}
		byte = is_set(page, i) ? RS_TRAP_INT3 : rs_load_relaxed(&page->original[i]);
		if (rs_load_relaxed(&page->shown[i]) == byte)
			continue;
		put(page, i, byte);
		changed++;
	}
	return changed;
}

static uint32_t refresh(struct rs_traps *traps, struct rs_trap_page *page)
{
	uint32_t changed;

	if (!page || !rs_load_relaxed(&page->is_shown))
		return 0;
	pthread_mutex_lock(&traps->bytes);
	changed = copy_changed(page);
	pthread_mutex_unlock(&traps->bytes);
	return changed;
}

uint32_t rs_traps_refresh(struct rs_traps *traps, uint64_t gfn)
{
	return refresh(traps, find(traps, gfn));
}

uint32_t rs_traps_refresh_all(struct rs_traps *traps)
{
	uint32_t changed = 0;

	for (uint32_t i = 0; i < RS_TRAP_BUCKETS; i++)
		for (struct rs_trap_page *page = rs_load_acquire(&traps->buckets[i]); page;
		     page = page->next)
			changed += refresh(traps, page);
	return changed;
}

/* With `bytes` locked. The mark first: whoever hits the INT3 is to know that it is ours. */
static void put_int3(struct rs_trap_page *page, uint32_t offset)
{
	if (!page->is_hidden)
		rs_store_relaxed(&page->saved[offset], rs_load_relaxed(&page->original[offset]));
	rs_or_acq_rel(&page->set[offset / 64], 1ULL << offset % 64);
	put(page, offset, RS_TRAP_INT3);
}

/* With `bytes` locked. A guest that has written over a visible INT3 keeps what it wrote. */
static void put_back(struct rs_trap_page *page, uint32_t offset)
{
	uint8_t byte = original_at(page, offset);

	if (page->is_hidden || rs_load_relaxed(&page->shown[offset]) == RS_TRAP_INT3)
		put(page, offset, byte);
	rs_and_acq_rel(&page->set[offset / 64], ~(1ULL << offset % 64));
}

/* One breakpoint more, or less, that is counted at that byte. */
static void set_counted(struct rs_traps *traps, struct rs_trap_page *page, uint32_t offset)
{
	pthread_mutex_lock(&traps->bytes);
	if (!page->counts[offset]++ && !is_set(page, offset))
		put_int3(page, offset);
	pthread_mutex_unlock(&traps->bytes);
}

static void clear_counted(struct rs_traps *traps, struct rs_trap_page *page, uint32_t offset)
{
	pthread_mutex_lock(&traps->bytes);
	if (!--page->counts[offset] && !(page->once[offset / 64] >> offset % 64 & 1))
		put_back(page, offset);
	pthread_mutex_unlock(&traps->bytes);
}

void rs_traps_lift(struct rs_traps *traps, uint64_t address)
{
	struct rs_trap_page *page = find(traps, address / RS_TRAP_PAGE_BYTES);
	uint32_t offset = address & OFFSET_MASK;

	if (page && is_set(page, offset))
		put(page, offset, original_at(page, offset));
}

void rs_traps_lower(struct rs_traps *traps, uint64_t address)
{
	struct rs_trap_page *page = find(traps, address / RS_TRAP_PAGE_BYTES);
	uint32_t offset = address & OFFSET_MASK;

	if (page && is_set(page, offset))
		put(page, offset, RS_TRAP_INT3);
}

/* -- setting and clearing -- */

static int provide(struct rs_traps *traps, uint64_t gfn, struct rs_trap_page **out)
{
	struct rs_trap_page *page = find(traps, gfn);
	int error;

	*out = page;
	if (page)
		return 0;
	error = rs_trap_page_make(traps, gfn, out);
	if (error)
		return error;
	page = *out;
	page->next = *bucket_of(traps, gfn);
	rs_store_release((struct rs_trap_page **)bucket_of(traps, gfn), page); /* H2 */
	rs_store_relaxed(&traps->page_count, traps->page_count + 1);
	return 0;
}

int rs_traps_set(struct rs_traps *traps, uint64_t address)
{
	uint32_t offset = address & OFFSET_MASK;
	struct rs_trap_page *page;
	int error = provide(traps, address / RS_TRAP_PAGE_BYTES, &page);

	if (error)
		return error;
	if (page->counts[offset] == UINT8_MAX)
		return rs_fail(ENOSPC, "domain %u: there are %d breakpoints at %#" PRIx64 " already",
			       traps->domain, UINT8_MAX, address);
	if (!page->count) {
		error = rs_trap_page_show(traps, page);
		if (error)
			return error;
	}
	rs_store_relaxed(&page->count, page->count + 1);
	rs_store_relaxed(&traps->count, traps->count + 1);
	set_counted(traps, page, offset);
	/* What the guest wrote while the page was prepared. */
	if (page->count == 1)
		refresh(traps, page);
	return 0;
}

void rs_traps_clear(struct rs_traps *traps, uint64_t address)
{
	struct rs_trap_page *page = find(traps, address / RS_TRAP_PAGE_BYTES);
	uint32_t offset = address & OFFSET_MASK;

	if (!page || !page->counts[offset])
		return;
	clear_counted(traps, page, offset);
	rs_store_relaxed(&traps->count, traps->count - 1);
	rs_store_relaxed(&page->count, page->count - 1);
}

/* -- those that go when they are hit -- */

int rs_traps_hold(struct rs_traps *traps, uint64_t gfn, struct rs_trap_page **out)
{
	struct rs_trap_page *page;
	int error = provide(traps, gfn, &page);

	if (!error && !page->count)
		error = rs_trap_page_show(traps, page);
	if (error)
		return error;
	rs_store_relaxed(&traps->count, traps->count + 1);
	rs_store_relaxed(&page->count, page->count + 1);
	if (page->count == 1)
		refresh(traps, page);
	*out = page;
	return 0;
}

void rs_traps_drop(struct rs_traps *traps, struct rs_trap_page *page)
{
	for (uint32_t i = 0; i < RS_TRAP_PAGE_BYTES; i++)
		if (rs_load_relaxed(&page->once[i / 64]) >> i % 64 & 1)
			rs_traps_take(traps, page, i);
	rs_store_relaxed(&traps->count, traps->count - 1);
	rs_store_relaxed(&page->count, page->count - 1);
}

uint32_t rs_traps_arm(struct rs_traps *traps, struct rs_trap_page *page,
		      const uint64_t bits[RS_TRAP_WORDS])
{
	uint32_t count = 0;

	pthread_mutex_lock(&traps->bytes);
	for (uint32_t i = 0; i < RS_TRAP_WORDS; i++) {
		uint64_t left = bits[i] & ~rs_load_relaxed(&page->once[i]);

		count += (uint32_t)__builtin_popcountll(left);
		if (left)
			rs_or_acq_rel(&page->once[i], left);
		for (; left; left &= left - 1) {
			uint32_t offset = i * 64 + (uint32_t)__builtin_ctzll(left);

			if (!is_set(page, offset))
				put_int3(page, offset);
		}
	}
	pthread_mutex_unlock(&traps->bytes);
	return count;
}

bool rs_traps_take(struct rs_traps *traps, struct rs_trap_page *page, uint32_t offset)
{
	uint64_t bit = 1ULL << offset % 64;

	pthread_mutex_lock(&traps->bytes);
	if (!(rs_and_acq_rel(&page->once[offset / 64], ~bit) & bit))
		bit = 0;
	else if (!page->counts[offset])
		put_back(page, offset);
	pthread_mutex_unlock(&traps->bytes);
	return bit;
}

/* -- the end -- */

static void restore(struct rs_traps *traps, struct rs_trap_page *page)
{
	pthread_mutex_lock(&traps->bytes);
	for (uint32_t i = 0; page->count && i < RS_TRAP_PAGE_BYTES; i++)
		if (is_set(page, i))
			put_back(page, i);
	memset(page->counts, 0, sizeof(page->counts));
	memset(page->once, 0, sizeof(page->once));
	page->count = 0;
	pthread_mutex_unlock(&traps->bytes);
}

void rs_traps_withdraw(struct rs_traps *traps)
{
	for (uint32_t i = 0; i < RS_TRAP_BUCKETS && traps->page_count; i++)
		for (struct rs_trap_page *page = traps->buckets[i]; page; page = page->next)
			restore(traps, page);
	traps->count = 0;
}

int rs_traps_release(struct rs_traps *traps)
{
	for (uint32_t i = 0; i < RS_TRAP_BUCKETS; i++) {
		struct rs_trap_page *page = traps->buckets[i], *next;

		for (traps->buckets[i] = NULL; page; page = next) {
			next = page->next;
			rs_trap_page_free(traps, page);
		}
	}
	traps->page_count = 0;
	traps->filler_gfn = 0;
	return rs_shadows_release(&traps->shadows);
}
