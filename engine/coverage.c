/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coverage.c: see coverage.h. */
#include "engine/coverage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ringside/coverage.h>

#include "altp2m/trap_page.h"
#include "engine/options.h"
#include "engine/private.h"
#include "engine/trap.h"
#include "ring/atomics.h"
#include "xen/sized.h"
#include "xen/vcpu.h"

#define PAGE_BYTES RS_TRAP_PAGE_BYTES
#define CR3_ADDRESS 0x000ffffffffff000ULL
#define NOWHERE UINT64_MAX

/* One of the caller's addresses. */
struct block {
	uint64_t physical; /* NOWHERE: not placed */
	uint32_t index;    /* in the caller's list */
};

/* A page's blocks are `first` and so on, one for each bit. */
struct page {
	uint64_t gfn;
	struct rs_trap_page *traps;
	uint32_t first;
	uint64_t bits[RS_TRAP_WORDS];
};

struct rs_coverage {
	struct rs_engine *engine;
	struct rs_coverage_options options; /* `addresses` is not valid any more */
	struct rs_watch *watch;
	struct block *blocks; /* by address, without those that are missing */
	uint32_t count, missing;
	struct page *pages; /* by number */
	uint32_t page_count; /* V1: acquires V2, all that is written of the pages */
	uint64_t hits;
};

/* -- a hit -- */

static struct page *find_page(const struct rs_coverage *coverage, uint64_t gfn)
{
	uint32_t count = rs_load_acquire(&coverage->page_count); /* V1 */
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (coverage->pages[middle].gfn < gfn)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && coverage->pages[low].gfn == gfn ? &coverage->pages[low] : NULL;
}

static bool has(const struct page *page, uint32_t offset)
{
	return page->bits[offset / 64] >> offset % 64 & 1;
}

/* How many of the page's blocks are before that one. */
static uint32_t rank_of(const struct page *page, uint32_t offset)
{
	uint32_t rank = 0;

	for (uint32_t i = 0; i < offset / 64; i++)
		rank += (uint32_t)__builtin_popcountll(page->bits[i]);
	return rank + (uint32_t)__builtin_popcountll(page->bits[offset / 64] &
						     ((1ULL << offset % 64) - 1));
}

static void count_hit(struct rs_coverage *coverage, const struct rs_event *event, uint32_t index)
{
	const struct rs_coverage_options *options = &coverage->options;
	uint8_t *byte = options->map ? options->map + index % options->map_size : NULL;

	rs_add_relaxed(&coverage->hits, 1);
	if (byte && rs_load_relaxed(byte) < UINT8_MAX)
		rs_add_relaxed(byte, 1);
	if (options->on_hit)
		options->on_hit(event, index, options->user);
}

static struct rs_reply on_trap(const struct rs_event *event, void *user)
{
	struct rs_coverage *coverage = user;
	struct rs_traps *traps = &coverage->engine->traps;
	uint64_t address = rs_trap_address(event);
	uint32_t offset = address % PAGE_BYTES;
	struct page *page = find_page(coverage, address / PAGE_BYTES);

	if (!page || !has(page, offset) || !rs_traps_take(traps, page->traps, offset))
		return RS_CONTINUE;
	count_hit(coverage, event, coverage->blocks[page->first + rank_of(page, offset)].index);
	/* What was there is executed, unless somebody else has a breakpoint there. */
	return rs_traps_hit(traps, address) ? RS_CONTINUE : RS_RESUME;
}

/* -- where they are -- */

static int compare_linear(const void *a, const void *b)
{
	const struct block *x = a, *y = b;

	if (x->physical != y->physical)
		return x->physical < y->physical ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static void sort(struct rs_coverage *coverage)
{
	qsort(coverage->blocks, coverage->count, sizeof(*coverage->blocks), compare_linear);
}

static int read_paging(const struct rs_coverage *coverage, struct rs_paging *paging)
{
	struct rs_engine *engine = coverage->engine;
	int error = rs_xen_vcpu_paging(engine->xen, engine->domain, 0, paging);

	if (!error && coverage->options.cr3)
		paging->cr3 = coverage->options.cr3 & CR3_ADDRESS;
	return error;
}

/* From linear addresses, in their order, to physical ones: a walk for each page. */
static int translate(struct rs_coverage *coverage)
{
	struct rs_guest *guest = rs_engine_guest(coverage->engine);
	uint64_t page = NOWHERE, physical = NOWHERE;
	struct rs_paging paging;
	int error = guest ? read_paging(coverage, &paging) : -EIO;

	for (uint32_t i = 0; i < coverage->count && !error; i++) {
		struct block *block = &coverage->blocks[i];
		struct rs_translation found;

		if (block->physical / PAGE_BYTES != page) {
			page = block->physical / PAGE_BYTES;
			physical = NOWHERE;
			if (!rs_guest_translate(guest, &paging, page * PAGE_BYTES, &found))
				physical = found.physical;
		}
		block->physical = physical == NOWHERE ? NOWHERE
						      : physical + block->physical % PAGE_BYTES;
	}
	return error;
}

/* Sorted: twice the same is there once, and what is nowhere comes last. */
static void squeeze(struct rs_coverage *coverage)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < coverage->count; i++) {
		struct block *block = &coverage->blocks[i];

		if (block->physical == NOWHERE)
			coverage->missing++;
		else if (!kept || coverage->blocks[kept - 1].physical != block->physical)
			coverage->blocks[kept++] = *block;
	}
	coverage->count = kept;
}

