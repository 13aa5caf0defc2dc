/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recover.c: letting a guest go whose engine has died, with nobody left who has its ring mapped.
 *
 * The page of the ring has left the guest's memory, so nobody can answer on it any more. Xen takes
 * the ring back, though, and gives a new one; and on that one a made-up answer resumes a vCPU just
 * as well, whatever it waits for. Each of them is one too many there, so that ring goes again at
 * once. What a plain answer would not put right is put right before: tests/xen/driver/recovery.c
 * shows it kind by kind on the real Xen.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <ringside/event.h>
#include <ringside/probe.h>
#include <ringside/recover.h>

#include "engine/decode.h"
#include "engine/orphan.h"
#include "engine/statistics.h"
#include "engine/wire.h"
#include "journal/folder.h"
#include "journal/journal.h"
#include "ring/atomics.h"
#include "xen/context.h"
#include "xen/domain.h"
#include "xen/error.h"
#include "xen/monitor.h"
#include "xen/port.h"
#include "xen/sized.h"
#include "xen/store.h"

#define RUN_LIMIT_NS 20000000
#define KEEPER_LIMIT_NS 10000000000 /* for somebody else's to be done */
#define LOOK_NS 2000000

/* -- what was asked -- */

/* Was it taken, and never answered? */
static bool is_open(const struct rs_record *record, const struct rs_record_turn *turn)
{
	return rs_record_is_open(turn, record->req_cons, record->req_cons);
}

/* Or answered so lately that Xen may not have heard of it: the page would tell. */
static bool may_be_open(const struct rs_record *record, const struct rs_record_turn *turn)
{
	return rs_record_is_open(turn, record->req_cons, record->req_cons - RS_RING_SLOTS);
}

/* A request as an event; false if it is none. */
static bool read_request(const struct rs_orphan *orphan, const struct rs_record_turn *turn,
			 struct rs_event *event)
{
	const struct rs_message_head *head = (const struct rs_message_head *)turn->message;

	if (turn->request < RS_RECORD_SET || head->version != orphan->layout->version ||
	    head->vcpu_id >= orphan->vcpu_count)
		return false;
	rs_event_read(event, turn->message, orphan->layout);
	return true;
}

static void tell_losses(const struct rs_orphan *orphan, const struct rs_event *event)
{
	bool held = orphan->journal->sources & RS_JOURNAL_HELD_WRITES;

	rs_log(orphan->log, RS_LOG_INFO, "domain %u, vCPU %u: it waited with a %s event",
	       orphan->domain, event->vcpu, rs_kind_name(event->kind));
	if (event->kind == RS_DEBUG)
		rs_log(orphan->log, RS_LOG_WARNING,
		       "domain %u, vCPU %u: its debug exception is lost", orphan->domain,
		       event->vcpu);
	if (held && (event->kind == RS_CR || event->kind == RS_MSR))
		rs_log(orphan->log, RS_LOG_WARNING,
		       "domain %u, vCPU %u: the register's write that was held back is lost",
		       orphan->domain, event->vcpu);
}

/*
 * A CPUID has its results in the registers that were its inputs, with RIP still before it: run
 * again it would be another CPUID. A vCPU that is still so has had no answer, whatever the record
 * says; and after this one it is so no more.
 */
static int finish_cpuid(const struct rs_orphan *orphan, const struct rs_event *event)
{
	struct rs_vcpu_registers registers;
	int error = rs_xen_context_read(orphan->xen, orphan->domain, event->vcpu, &registers);

	if (error)
		return error;
	if (registers.rip != rs_event_rip(event) || registers.rax != rs_event_rax(event) ||
	    registers.rbx != rs_event_rbx(event) || registers.rcx != rs_event_rcx(event) ||
	    registers.rdx != rs_event_rdx(event) || event->cpuid.insn_length > 15)
		return 0;
	registers.rip += event->cpuid.insn_length;
	return rs_xen_context_write(orphan->xen, orphan->domain, event->vcpu, &registers);
}

