/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* copier.c: see copier.h. */
#include "tools/copier.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PAGE 4096u
#define PIECE (4u << 20)
#define PIECE_PAGES (PIECE / PAGE)
/* Two overlap, also where there is one CPU and the disk is waited for; more than four only wait. */
#define WORKERS_MIN 2
#define WORKERS_MAX 4

/* What the threads share: each takes the next piece of it. */
struct pieces {
	struct copy *copy;
	_Atomic uint64_t next; /* the number of a piece, counted over all runs */
	_Atomic uint64_t done, missing; /* bytes */
	_Atomic bool stopped;
	/* The kernel writes to a file one at a time, and who waits for it spins: here they sleep. */
	pthread_mutex_t writing;
};

struct worker {
	struct pieces *pieces;
	pthread_t thread;
	size_t run;      /* where its last piece was: the next one is further on */
	uint64_t before; /* pieces in the runs before that one */
	int error;
	char text[256];
};

/* ---- errors ---- */

static int fail_guest(struct worker *worker, int error)
{
	snprintf(worker->text, sizeof(worker->text), "%s", rs_strerror(error));
	return error;
}

static int fail_file(struct worker *worker, int error)
{
	snprintf(worker->text, sizeof(worker->text), "%s: cannot write: %s",
		 worker->pieces->copy->file, strerror(-error));
	return -EIO;
}

/* ---- a piece ---- */

int write_at(int fd, const void *bytes, size_t size, uint64_t offset)
{
	while (size) {
		ssize_t written = pwrite(fd, bytes, size, (off_t)offset);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written ? -errno : -EIO;
		bytes = (const char *)bytes + written;
		size -= (size_t)written;
		offset += (size_t)written;
	}
	return 0;
}

static bool is_zero(const char *page)
{
	const uint64_t *words = (const uint64_t *)page;
	uint64_t any = 0;

	for (size_t i = 0; i < PAGE / sizeof(*words) && !any; i += 8)
		any = words[i] | words[i + 1] | words[i + 2] | words[i + 3] | words[i + 4] |
		      words[i + 5] | words[i + 6] | words[i + 7];
	return !any;
}

/* Writes from where `has_data` says so to where it does not; *begin becomes where that is. */
static int write_next(int fd, const char *bytes, const bool *has_data, size_t pages, size_t *begin,
		      uint64_t offset)
{
	size_t end;

	while (*begin < pages && !has_data[*begin])
		++*begin;
	for (end = *begin; end < pages && has_data[end];)
		end++;
	bytes += *begin * PAGE;
	offset += *begin * PAGE;
	pages = end - *begin;
	*begin = end;
	return write_at(fd, bytes, pages * PAGE, offset);
}

/* Leaves holes where there are zeros. It is read before it is written, while others write. */
static int write_sparse(struct worker *worker, const char *bytes, size_t size, uint64_t offset)
{
	struct pieces *pieces = worker->pieces;
	size_t count = size / PAGE, next = 0;
	bool has_data[PIECE_PAGES];
	int error = 0;

	for (size_t i = 0; i < count; i++)
		has_data[i] = !is_zero(bytes + i * PAGE);
	pthread_mutex_lock(&pieces->writing);
	while (next < count && !error)
		error = write_next(pieces->copy->fd, bytes, has_data, count, &next, offset);
	pthread_mutex_unlock(&pieces->writing);
	return error ? fail_file(worker, error) : 0;
}

/* Some of it has gone since it was found: what is left of it. */
static int copy_rest(struct worker *worker, uint64_t address, size_t size, uint64_t offset)
{
	char page[PAGE] __attribute__((aligned(8)));

	for (size_t i = 0; i < size; i += PAGE) {
		int error = rs_guest_read(worker->pieces->copy->guest, address + i, page, PAGE,
					  NULL);

		if (error == -EFAULT) {
			worker->pieces->missing += PAGE;
			continue;
		}
		error = error ? fail_guest(worker, error) :
				write_sparse(worker, page, PAGE, offset + i);
		if (error)
			return error;
	}
	return 0;
}

static int copy_piece(struct worker *worker, uint64_t address, size_t size, uint64_t offset)
{
	struct rs_guest *guest = worker->pieces->copy->guest;
	void *bytes;
	int error = rs_guest_map(guest, address, size, false, &bytes);

	if (error == -EFAULT)
		return copy_rest(worker, address, size, offset);
	if (error)
		return fail_guest(worker, error);
	error = write_sparse(worker, bytes, size, offset);
	rs_guest_unmap(guest, bytes, size);
	return error;
}

/* ---- all of them ---- */

static uint64_t pieces_of(const struct run *run)
{
	return (run->size + PIECE - 1) / PIECE;
}

/* The run of a piece; NULL behind the last one. */
static const struct run *find_run(struct worker *worker, uint64_t piece)
{
	const struct copy *copy = worker->pieces->copy;

	for (; worker->run < copy->run_count; worker->run++) {
		const struct run *run = &copy->runs[worker->run];

		if (piece - worker->before < pieces_of(run))
			return run;
		worker->before += pieces_of(run);
	}
	return NULL;
}

/* 1: there was none left. */
static int copy_next(struct worker *worker, bool shows)
{
	struct pieces *pieces = worker->pieces;
	const struct copy *copy = pieces->copy;
	uint64_t piece = pieces->next++, at, left;
	const struct run *run = find_run(worker, piece);
	size_t size;
	int error;

	if (!run)
		return 1;
	at = (piece - worker->before) * PIECE;
	left = run->size - at;
	size = left < PIECE ? (size_t)left : PIECE;
	error = copy_piece(worker, run->address + at, size, run->offset + at);
	pieces->done += size;
	if (shows && copy->show)
		copy->show(copy->context, pieces->done);
	return error;
}

static void work(struct worker *worker, bool shows)
{
	struct pieces *pieces = worker->pieces;
	int error = 0;

	while (!error && !pieces->stopped)
		error = *pieces->copy->interrupted ? -EINTR : copy_next(worker, shows);
	if (error < 0) {
		worker->error = error;
		pieces->stopped = true;
	}
}

static void *worker_main(void *worker)
{
	work(worker, false);
	return NULL;
}

static unsigned int workers_wanted(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (cpus < WORKERS_MIN)
		return WORKERS_MIN;
	return cpus > WORKERS_MAX ? WORKERS_MAX : (unsigned int)cpus;
}

int copy_runs(struct copy *copy)
{
	struct pieces pieces = { .copy = copy, .writing = PTHREAD_MUTEX_INITIALIZER };
	struct worker workers[WORKERS_MAX] = { 0 };
	unsigned int wanted = workers_wanted(), count;
	const struct worker *failed = NULL;

	for (unsigned int i = 0; i < wanted; i++)
		workers[i].pieces = &pieces;
	/* The first one is the caller. Without another it takes longer. */
	for (count = 1; count < wanted; count++)
		if (pthread_create(&workers[count].thread, NULL, worker_main, &workers[count]))
			break;
	work(&workers[0], true);
	for (unsigned int i = 1; i < count; i++)
		pthread_join(workers[i].thread, NULL);
	for (unsigned int i = 0; i < count && !failed; i++)
		failed = workers[i].error ? &workers[i] : NULL;
	copy->missing = pieces.missing;
	if (!failed)
		return 0;
	memcpy(copy->text, failed->text, sizeof(copy->text));
	return failed->error;
}