static int read_blocks(struct rs_coverage *coverage)
{
	const struct rs_coverage_options *options = &coverage->options;

	coverage->blocks = calloc(options->count, sizeof(*coverage->blocks));
	if (!coverage->blocks)
		return rs_fail(ENOMEM, "no memory for %zu addresses", options->count);
	for (size_t i = 0; i < options->count; i++)
		coverage->blocks[i] = (struct block){ options->addresses[i], (uint32_t)i };
	coverage->count = (uint32_t)options->count;
	sort(coverage);
	if (options->place == RS_PLACE_PHYSICAL)
		return 0;
	return translate(coverage);
}

/* -- placing them -- */

static uint32_t count_pages(const struct rs_coverage *coverage)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < coverage->count; i++)
		count += !i || coverage->blocks[i].physical / PAGE_BYTES !=
				       coverage->blocks[i - 1].physical / PAGE_BYTES;
	return count;
}

static int make_pages(struct rs_coverage *coverage, uint32_t *count)
{
	struct page *page = NULL;

	*count = 0;
	coverage->pages = calloc(count_pages(coverage) + 1, sizeof(*coverage->pages));
	if (!coverage->pages)
		return rs_fail(ENOMEM, "no memory for the pages of %u addresses", coverage->count);
	for (uint32_t i = 0; i < coverage->count; i++) {
		uint64_t physical = coverage->blocks[i].physical;
		uint32_t offset = physical % PAGE_BYTES;

		if (!page || page->gfn != physical / PAGE_BYTES) {
			page = &coverage->pages[(*count)++];
			page->gfn = physical / PAGE_BYTES;
			page->first = i;
		}
		page->bits[offset / 64] |= 1ULL << offset % 64;
	}
	return 0;
}

static uint32_t count_bits(const struct page *page)
{
	return rank_of(page, PAGE_BYTES - 1) + has(page, PAGE_BYTES - 1);
}

static void drop_pages(struct rs_coverage *coverage, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		rs_traps_drop(&coverage->engine->traps, coverage->pages[i].traps);
}

/* A page that is no RAM is left out; its blocks stay where they are, and are found by nobody. */
static int hold_pages(struct rs_coverage *coverage, uint32_t count)
{
	struct rs_engine *engine = coverage->engine;
	uint32_t kept = 0;
	int error = 0;

	for (uint32_t i = 0; i < count && !error; i++) {
		struct page *page = &coverage->pages[i];

		error = rs_traps_hold(&engine->traps, page->gfn, &page->traps);
		if (!error)
			coverage->pages[kept++] = *page;
		else
			coverage->missing += count_bits(page);
		if (error == -EFAULT)
			error = 0;
	}
	if (!error && !kept)
		error = -EFAULT; /* its text is there, of the last one */
	if (!error) {
		rs_store_release(&coverage->page_count, kept); /* V2 */
		return 0;
	}
	drop_pages(coverage, kept);
	return error;
}

static void free_coverage(struct rs_coverage *coverage)
{
	free(coverage->pages);
	free(coverage->blocks);
	free(coverage);
}

static int prepare(struct rs_coverage *coverage, uint32_t *page_count)
{
	int error = read_blocks(coverage);

	if (error)
		return error;
	sort(coverage);
	squeeze(coverage);
	if (!coverage->count)
		return rs_fail(EFAULT, "domain %u: none of %zu addresses is mapped",
			       coverage->engine->domain, coverage->options.count);
	return make_pages(coverage, page_count);
}