static int look_at_requests(struct rs_orphan *orphan)
{
	struct rs_event event;
	int error = 0;

	for (unsigned int i = 0; orphan->record && i < RS_TURNS && !error; i++) {
		const struct rs_record_turn *turn = &orphan->record->turns[i];

		if (!read_request(orphan, turn, &event) || !event.synchronous)
			continue;
		if (is_open(orphan->record, turn))
			tell_losses(orphan, &event);
		if (event.kind == RS_CPUID && may_be_open(orphan->record, turn))
			error = finish_cpuid(orphan, &event);
	}
	return error;
}

/* -- the ring that lets them go -- */

/* As if so many requests had been taken: they were, by the dead, off another page. */
static int release_some(struct rs_orphan *orphan, void *page, struct rs_doorbell *doorbell,
			uint32_t first, uint32_t count)
{
	struct rs_wire answer = {
		.version = orphan->layout->version,
		.flags = RS_FLAG_VCPU_PAUSED,
	};
	struct rs_ring ring;
	int error = rs_ring_attach(&ring, page, orphan->layout->message_size,
				   orphan->layout->version, orphan->vcpu_count, first + count, first);

	for (answer.vcpu_id = first; answer.vcpu_id < first + count && !error; answer.vcpu_id++)
		error = rs_ring_put_head(&ring, &answer, sizeof(answer));
	if (error)
		return rs_fail(error, "domain %u: the new ring takes no answers", orphan->domain);
	rs_ring_push(&ring);
	error = rs_doorbell_notify(doorbell);
	return error ? rs_fail(error, "domain %u: Xen cannot be notified (%s)", orphan->domain,
			       strerror(-error)) : 0;
}

static int release_all(struct rs_orphan *orphan, void *page, uint32_t remote)
{
	struct rs_doorbell doorbell;
	struct rs_xen_port port;
	struct rs_ring ring;
	int error = rs_ring_init(&ring, page, orphan->layout->message_size,
				 orphan->layout->version, orphan->vcpu_count);

	if (error)
		return rs_fail(error, "domain %u: the ring cannot be started: %s", orphan->domain,
			       strerror(-error));
	error = rs_xen_port_bind(&port, orphan->xen, orphan->domain, remote);
	if (error)
		return error;
	rs_doorbell_init(&doorbell, &rs_xen_port_calls, &port, -1, 0);
	for (uint32_t first = 0; first < orphan->vcpu_count && !error; first += RS_RING_SLOTS) {
		uint32_t left = orphan->vcpu_count - first;

		error = release_some(orphan, page, &doorbell, first,
				     left < RS_RING_SLOTS ? left : RS_RING_SLOTS);
	}
	rs_xen_port_unbind(&port);
	return error;
}

static int fail_busy(const struct rs_orphan *orphan)
{
	return rs_fail(EBUSY,
		       "domain %u: its ring was full when its engine died, and more vCPUs sleep in "
		       "Xen until somebody answers, which nobody can: that state cannot be "
		       "recovered. What is left: xl destroy %u", orphan->domain, orphan->domain);
}

static int first_of(int error, int result)
{
	return error ? error : result;
}

/*
 * With the domain paused: from the dead one's ring to none. Views go before the ring does: if we die
 * in our turn, the next one lets the vCPUs run first, and what a view shows is our INT3s, for which
 * nobody would answer any more. Pages of the host's map go while there is a ring.
 */
static int change_ring(struct rs_orphan *orphan, bool taken)
{
	uint32_t remote;
	void *page;
	int error = rs_orphan_open(orphan), disabled = 0;

	/* Without a ring its vCPUs still wait: if we die in our turn, that says that one is needed. */
	rs_journal_source(orphan->journal, RS_JOURNAL_RING_PAGE, true);
	if (!error && taken)
		disabled = rs_xen_monitor_disable(orphan->xen, orphan->domain);
	if (disabled == -EBUSY)
		return fail_busy(orphan);
	error = first_of(error, disabled);
	if (!error)
		error = rs_xen_monitor_enable_here(orphan->xen, orphan->domain, &page, &remote);
	if (error)
		return error;
	error = release_all(orphan, page, remote);
	error = first_of(error, rs_orphan_open(orphan));
	error = first_of(error, rs_orphan_clear_intercepts(orphan));
	error = first_of(error, rs_xen_monitor_disable(orphan->xen, orphan->domain));
	rs_xen_monitor_unmap(orphan->xen, page);
	return error;
}

