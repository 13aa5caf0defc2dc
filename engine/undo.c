/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* undo.c: what a dead engine has changed, step by step, in the order of a detach. */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include <ringside/event.h>

#include "engine/orphan.h"
#include "engine/statistics.h"
#include "journal/journal.h"
#include "xen/altp2m.h"
#include "xen/domain.h"
#include "xen/error.h"
#include "xen/log.h"
#include "xen/memory.h"
#include "xen/monitor.h"
#include "xen/vcpu.h"

#define ACCESS_ALL (RS_ACCESS_R | RS_ACCESS_W | RS_ACCESS_X)
#define LOOK_NS 200000 /* between two looks at who has run */
#define VIEWS 64

static int first_of(int error, int result)
{
	return error ? error : result;
}

static int stop_stepping(struct rs_orphan *orphan)
{
	uint32_t kinds;
	int error = rs_xen_monitor_kinds(orphan->xen, orphan->domain, &kinds);

	/* Where it cannot single-step nobody does. */
	if (error || !(kinds & 1U << RS_SINGLESTEP))
		return error;
	for (uint32_t vcpu = 0; vcpu < orphan->vcpu_count; vcpu++)
		error = first_of(error, rs_xen_vcpu_step(orphan->xen, orphan->domain,
								  vcpu, false));
	return error;
}

static bool has_views(const struct rs_orphan *orphan)
{
	return orphan->journal && (orphan->journal->altp2m || orphan->journal->views) &&
	       rs_xen_altp2m_state(orphan->xen, orphan->domain) == RS_ALTP2M_ACTIVE;
}

/* Only while the ring is on; without, Xen opens a page itself when it is touched. */
static int open_host_pages(struct rs_orphan *orphan)
{
	struct rs_journal *journal = orphan->journal;
	uint64_t max_gfn, end;
	int error;

	if (!journal || journal->closed_end <= journal->closed_first ||
	    rs_xen_monitor_taken(orphan->xen, orphan->domain) != 1)
		return 0;
	error = rs_xen_domain_max_gfn(orphan->xen, orphan->domain, &max_gfn);
	if (error)
		return error;
	end = journal->closed_end <= max_gfn ? journal->closed_end : max_gfn + 1;
	if (end > journal->closed_first)
		error = rs_xen_memory_access(orphan->xen, orphan->domain, journal->closed_first,
					     end - journal->closed_first, ACCESS_ALL);
	if (!error)
		rs_journal_forget_closed(journal);
	return error;
}

int rs_orphan_open(struct rs_orphan *orphan)
{
	int error = stop_stepping(orphan);

	if (has_views(orphan))
		error = first_of(error, rs_xen_altp2m_switch(orphan->xen, orphan->domain, 0));
	return first_of(error, open_host_pages(orphan));
}

/* On and off: what Xen's own clean-up of the ring leaves out. */
static int clear_intercept(struct rs_orphan *orphan, struct rs_xen_source source)
{
	int error = rs_xen_monitor_switch(orphan->xen, orphan->domain, &source, true);

	return first_of(error, rs_xen_monitor_switch(orphan->xen, orphan->domain, &source, false));
}

int rs_orphan_clear_intercepts(struct rs_orphan *orphan)
{
	uint32_t left = orphan->journal ? orphan->journal->sources : 0;
	int error = 0;

	for (uint32_t index = 0; index <= RS_XCR0; index++)
		if (left & RS_JOURNAL_CR(index))
			error = first_of(error, clear_intercept(orphan, (struct rs_xen_source){
				.kind = RS_CR, .index = index, .synchronous = true }));
	if (left & RS_JOURNAL_DESCRIPTOR)
		error = first_of(error, clear_intercept(orphan, (struct rs_xen_source){
			.kind = RS_DESCRIPTOR }));
	return error;
}

static int remove_views(struct rs_orphan *orphan)
{
	uint64_t views = orphan->journal->views;
	int error = 0;

	if (!has_views(orphan)) {
		rs_journal_altp2m(orphan->journal, false);
		return 0;
	}
	if (orphan->journal->altp2m)
		return rs_xen_altp2m_activate(orphan->xen, orphan->domain, false);
	for (uint16_t view = 1; view < VIEWS; view++)
		if (views & 1ULL << view)
			error = first_of(error, rs_xen_altp2m_destroy(orphan->xen, orphan->domain,
								      view));
	return error;
}

static int restore_pool(struct rs_orphan *orphan)
{
	uint32_t before = orphan->journal->pool_mib;

	return before ? rs_xen_memory_set_pool(orphan->xen, orphan->domain, before) : 0;
}

