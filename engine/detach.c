/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * detach.c: letting go of a domain, in the one order that loses nothing.
 *
 * Xen forgets with the ring what consumed answers have asked of a vCPU that has not run
 * since (registers, an emulation, a held-back write), and a vCPU that an answer has woken from
 * the queue for a slot puts its request only when it runs. So every vCPU must have run between
 * the last answer and the end of the ring. Steps are cancelled before views are left, since a fast
 * step under way would put its vCPU back. Sources are switched off one by one, since Xen's
 * own clean-up leaves the processor exiting on CR3 writes and descriptor accesses.
 */
#include <errno.h>
#include <time.h>

#include <ringside/probe.h>

#include "engine/private.h"
#include "engine/rcu.h"
#include "engine/wanted.h"
#include "xen/domain.h"
#include "xen/error.h"
#include "xen/monitor.h"
#include "xen/vcpu.h"

#define WAIT_NS 1000000           /* between two looks */
#define RUN_LIMIT_NS 500000000    /* for every vCPU to run: 3.2 ms were seen at most */
#define DISABLE_LIMIT_NS 2000000000
#define CLOSE_LIMIT_NS 2000000000 /* for handlers that run to return */

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
			note(report, rs_xen_vcpu_step(engine->xen, engine->domain, vcpu, false));
	}
}

/* In one pause: no steps, no closed pages, no sources. */
static void withdraw(struct rs_engine *engine, struct report *report)
{
	int error = rs_xen_domain_pause(engine->xen, engine->domain);

	note(report, error);
	stop_stepping(engine, report);
	rs_traps_withdraw(&engine->traps);
	note(report, rs_views_leave(&engine->views));
	note(report, rs_wanted_open_pages(engine));
	note(report, rs_sources_clear(&engine->sources));
	engine->draining = engine->guarded = true;
	engine->straight = false;
	if (!error)
		note(report, rs_xen_domain_unpause(engine->xen, engine->domain));
}

/* From here on each vCPU has to run once more, and how long it has run until now. */
static void mark_all(struct rs_engine *engine)
{
	for (uint32_t vcpu = 0; vcpu < engine->vcpu_count; vcpu++) {
		struct rs_lane *lane = &engine->lanes[vcpu];
		struct rs_xen_vcpu info;

		lane->owes = rs_xen_vcpu_read(engine->xen, engine->domain, vcpu, &info) == 0;
		if (lane->owes)
			lane->cpu_time_ns = info.cpu_time_ns;
	}
}

static void drain(struct rs_engine *engine, struct report *report)
{
	struct rs_worker *worker = &engine->workers[0];
	bool answered = rs_turns_reclaim(worker);
	int result;

	while ((result = rs_worker_visit(worker)) > 0)
		answered = true;
	note(report, result < 0 ? result : 0);
	if (answered)
		mark_all(engine);
}

/* One that has halted has run, and one that is not online never will. */
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

/*
 * Until every vCPU has run since the last answer: then it has done what its answer asked, and
 * one that slept for want of a slot has put its request. In a domain that a tool has paused
 * none can, so there is a limit.
 */
static void wait_until_run(struct rs_engine *engine, struct report *report)
{
	uint64_t limit = rs_now_ns() + RUN_LIMIT_NS;

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

/*
 * With the domain paused, so that no request comes between our last look and the end of the
 * ring: its vCPU would wait for ever. -EAGAIN: one has come.
 */
static int disable(struct rs_engine *engine, struct report *report)
{
	int paused = rs_xen_domain_pause(engine->xen, engine->domain);
	int error = -EAGAIN;

	if (!rs_ring_pending(&engine->ring) && !rs_ring_owed(&engine->ring))
		error = rs_xen_monitor_disable(engine->xen, engine->domain);
	if (!paused)
		note(report, rs_xen_domain_unpause(engine->xen, engine->domain));
	return error;
}

/* Xen refuses while a vCPU sleeps for want of a slot: its request comes, and is answered. */
static void give_ring_back(struct rs_engine *engine, struct report *report)
{
	uint64_t limit = rs_now_ns() + DISABLE_LIMIT_NS;
	int error;

	mark_all(engine);
	for (;;) {
		drain(engine, report);
		wait_until_run(engine, report);
		error = disable(engine, report);
		if ((error != -EBUSY && error != -EAGAIN) || rs_now_ns() > limit)
			break;
	}
	if (error == -EAGAIN)
		error = rs_fail(EAGAIN, "domain %u: one request after the other has come, with "
				"nothing watched: its ring was not given back", engine->domain);
	note(report, error);
}

/* Whose handler does not return, for the text. */
static int report_stuck(struct rs_engine *engine)
{
	for (uint32_t i = 0; i < engine->worker_count; i++) {
		const struct rs_rule *rule = rs_load_acquire(&engine->workers[i].running);

		if (rule)
			return rs_fail(ETIMEDOUT,
				       "domain %u: the handler of a %s watch does not return: it is "
				       "still attached; detach again", engine->domain,
				       rs_kind_name(rule->options.kind));
	}
	return rs_fail(ETIMEDOUT, "domain %u: a thread does not leave the engine: it is still "
				  "attached; detach again", engine->domain);
}

static void let_go(struct rs_engine *engine, struct report *report, bool ended)
{
	/* In a guest that has ended no vCPU will run again: nothing is owed to it. */
	if (ended) {
		note(report, rs_xen_monitor_disable(engine->xen, engine->domain));
	} else {
		withdraw(engine, report);
		give_ring_back(engine, report);
	}
	note(report, rs_views_remove(&engine->views));
	note(report, rs_traps_release(&engine->traps));
	rs_xen_port_unbind(&engine->port);
	rs_xen_monitor_unmap(engine->xen, engine->page);
	rs_log(&engine->log, RS_LOG_INFO, "domain %u: detached", engine->domain);
}

int rs_engine_detach(struct rs_engine *engine)
{
	struct rs_worker *outer = rs_worker_here;
	struct report report = { 0 };
	bool ended;

	if (!engine)
		return 0;
	if (outer && outer->engine == engine)
		return rs_fail(EDEADLK, "domain %u: a handler cannot detach its own engine: call "
					"rs_engine_stop, and detach afterwards", engine->domain);
	if (!rs_engine_close(engine, CLOSE_LIMIT_NS))
		return report_stuck(engine);
	rs_deadline_end(engine);
	rs_rcu_enter();
	rs_worker_here = &engine->workers[0];
	ended = rs_engine_check_life(engine) == -ENODEV;
	let_go(engine, &report, ended);
	rs_worker_here = outer;
	rs_engine_free(engine);
	if (ended)
		return 0;
	rs_error_restore(&report.note);
	return report.error;
}