/* -- together -- */

/* What is asked of a vCPU already is done first, so the dead one's pauses go first. */
static int let_run(struct rs_orphan *orphan)
{
	int error = rs_orphan_unpause(orphan);

	rs_orphan_let_run(orphan, RUN_LIMIT_NS);
	return error;
}

static int take_back_paused(struct rs_orphan *orphan, bool taken)
{
	struct rs_error_note note;
	int error = rs_xen_domain_pause(orphan->xen, orphan->domain);

	if (error)
		return error;
	error = look_at_requests(orphan);
	if (!error)
		error = change_ring(orphan, taken);
	if (!error)
		error = rs_orphan_give_back(orphan);
	rs_error_keep(&note);
	rs_xen_domain_unpause(orphan->xen, orphan->domain);
	rs_error_restore(&note);
	return error;
}

/* By a new ring. */
static int change(struct rs_orphan *orphan, bool taken)
{
	int error = let_run(orphan);

	if (!error)
		error = take_back_paused(orphan, taken);
	if (error)
		return error;
	rs_orphan_let_run(orphan, RUN_LIMIT_NS);
	return 0;
}

static int take_back(struct rs_orphan *orphan, bool taken)
{
	int error = -EPROTO;

	if (taken && orphan->page && orphan->record)
		error = rs_orphan_take_ring(orphan);
	else if (!taken && orphan->first)
		error = rs_orphan_unpause(orphan);
	if (error == -EPROTO)
		error = change(orphan, taken);
	else if (!error)
		error = rs_orphan_give_back(orphan);
	if (error)
		return error;
	/* The ring's page is the guest's after a change, or an attach that came to no end. */
	error = rs_xen_monitor_remove_page(orphan->xen, orphan->domain);
	return first_of(error, rs_orphan_remove_added(orphan));
}

static bool keeper_is_at_it(const struct rs_journal *journal)
{
	const struct rs_owner *owner = &journal->owner, *keeper = &journal->keeper;

	return rs_owner_lives(keeper) && keeper->pid != (uint32_t)getpid() &&
	       (owner->pid == keeper->pid || !rs_owner_lives(owner));
}

int rs_orphan_await_keeper(uint32_t domain, const uint8_t handle[16])
{
	uint64_t end = rs_now_ns() + KEEPER_LIMIT_NS;
	struct rs_journal *journal;
	uint32_t keeper;
	bool at_it;

	for (;;) {
		if (rs_journal_find(&journal, domain, handle))
			return 0;
		at_it = keeper_is_at_it(journal);
		keeper = journal->keeper.pid;
		rs_journal_close(journal, false);
		if (!at_it)
			return 0;
		if (rs_now_ns() > end)
			return rs_fail(EBUSY, "domain %u: process %u, the keeper of one that has died, "
				       "is letting it go: wait for it, or end it, and try again",
				       domain, keeper);
		nanosleep(&(struct timespec){ .tv_nsec = LOOK_NS }, NULL);
	}
}

/* The engine's: who has taken its journal over, and died as well, has none. */
static void find_record(struct rs_orphan *orphan)
{
	uint32_t pid = orphan->journal->recorded_pid;

	if (rs_record_find(&orphan->record, orphan->domain)) {
		rs_record_discard(orphan->domain, pid);
	} else if (orphan->record->pid != pid) {
		rs_record_close(orphan->record);
		orphan->record = NULL;
	}
}

static int find_journal(struct rs_orphan *orphan, const uint8_t handle[16])
{
	char path[RS_FOLDER_PATH_SIZE];
	int error = rs_orphan_await_keeper(orphan->domain, handle);

	if (error)
		return error;
	error = rs_journal_find(&orphan->journal, orphan->domain, handle);
	rs_folder_path(orphan->domain, "", path);
	if (error && error != -ENOENT)
		rs_log(orphan->log, RS_LOG_WARNING,
		       "domain %u: %s is no journal of this program's (%s), and not gone by",
		       orphan->domain, path, strerror(-error));
	if (!orphan->journal)
		return 0;
	if (rs_owner_lives(&orphan->journal->owner))
		return rs_fail(EBUSY, "domain %u: process %u has it, and lives: end that one, or let "
			       "it go on", orphan->domain, orphan->journal->owner.pid);
	find_record(orphan);
	return 0;
}

