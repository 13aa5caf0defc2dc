/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* journal.c: see journal.h. */
#include "journal/journal.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "journal/folder.h"
#include "ring/atomics.h"

_Static_assert(sizeof(struct rs_journal_pauses) == sizeof(uint64_t), "one word");

#define GFN_LIMIT (1ULL << 40)
#define ADDED_LIMIT (1ULL << 20)
#define VIEWS 64

static int map(struct rs_journal **journal, int fd)
{
	*journal = mmap(NULL, sizeof(**journal), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			fd, 0);
	if (*journal != MAP_FAILED)
		return 0;
	*journal = NULL;
	return -ENOMEM;
}

static int begin(struct rs_journal **out, uint32_t domain, const uint8_t handle[16], int fd,
		 uint64_t inode)
{
	struct rs_journal *journal;
	int error = map(&journal, fd);

	if (error)
		return error;
	journal->version = RS_JOURNAL_VERSION;
	journal->domain = domain;
	journal->inode = inode;
	memcpy(journal->handle, handle, sizeof(journal->handle));
	rs_owner_read(&journal->owner);
	journal->recorded_pid = journal->owner.pid;
	rs_compiler_barrier();
	memcpy(journal->magic, RS_JOURNAL_MAGIC, sizeof(journal->magic));
	*out = journal;
	return 0;
}

int rs_journal_create(struct rs_journal **journal, uint32_t domain, const uint8_t handle[16],
		      int *fd)
{
	uint64_t inode;
	int error;

	*journal = NULL;
	*fd = rs_folder_create(domain, "", sizeof(**journal), &inode);
	if (*fd < 0)
		return *fd;
	error = begin(journal, domain, handle, *fd, inode);
	if (error) {
		rs_folder_remove(domain, "", inode);
		close(*fd);
		*fd = -1;
	}
	return error;
}

int rs_journal_create_nameless(struct rs_journal **journal, uint32_t domain,
			       const uint8_t handle[16], int *fd)
{
	int error;

	*journal = NULL;
	*fd = rs_folder_create_nameless(sizeof(**journal));
	if (*fd < 0)
		return *fd;
	error = begin(journal, domain, handle, *fd, 0);
	if (error) {
		close(*fd);
		*fd = -1;
	}
	return error;
}

/* What another program, or a bug, has written there must not lead us astray. */
static bool makes_sense(const struct rs_journal *journal)
{
	return journal->closed_first <= GFN_LIMIT && journal->closed_end <= GFN_LIMIT &&
	       journal->added_first <= GFN_LIMIT && journal->added_count <= ADDED_LIMIT &&
	       journal->max_pages <= GFN_LIMIT;
}

int rs_journal_map(struct rs_journal **journal, int fd)
{
	int error = map(journal, fd);

	if (error)
		return error;
	if (!memcmp((*journal)->magic, RS_JOURNAL_MAGIC, sizeof((*journal)->magic)) &&
	    (*journal)->version == RS_JOURNAL_VERSION && makes_sense(*journal))
		return 0;
	rs_journal_close(*journal, false);
	*journal = NULL;
	return -EINVAL;
}

int rs_journal_find(struct rs_journal **out, uint32_t domain, const uint8_t handle[16])
{
	struct rs_journal *journal;
	uint64_t inode;
	int fd = rs_folder_open(domain, "", sizeof(*journal), &inode), error;

	*out = NULL;
	if (fd < 0)
		return fd;
	error = rs_journal_map(&journal, fd);
	close(fd);
	if (error)
		return error;
	if (journal->domain != domain || memcmp(journal->handle, handle, 16) ||
		 !rs_owner_is_of_this_boot(&journal->owner))
		error = -ENOENT;
	if (error) {
		rs_journal_close(journal, false);
		return error;
	}
	journal->inode = inode;
	*out = journal;
	return 0;
}

void rs_journal_close(struct rs_journal *journal, bool remove)
{
	if (!journal)
		return;
	if (remove)
		rs_folder_remove(journal->domain, "", journal->inode);
	munmap(journal, sizeof(*journal));
}

bool rs_journal_is_clean(const struct rs_journal *journal)
{
	struct rs_journal_pauses pauses = rs_journal_pauses(journal);

	return !pauses.certain && !pauses.under_way && !pauses.doubts && !journal->sources &&
	       !journal->altp2m && !journal->views && !journal->closed_end && !journal->pool_mib &&
	       !journal->added_count && !journal->max_pages;
}

/* -- pauses -- */

struct rs_journal_pauses rs_journal_pauses(const struct rs_journal *journal)
{
	struct rs_journal_pauses pauses;
	uint64_t word = rs_load_relaxed(&journal->pauses);

	memcpy(&pauses, &word, sizeof(pauses));
	return pauses;
}