/* Those of a range that are there: what was to be added may not have come so far. */
static int remove_some(struct rs_orphan *orphan, uint64_t gfn, uint32_t count)
{
	uint64_t bits[RS_XEN_MEMORY_TYPES / 64];
	int error = rs_xen_memory_is_ram(orphan->xen, orphan->domain, gfn, count, bits);

	for (uint32_t i = 0; i < count && !error; i++)
		if (bits[i / 64] & 1ULL << i % 64)
			error = rs_xen_memory_remove(orphan->xen, orphan->domain, gfn + i, 1);
	return error;
}

int rs_orphan_remove_added(struct rs_orphan *orphan)
{
	struct rs_journal *journal = orphan->journal;
	uint64_t first, count, done = 0;
	int error = 0;

	if (!journal)
		return 0;
	first = journal->added_first;
	count = journal->added_count;
	while (done < count && !error) {
		uint64_t left = count - done;
		uint32_t batch = left < RS_XEN_MEMORY_TYPES ? (uint32_t)left : RS_XEN_MEMORY_TYPES;

		error = remove_some(orphan, first + done, batch);
		done += batch;
	}
	if (!error)
		rs_journal_removed(journal, first, count);
	if (!error && journal->max_pages)
		error = rs_xen_domain_set_max_pages(orphan->xen, orphan->domain,
						    journal->max_pages);
	return error;
}

int rs_orphan_give_back(struct rs_orphan *orphan)
{
	int error;

	if (!orphan->journal)
		return 0;
	error = remove_views(orphan);
	return first_of(error, restore_pool(orphan));
}

/* One pause less, if there is one; *lifted counts. */
static int lift_one(struct rs_orphan *orphan, unsigned int *lifted)
{
	struct rs_xen_domain info;
	int error = rs_xen_domain_read(orphan->xen, orphan->domain, &info);

	if (error || !info.paused)
		return error;
	error = rs_xen_domain_unpause(orphan->xen, orphan->domain);
	*lifted += !error;
	return error;
}

int rs_orphan_unpause(struct rs_orphan *orphan)
{
	struct rs_journal_pauses pauses;
	unsigned int lifted = 0, doubts;
	int error = 0;

	if (!orphan->journal)
		return 0;
	pauses = rs_journal_pauses(orphan->journal);
	for (unsigned int i = 0; i < pauses.certain && !error; i++)
		error = lift_one(orphan, &lifted);
	/*
	 * Of a call that was under way nobody knows more than whether the domain is paused now: if
	 * it was before our first, that is somebody else's pause.
	 */
	doubts = pauses.before ? 0 : pauses.doubts;
	if (pauses.doubts && pauses.before)
		rs_log(orphan->log, RS_LOG_WARNING,
		       "domain %u: it was paused by somebody else, and whether once more by the dead "
		       "one nobody knows: if it stays paused when that one lifts his pause, xl "
		       "unpause %u once more", orphan->domain, orphan->domain);
	for (unsigned int i = 0; i < doubts && !error; i++)
		error = lift_one(orphan, &lifted);
	if (lifted)
		rs_log(orphan->log, RS_LOG_INFO, "domain %u: pauses lifted: %u", orphan->domain,
		       lifted);
	if (!error)
		rs_journal_forget_pauses(orphan->journal);
	return error;
}

/* -- who has run -- */

static bool may_run(const struct rs_orphan *orphan, uint32_t vcpu, uint64_t *time)
{
	struct rs_xen_vcpu info;

	if (rs_xen_vcpu_read(orphan->xen, orphan->domain, vcpu, &info))
		return false;
	*time = info.cpu_time_ns;
	return info.online && !info.blocked;
}

static uint32_t vcpu_count(const struct rs_orphan *orphan)
{
	return orphan->vcpu_count < RS_ORPHAN_VCPUS_MAX ? orphan->vcpu_count : RS_ORPHAN_VCPUS_MAX;
}

void rs_orphan_mark_runs(const struct rs_orphan *orphan, struct rs_orphan_runs *runs)
{
	for (uint32_t i = 0; i < vcpu_count(orphan); i++)
		runs->waits[i] = may_run(orphan, i, &runs->begin_ns[i]);
}

bool rs_orphan_have_run(const struct rs_orphan *orphan, struct rs_orphan_runs *runs)
{
	bool all = true;
	uint64_t now;

	for (uint32_t i = 0; i < vcpu_count(orphan); i++) {
		if (runs->waits[i])
			runs->waits[i] = may_run(orphan, i, &now) && now == runs->begin_ns[i];
		all &= !runs->waits[i];
	}
	return all;
}

void rs_orphan_let_run(struct rs_orphan *orphan, uint64_t limit_ns)
{
	uint64_t end = rs_now_ns() + limit_ns;
	struct rs_orphan_runs runs;

	rs_orphan_mark_runs(orphan, &runs);
	do
		nanosleep(&(struct timespec){ .tv_nsec = LOOK_NS }, NULL);
	while (!rs_orphan_have_run(orphan, &runs) && rs_now_ns() < end);
}