static int check(const struct rs_coverage_options *options)
{
	if (!options->addresses || !options->count || options->count > UINT32_MAX)
		return rs_fail(EINVAL, "addresses: from one to 2^32 - 1 of them");
	if (options->place != RS_PLACE_LINEAR && options->place != RS_PLACE_PHYSICAL)
		return rs_fail(EINVAL, "place: there is no such place: %d", (int)options->place);
	if (!options->map != !options->map_size)
		return rs_fail(EINVAL, "map: without map_size, or map_size without it");
	return 0;
}

static int start(struct rs_coverage *coverage, uint32_t page_count)
{
	struct rs_engine *engine = coverage->engine;
	struct rs_error_note note;
	int error = 0;

	pthread_mutex_lock(&engine->control);
	if (engine->coverage)
		error = rs_fail(EBUSY, "domain %u: there is a coverage already: close it first",
				engine->domain);
	if (!error)
		error = rs_watch_all_traps(engine, on_trap, coverage, coverage->options.cr3,
					   &coverage->watch);
	if (!error)
		error = hold_pages(coverage, page_count);
	if (!error)
		engine->coverage = coverage;
	rs_error_keep(&note);
	pthread_mutex_unlock(&engine->control);
	if (error)
		rs_unwatch(coverage->watch);
	rs_error_restore(&note);
	return error;
}

int rs_coverage_open_sized(struct rs_engine *engine, const struct rs_coverage_options *options,
			   size_t size, struct rs_coverage **out)
{
	struct rs_coverage *coverage = calloc(1, sizeof(*coverage));
	struct rs_error_note note;
	uint32_t page_count;
	int error;

	*out = NULL;
	if (!coverage)
		return rs_fail(ENOMEM, "no memory for a coverage");
	coverage->engine = engine;
	error = rs_options_read(&coverage->options, sizeof(coverage->options), options, size);
	if (!error)
		error = check(&coverage->options);
	if (!error)
		error = prepare(coverage, &page_count);
	if (!error)
		error = start(coverage, page_count);
	if (!error) {
		rs_coverage_rearm(coverage);
		*out = coverage;
		return 0;
	}
	rs_error_keep(&note);
	free_coverage(coverage);
	rs_error_restore(&note);
	return error;
}

/* -- later -- */

uint32_t rs_coverage_rearm(struct rs_coverage *coverage)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < coverage->page_count; i++)
		count += rs_traps_arm(&coverage->engine->traps, coverage->pages[i].traps,
				      coverage->pages[i].bits);
	return count;
}

void rs_coverage_read(struct rs_coverage *coverage, uint64_t *hit)
{
	memset(hit, 0, (coverage->options.count + 63) / 64 * sizeof(*hit));
	for (uint32_t i = 0; i < coverage->page_count; i++) {
		const struct page *page = &coverage->pages[i];
		uint32_t block = page->first;

		for (uint32_t offset = 0; offset < PAGE_BYTES; offset++) {
			uint32_t index;

			if (!has(page, offset))
				continue;
			index = coverage->blocks[block++].index;
			if (!(rs_load_relaxed(&page->traps->once[offset / 64]) >> offset % 64 & 1))
				hit[index / 64] |= 1ULL << index % 64;
		}
	}
}

void rs_coverage_statistics_sized(struct rs_coverage *coverage,
				  struct rs_coverage_statistics *out, size_t size)
{
	struct rs_coverage_statistics known = {
		.missing = coverage->missing,
		.pages = coverage->page_count,
		.hits = rs_load_relaxed(&coverage->hits),
	};

	for (uint32_t i = 0; i < coverage->page_count; i++) {
		const struct page *page = &coverage->pages[i];

		known.addresses += count_bits(page);
		for (uint32_t k = 0; k < RS_TRAP_WORDS; k++)
			known.armed += (uint32_t)__builtin_popcountll(
				rs_load_relaxed(&page->traps->once[k]) & page->bits[k]);
	}
	memset(out, 0, size);
	memcpy(out, &known, size < sizeof(known) ? size : sizeof(known));
}

void rs_coverage_close(struct rs_coverage *coverage)
{
	struct rs_engine *engine;

	if (!coverage)
		return;
	engine = coverage->engine;
	/* First the INT3s, while who hits one is still handled. */
	pthread_mutex_lock(&engine->control);
	drop_pages(coverage, coverage->page_count);
	pthread_mutex_unlock(&engine->control);
	rs_unwatch(coverage->watch);
	pthread_mutex_lock(&engine->control);
	engine->coverage = NULL;
	pthread_mutex_unlock(&engine->control);
	free_coverage(coverage);
}

void rs_coverage_free(struct rs_engine *engine)
{
	if (engine->coverage)
		free_coverage(engine->coverage);
	engine->coverage = NULL;
}