static int fail_unrecorded(uint32_t domain)
{
	return rs_fail(EBUSY,
		       "domain %u: another agent holds its monitor ring, and has left no journal: stop "
		       "it, or if it was killed, recover the domain as unrecorded (its pauses and "
		       "views, if it had any, stay)", domain);
}

/* A second one that comes to recover finds that somebody does. */
static int recover_as_owner(struct rs_orphan *orphan, bool taken)
{
	struct rs_owner dead, self;
	int error;

	if (!orphan->journal)
		return take_back(orphan, taken);
	dead = orphan->journal->owner;
	rs_owner_read(&self);
	rs_log(orphan->log, RS_LOG_INFO, "domain %u: process %u had it, and has died",
	       orphan->domain, dead.pid);
	/* Half of a dead one's name and half of ours is nobody's: he is dead as well. */
	orphan->journal->owner = self;
	rs_journal_take_over(orphan->journal);
	rs_xen_keep_journal(orphan->xen, orphan->journal);
	error = take_back(orphan, taken);
	rs_xen_keep_journal(orphan->xen, NULL);
	if (error)
		orphan->journal->owner = dead;
	return error;
}

int rs_orphan_take_back(struct rs_orphan *orphan)
{
	int taken = rs_xen_monitor_taken(orphan->xen, orphan->domain);

	if (taken < 0)
		return taken;
	return recover_as_owner(orphan, taken);
}

static int recover(struct rs_orphan *orphan, const struct rs_xen_domain *info, bool unrecorded)
{
	int error = find_journal(orphan, info->handle);
	bool taken;

	if (error)
		return error;
	taken = rs_xen_monitor_taken(orphan->xen, orphan->domain) == 1;
	if (!orphan->journal && !taken) {
		rs_log(orphan->log, RS_LOG_INFO, "domain %u: nothing is to be recovered",
		       orphan->domain);
		return 0;
	}
	if (!orphan->journal && !unrecorded)
		return fail_unrecorded(orphan->domain);
	if (taken || !rs_journal_is_clean(orphan->journal))
		error = recover_as_owner(orphan, taken);
	if (!error)
		rs_log(orphan->log, RS_LOG_INFO, "domain %u: recovered", orphan->domain);
	return error;
}

int rs_recover_domain(struct rs_xen *xen, uint32_t domain, bool unrecorded,
		      const struct rs_log *log)
{
	struct rs_orphan orphan = { .xen = xen, .log = log, .domain = domain };
	struct rs_xen_domain info;
	uint32_t version;
	int error = rs_xen_domain_read(xen, domain, &info);

	if (!error && (info.dying || !info.hvm))
		error = rs_fail(ESRCH, "domain %u is %s: nothing is to be recovered", domain,
				info.dying ? "being destroyed" : "a PV domain");
	if (!error)
		error = rs_xen_monitor_version(xen, &version);
	if (error)
		return error;
	orphan.vcpu_count = info.vcpu_count;
	orphan.layout = rs_layout_find(version);
	if (!orphan.layout)
		return rs_fail(EOPNOTSUPP, "this Xen writes vm_event messages of version %u",
			       version);
	error = recover(&orphan, &info, unrecorded);
	if (error) {
		rs_record_leave(orphan.record);
		rs_journal_close(orphan.journal, false);
	} else {
		rs_record_close(orphan.record);
		rs_journal_close(orphan.journal, true);
	}
	return error;
}

int rs_recover_sized(const char *domain, const struct rs_recover_options *options, size_t size)
{
	struct rs_recover_options known;
	struct rs_log log = { 0 };
	struct rs_xen *xen;
	uint32_t number;
	int error = rs_options_read(&known, sizeof(known), options, size);

	if (error)
		return error;
	log.function = known.log;
	log.user = known.log_user;
	log.level = known.log_level ? known.log_level : RS_LOG_WARNING;
	error = rs_xen_open(&xen, &log);
	if (error)
		return error;
	error = rs_xen_store_find(xen, domain, &number);
	if (!error)
		error = rs_recover_domain(xen, number, known.unrecorded, &log);
	rs_xen_close(xen);
	return error;
}