static uint64_t word_of(struct rs_journal_pauses pauses)
{
	uint64_t word;

	memcpy(&word, &pauses, sizeof(word));
	return word;
}

/* A user's thread may pause the domain, too. */
static void count(struct rs_journal *journal, int certain, int under_way, bool was_paused)
{
	uint64_t word = rs_load_relaxed(&journal->pauses), wanted;
	struct rs_journal_pauses pauses;

	do {
		memcpy(&pauses, &word, sizeof(pauses));
		if (!pauses.certain && !pauses.under_way && !pauses.doubts)
			pauses.before = was_paused;
		if (certain > 0 || pauses.certain)
			pauses.certain = (uint16_t)(pauses.certain + certain);
		pauses.under_way = (uint8_t)(pauses.under_way + under_way);
		wanted = word_of(pauses);
	} while (!rs_compare_exchange_acq_rel(&journal->pauses, &word, wanted));
}

void rs_journal_pause_begin(struct rs_journal *journal, bool was_paused)
{
	if (journal)
		count(journal, 0, 1, was_paused);
}

void rs_journal_pause_end(struct rs_journal *journal, bool done)
{
	if (journal)
		count(journal, done, -1, false);
}

void rs_journal_unpause_begin(struct rs_journal *journal)
{
	if (journal)
		count(journal, -1, 1, false);
}

void rs_journal_unpause_end(struct rs_journal *journal)
{
	rs_journal_pause_end(journal, false);
}

void rs_journal_take_over(struct rs_journal *journal)
{
	struct rs_journal_pauses pauses = rs_journal_pauses(journal);

	pauses.doubts = (uint8_t)(pauses.doubts + pauses.under_way);
	pauses.under_way = 0;
	rs_store_release(&journal->pauses, word_of(pauses));
}

void rs_journal_forget_pauses(struct rs_journal *journal)
{
	rs_store_release(&journal->pauses, (uint64_t)0);
}

/* -- all else -- */

void rs_journal_source(struct rs_journal *journal, uint32_t bits, bool on)
{
	if (journal && bits)
		rs_store_release(&journal->sources,
				 on ? journal->sources | bits : journal->sources & ~bits);
}

void rs_journal_altp2m(struct rs_journal *journal, bool on)
{
	if (!journal)
		return;
	/* With it go all views. */
	if (!on)
		rs_store_release(&journal->views, (uint64_t)0);
	rs_store_release(&journal->altp2m, (uint32_t)on);
}

void rs_journal_view(struct rs_journal *journal, uint16_t view, bool made)
{
	uint64_t bit = view < VIEWS ? 1ULL << view : 0;

	if (journal)
		rs_store_release(&journal->views,
				 made ? journal->views | bit : journal->views & ~bit);
}

void rs_journal_closed(struct rs_journal *journal, uint64_t first_gfn, uint64_t count)
{
	uint64_t end = first_gfn + count;

	if (!journal || !count)
		return;
	/* A worker that closes a page again after a step finds that it stands here. */
	if (!rs_load_relaxed(&journal->closed_end) ||
	    first_gfn < rs_load_relaxed(&journal->closed_first))
		rs_store_release(&journal->closed_first, first_gfn);
	if (end > rs_load_relaxed(&journal->closed_end))
		rs_store_release(&journal->closed_end, end);
}

void rs_journal_pool(struct rs_journal *journal, uint32_t mib)
{
	if (journal && !journal->pool_mib)
		rs_store_release(&journal->pool_mib, mib);
}

void rs_journal_max_pages(struct rs_journal *journal, uint64_t pages)
{
	if (journal && !journal->max_pages)
		rs_store_release(&journal->max_pages, pages);
}

void rs_journal_added(struct rs_journal *journal, uint64_t first_gfn, uint64_t count)
{
	if (!journal || !count)
		return;
	if (!journal->added_count)
		rs_store_release(&journal->added_first, first_gfn);
	/* Each lies above the ones before it, so one range holds all. */
	rs_store_release(&journal->added_count, first_gfn + count - journal->added_first);
}

void rs_journal_removed(struct rs_journal *journal, uint64_t first_gfn, uint64_t count)
{
	if (journal && first_gfn <= journal->added_first &&
	    first_gfn + count >= journal->added_first + journal->added_count)
		rs_store_release(&journal->added_count, (uint64_t)0);
}

void rs_journal_forget_closed(struct rs_journal *journal)
{
	if (journal)
		rs_store_release(&journal->closed_end, (uint64_t)0);
}

void rs_journal_forget_pool(struct rs_journal *journal)
{
	if (journal)
		rs_store_release(&journal->pool_mib, (uint32_t)0);
}


void rs_journal_forget_max_pages(struct rs_journal *journal)
{
	if (journal)
		rs_store_release(&journal->max_pages, (uint64_t)0);
}
