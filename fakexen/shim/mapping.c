/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mapping.c: foreign memory. mmap() of the privcmd device only reserves addresses (which
 * give SIGBUS, as the driver's do); an ioctl then puts frames there, which are pages of
 * the model's memfd. A forked child does not have them, as under Linux (VM_DONTCOPY). */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fakexen/atomics.h"
#include "fakexen/shim/shim.h"

#define GIVE_BACK_AT_ONCE 512

struct region {
	struct region *next;
	uintptr_t start;
	size_t pages;
	int prot;
	uint32_t frames[];              /* FX_NO_FRAME: nothing mapped */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct region *regions;
static uint32_t region_count;           /* read without the mutex: most programs have none */

static uintptr_t end_of(const struct region *region)
{
	return region->start + region->pages * FX_PAGE;
}

/* Maps frames, or (FX_NO_FRAME) what lies beyond the memfd's end. */
static void *map_frames(uintptr_t address, size_t pages, int prot, int flags, uint32_t frame)
{
	const struct fx_model *model = shim_model();
	uint64_t offset = frame == FX_NO_FRAME ? model->size :
		model->frames_offset + (uint64_t)frame * FX_PAGE;
	void *at;

	offset = (offset + FX_PAGE - 1) & ~(uint64_t)(FX_PAGE - 1);
	at = shim_map((void *)address, pages * FX_PAGE, prot, MAP_SHARED | flags, shim_memory_fd(),
		offset);
	if (at != MAP_FAILED)
		madvise(at, pages * FX_PAGE, MADV_DONTFORK);
	return at;
}

static struct region *region_new(uintptr_t start, size_t pages, int prot)
{
	struct region *region = malloc(sizeof(*region) + pages * sizeof(region->frames[0]));

	if (!region)
		return NULL;
	region->start = start;
	region->pages = pages;
	region->prot = prot;
	for (size_t i = 0; i < pages; i++)
		region->frames[i] = FX_NO_FRAME;
	return region;
}

static void region_add(struct region *region)
{
	region->next = regions;
	regions = region;
	fx_store_relaxed(&region_count, region_count + 1);
}

void *shim_mapping_reserve(void *address, size_t length, int prot, int flags)
{
	size_t pages = (length + FX_PAGE - 1) / FX_PAGE;
	struct region *region = pages ? region_new(0, pages, prot) : NULL;
	int error = pages ? ENOMEM : EINVAL;
	void *at = MAP_FAILED;

	if (!region)
		goto failed;
	flags &= MAP_FIXED | MAP_FIXED_NOREPLACE;
	if (flags)
		shim_mapping_replaced(address, length);
	pthread_mutex_lock(&mutex);
	at = map_frames((uintptr_t)address, pages, prot, flags, FX_NO_FRAME);
	error = errno;
	if (at != MAP_FAILED) {
		region->start = (uintptr_t)at;
		region_add(region);
	}
	pthread_mutex_unlock(&mutex);
	if (at != MAP_FAILED)
		return at;
	free(region);
failed:
	errno = error;
	return MAP_FAILED;
}

static struct region *find(uintptr_t address, size_t pages)
{
	for (struct region *region = regions; region; region = region->next)
		if (address >= region->start && address < end_of(region))
			return pages <= (end_of(region) - address) / FX_PAGE ? region : NULL;
	return NULL;
}

int shim_mapping_check(uintptr_t address, size_t pages)
{
	const struct region *region;
	int error = 0;

	if (address % FX_PAGE)
		return -EINVAL;
	pthread_mutex_lock(&mutex);
	region = find(address, pages);
	if (!region)
		error = -EINVAL;
	for (size_t i = 0; !error && i < pages; i++)
		if (region->frames[(address - region->start) / FX_PAGE + i] != FX_NO_FRAME)
			error = -EINVAL;
	pthread_mutex_unlock(&mutex);
	return error;
}

/* How many of the frames follow each other, so that one mmap() does. */
static size_t run_length(const uint32_t *frames, size_t count)
{
	size_t length = 1;

	while (length < count && frames[length] == frames[0] + length)
		length++;
	return length;
}

int shim_mapping_fill(uintptr_t address, const uint32_t *frames, size_t pages)
{
	struct region *region;
	int error = 0;
	size_t run;

	pthread_mutex_lock(&mutex);
	region = find(address, pages);
	if (!region)
		error = -EINVAL;
	for (size_t i = 0; !error && i < pages; i += run) {
		run = frames[i] == FX_NO_FRAME ? 1 : run_length(frames + i, pages - i);
		if (frames[i] == FX_NO_FRAME)
			continue;
		if (map_frames(address + i * FX_PAGE, run, region->prot, MAP_FIXED,
				frames[i]) == MAP_FAILED)
			error = -errno;
		for (size_t k = 0; !error && k < run; k++)
			region->frames[(address - region->start) / FX_PAGE + i + k] =
				frames[i + k];
	}
	pthread_mutex_unlock(&mutex);
	return error;
}

/* Tells the launcher that frames are no longer mapped. */
static void give_back(const uint32_t *frames, size_t count)
{
	uint32_t mapped[GIVE_BACK_AT_ONCE];
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		if (frames[i] != FX_NO_FRAME)
			mapped[used++] = frames[i];
		if (used && (used == GIVE_BACK_AT_ONCE || i == count - 1)) {
			struct fx_call call = { .kind = FX_CALL_UNMAP,
						.args = { used, (uintptr_t)mapped } };

			shim_call(&call);
			used = 0;
		}
	}
}

/* Takes [start, end) out of a region: what is left of it before and after stays, as one
 * region or two. The pages taken out become a region of their own, in *cut. */
static int take_out(struct region **link, uintptr_t start, uintptr_t end, struct region **cut)
{
	struct region *region = *link, *before, *middle, *after;
	size_t first = start > region->start ? (start - region->start) / FX_PAGE : 0;
	size_t last = end < end_of(region) ? (end - region->start) / FX_PAGE : region->pages;

	before = region_new(region->start, first, region->prot);
	middle = region_new(region->start + first * FX_PAGE, last - first, region->prot);
	after = region_new(region->start + last * FX_PAGE, region->pages - last, region->prot);
	if (!before || !middle || !after) {
		free(before);
		free(middle);
		free(after);
		return -ENOMEM;
	}
	for (size_t i = 0; i < region->pages; i++) {
		if (i < first)
			before->frames[i] = region->frames[i];
		else if (i < last)
			middle->frames[i - first] = region->frames[i];
		else
			after->frames[i - last] = region->frames[i];
	}
	*link = region->next;
	fx_store_relaxed(&region_count, region_count - 1);
	free(region);
	middle->next = *cut;
	*cut = middle;
	if (before->pages)
		region_add(before);
	else
		free(before);
	if (after->pages)
		region_add(after);
	else
		free(after);
	return 0;
}

/* With the mutex held: takes everything in [start, end) out of the regions. */
static int take_all_out(uintptr_t start, uintptr_t end, struct region **cut)
{
	struct region **link = &regions;

	while (*link) {
		if ((*link)->start >= end || end_of(*link) <= start) {
			link = &(*link)->next;
			continue;
		}
		if (take_out(link, start, end, cut))
			return -ENOMEM;
		link = &regions;        /* the list has changed */
	}
	return 0;
}

static void give_all_back(struct region *cut)
{
	while (cut) {
		struct region *next = cut->next;

		give_back(cut->frames, cut->pages);
		free(cut);
		cut = next;
	}
}

int shim_mapping_unmap(void *address, size_t length)
{
	uintptr_t start = (uintptr_t)address;
	struct region *cut = NULL;
	int error = 0;

	if (!fx_load_relaxed(&region_count))
		return syscall(SYS_munmap, address, length) ? -errno : 0;
	pthread_mutex_lock(&mutex);
	if (syscall(SYS_munmap, address, length))
		error = -errno;
	else
		error = take_all_out(start, start + length, &cut);
	pthread_mutex_unlock(&mutex);
	give_all_back(cut);
	return error;
}

void shim_mapping_replaced(void *address, size_t length)
{
	uintptr_t start = (uintptr_t)address;
	struct region *cut = NULL;

	if (!fx_load_relaxed(&region_count))
		return;
	pthread_mutex_lock(&mutex);
	take_all_out(start, start + length, &cut);
	pthread_mutex_unlock(&mutex);
	give_all_back(cut);
}

void shim_mapping_before_fork(void)
{
	pthread_mutex_lock(&mutex);
}

void shim_mapping_after_fork(bool child)
{
	struct region *region;

	if (!child) {
		pthread_mutex_unlock(&mutex);
		return;
	}
	pthread_mutex_init(&mutex, NULL);
	while ((region = regions)) {
		regions = region->next;
		free(region);
	}
	region_count = 0;
}
