/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * detach.c: letting go of a domain, in the one order that loses nothing.
 *
 * Xen forgets with the ring what consumed answers have asked of a vCPU that has not run
 * since (registers, an emulation, a held-back write), so the vCPUs must run between the last
 * answer and the end of the ring. Steps are cancelled before views are left, since a fast
 * step under way would put its vCPU back. Sources are switched off one by one, since Xen's
 * own clean-up leaves the processor exiting on CR3 writes and descriptor accesses.
 */
#include <errno.h>
#include <time.h>

#include "engine/private.h"
#include "xen/domain.h"
#include "xen/error.h"
#include "xen/monitor.h"
#include "xen/vcpu.h"

#define WAIT_NS 1000000           /* between two looks */
#define OWED_LIMIT_NS 500000000  /* for the vCPUs to have run: 3.2 ms were seen at most */
#define DISABLE_LIMIT_NS 500000000

/* The first thing that could not be taken back; going on is always right. */
struct report {
	int error;
	struct rs_error_note note;
};

static void note(struct report *report, int error)
{
	if (!error || report->error)
		return;
	report->error = error;
	rs_error_keep(&report->note);
}

static void wait_a_little(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = WAIT_NS }, NULL);
}

static void stop_stepping(struct rs_engine *engine, struct report *report)
{
	for (uint32_t vcpu = 0; vcpu < engine->vcpu_count; vcpu++) {
		engine->lanes[vcpu].stepping = false;
		engine->lanes[vcpu].detour = RS_DETOUR_NONE;
		if (engine->can_step)
			note(report, rs_xen_vcpu_stop_stepping(engine->xen, engine->domain, vcpu));
	}
}

/* In one pause: no steps, no closed pages, no sources. */
static void withdraw(struct rs_engine *engine, struct report *report)
{
	int error = rs_xen_domain_pause(engine->xen, engine->domain);

	note(report, error);
	stop_stepping(engine, report);
	note(report, rs_pages_leave(&engine->pages));
	note(report, rs_watch_open_pages(engine));
	note(report, rs_sources_clear(&engine->sources));
	engine->draining = true;
	if (!error)
		note(report, rs_xen_domain_unpause(engine->xen, engine->domain));
}

/* How long the vCPUs that owe something have run until now, when all is answered. */
static void mark_owed(struct rs_engine *engine)
{
	for (uint32_t vcpu = 0; vcpu < engine->vcpu_count; vcpu++) {
		struct rs_lane *lane = &engine->lanes[vcpu];
		struct rs_xen_vcpu info = { 0 };

		if (lane->owes && rs_xen_vcpu_read(engine->xen, engine->domain, vcpu, &info) == 0)
			lane->cpu_time_ns = info.cpu_time_ns;
	}
}

static void drain(struct rs_engine *engine, struct report *report)
{
	bool answered = false;
	int result;

	while ((result = rs_round(engine)) > 0)
		answered = true;
	note(report, result);
	if (answered)
		mark_owed(engine);
}

/* One that has halted since has run too. */
static bool has_run(struct rs_engine *engine, uint32_t vcpu)
{
	struct rs_lane *lane = &engine->lanes[vcpu];
	struct rs_xen_vcpu info;

	if (lane->owes && rs_xen_vcpu_read(engine->xen, engine->domain, vcpu, &info) == 0 &&
	    info.online && !info.blocked && info.cpu_time_ns == lane->cpu_time_ns)
		return false;
	lane->owes = false;
	return true;
}

static bool have_all_run(struct rs_engine *engine)
{
	bool all = true;

	for (uint32_t vcpu = 0; vcpu < engine->vcpu_count; vcpu++)
		all &= has_run(engine, vcpu);
	return all;
}

/* Until every vCPU has done what its last answer asked, or cannot (a tool has paused it). */
static void wait_for_owed(struct rs_engine *engine, struct report *report)
{
	uint64_t limit = rs_now_ns() + OWED_LIMIT_NS;

	mark_owed(engine);
	while (!have_all_run(engine)) {
		if (rs_now_ns() > limit) {
			rs_log(&engine->log, RS_LOG_WARNING,
			       "domain %u: a vCPU has not run since its last answer (is the "
			       "domain paused?): what that asked for may be lost",
			       engine->domain);
			return;
		}
		wait_a_little();
		drain(engine, report);
	}
}

/* Xen refuses while a vCPU sleeps for want of a slot: its request comes, and is answered. */
static void give_ring_back(struct rs_engine *engine, struct report *report)
{
	uint64_t limit = rs_now_ns() + DISABLE_LIMIT_NS;
	int error;

	for (;;) {
		drain(engine, report);
		wait_for_owed(engine, report);
		error = rs_xen_monitor_disable(engine->xen, engine->domain);
		if (error != -EBUSY || rs_now_ns() > limit)
			break;
		wait_a_little();
	}
	note(report, error);
}

int rs_engine_detach(struct rs_engine *engine)
{
	struct report report = { 0 };
	bool ended;

	if (!engine)
		return 0;
	ended = rs_engine_check_life(engine) == -ENODEV;
	withdraw(engine, &report);
	give_ring_back(engine, &report);
	note(&report, rs_pages_remove(&engine->pages));
	rs_xen_port_unbind(&engine->port);
	rs_xen_monitor_unmap(engine->xen, engine->page);
	rs_log(&engine->log, RS_LOG_INFO, "domain %u: detached", engine->domain);
	rs_engine_free(engine);
	if (ended)
		return 0;
	rs_error_restore(&report.note);
	return report.error;
}
