/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * takeover.c: a dead engine's ring, by who has its page mapped: the keeper.
 *
 * First nothing is watched any more: no steps, no views, no closed pages, no sources. Then a plain
 * answer is right for all that is open but two kinds: a CPUID has its results in the request and RIP
 * still before it, and a debug exception that the guest waits for is ours to inject. It is a detach
 * (detach.c gives the reasons for its order), with what the record says in place of the engine.
 *
 * What is answered is noted in the record, as the engine did: who comes after us, if we die, goes on.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <ringside/error.h>
#include <ringside/event.h>
#include <ringside/reply.h>

#include "engine/answer.h"
#include "engine/decode.h"
#include "engine/layout.h"
#include "engine/orphan.h"
#include "engine/statistics.h"
#include "journal/journal.h"
#include "ring/atomics.h"
#include "xen/domain.h"
#include "xen/error.h"
#include "xen/log.h"
#include "xen/monitor.h"
#include "xen/vcpu.h"

#define LOOK_NS 200000
#define RUN_LIMIT_NS 500000000
#define DISABLE_LIMIT_NS 2000000000

struct takeover {
	struct rs_orphan *orphan;
	struct rs_ring ring;
	uint32_t answered;
};

static int first_of(int error, int result)
{
	return error ? error : result;
}

/* -- nothing is watched -- */

static void switch_off(struct rs_orphan *orphan, struct rs_xen_source source)
{
	/* -EEXIST: it was off. Of any other error nobody could make more than that. */
	rs_xen_monitor_switch(orphan->xen, orphan->domain, &source, false);
}

/* Which MSRs were watched nobody has written down: each is switched off when it reports. */
static int switch_off_all(struct rs_orphan *orphan)
{
	uint32_t kinds;
	int error = rs_xen_monitor_kinds(orphan->xen, orphan->domain, &kinds);

	if (error)
		return error;
	for (uint32_t kind = 0; kind < 32; kind++)
		if (kinds & 1U << kind && kind != RS_CR && kind != RS_MSR)
			switch_off(orphan, (struct rs_xen_source){ .kind = kind });
	for (uint32_t index = 0; index <= RS_XCR0; index++)
		switch_off(orphan, (struct rs_xen_source){
			.kind = RS_CR, .index = index, .synchronous = true });
	return rs_orphan_clear_intercepts(orphan);
}

static int withdraw(struct rs_orphan *orphan)
{
	struct rs_error_note note;
	int error = rs_xen_domain_pause(orphan->xen, orphan->domain);

	if (error)
		return error;
	error = rs_orphan_open(orphan);
	error = first_of(error, switch_off_all(orphan));
	rs_error_keep(&note);
	rs_xen_domain_unpause(orphan->xen, orphan->domain);
	rs_error_restore(&note);
	return error;
}

/* -- answers -- */

static bool is_open(const struct takeover *takeover, const struct rs_record_turn *turn)
{
	return rs_record_is_open(turn, takeover->ring.req_cons, takeover->ring.rsp_prod);
}

static struct rs_record_turn *find_turn(struct takeover *takeover, bool open)
{
	struct rs_record_turn *turns = takeover->orphan->record->turns;

	for (unsigned int i = 0; i < RS_TURNS; i++)
		if (is_open(takeover, &turns[i]) == open)
			return &turns[i];
	return NULL;
}

/* What the vCPU gets besides the leave to run. */
static void answer_event(struct rs_orphan *orphan, struct rs_event *event, struct rs_answer *answer)
{
	struct rs_answer_rules rules = { 0 };
	struct rs_reply reply = RS_RESUME;
	bool stepping;

	if (event->kind == RS_MSR)
		switch_off(orphan, (struct rs_xen_source){ .kind = RS_MSR,
							   .index = event->msr.index });
	if (event->synchronous && event->kind == RS_CPUID) {
		reply.flags = RS_REPLY_SET_REGISTERS;
		rs_answer_registers(event);
	}
	if (event->synchronous && event->kind == RS_DEBUG)
		reply.action = RS_ACTION_GIVE_BACK;
	rs_answer_build(answer, event, &reply, &rules, &stepping);
	if (answer->injection.wanted &&
	    rs_xen_vcpu_inject(orphan->xen, orphan->domain, event->vcpu, answer->injection.vector,
			       answer->injection.type, answer->injection.error_code,
			       answer->injection.insn_length, answer->injection.extra))
		rs_log(orphan->log, RS_LOG_WARNING,
		       "domain %u, vCPU %u: its debug exception is lost: %s", orphan->domain,
		       event->vcpu, rs_error_text());
}

static int answer(struct takeover *takeover, struct rs_record_turn *turn)
{
	const struct rs_layout *layout = takeover->orphan->layout;
	uint8_t message[RS_RING_MESSAGE_SIZE_MAX] __attribute__((aligned(16)));
	const struct rs_message_head *head = (const struct rs_message_head *)message;
	uint64_t index = takeover->ring.rsp_prod;
	struct rs_event event;
	struct rs_answer reply;
	int error;

	memcpy(message, turn->message, sizeof(message));
	rs_event_read(&event, message, layout);
	rs_answer_init(&reply, &event);
	/* Of another version, or of no vCPU: the answer frees the slot, and can do no more. */
	if (head->version == layout->version && event.vcpu < takeover->orphan->vcpu_count)
		answer_event(takeover->orphan, &event, &reply);
	error = rs_ring_put_head(&takeover->ring, reply.message, rs_answer_size(&reply, layout));
	if (error)
		return rs_fail(error, "domain %u: its ring has no slot for an answer",
			       takeover->orphan->domain);
	rs_store_release(&turn->answer, index | RS_RECORD_SET);
	takeover->answered++;
	return 0;
}

/* In the order that record.h gives. False: none waits. */
static bool take_one(struct takeover *takeover)
{
	struct rs_record_turn *turn = find_turn(takeover, false);
	struct rs_ring_fault fault;

	if (!turn || !rs_ring_pending(&takeover->ring))
		return false;
	rs_store_relaxed(&turn->request, takeover->ring.req_cons | RS_RECORD_SET);
	rs_store_release(&turn->answer, 0);
	if (rs_ring_take(&takeover->ring, turn->message, &fault) > 0)
		return true;
	rs_store_relaxed(&turn->request, 0);
	return fault.kind != RS_RING_SOUND;
}

/* All that is on the ring. Returns how many were answered, or -errno. */
static int drain(struct takeover *takeover)
{
	struct rs_record_turn *turn;
	uint32_t before = takeover->answered;
	int error = 0;

	while (take_one(takeover))
		continue;
	while (!error && (turn = find_turn(takeover, true)))
		error = answer(takeover, turn);
	if (rs_ring_push(&takeover->ring) && !error)
		error = rs_xen_monitor_resume(takeover->orphan->xen, takeover->orphan->domain);
	return error ? error : (int)(takeover->answered - before);
}

/* -- the end of the ring -- */

/* Until each vCPU has done what its answer asked, and one that slept for a slot has reported. */
static int answer_until_run(struct takeover *takeover)
{
	uint64_t limit = rs_now_ns() + RUN_LIMIT_NS;
	struct rs_orphan_runs runs;
	int result = drain(takeover);

	rs_orphan_mark_runs(takeover->orphan, &runs);
	while (result >= 0 && !rs_orphan_have_run(takeover->orphan, &runs)) {
		if (rs_now_ns() > limit) {
			rs_log(takeover->orphan->log, RS_LOG_WARNING,
			       "domain %u: a vCPU has not run since its last answer (is the domain "
			       "paused?): what that asked for may be lost", takeover->orphan->domain);
			return 0;
		}
		nanosleep(&(struct timespec){ .tv_nsec = LOOK_NS }, NULL);
		result = drain(takeover);
		if (result > 0)
			rs_orphan_mark_runs(takeover->orphan, &runs);
	}
	return result < 0 ? result : 0;
}

/* With the domain paused, so that no request comes after our last look. -EAGAIN: one has come. */
static int disable(struct takeover *takeover)
{
	struct rs_orphan *orphan = takeover->orphan;
	struct rs_error_note note;
	int error = rs_xen_domain_pause(orphan->xen, orphan->domain);

	if (error)
		return error;
	error = rs_ring_pending(&takeover->ring)
			? -EAGAIN : rs_xen_monitor_disable(orphan->xen, orphan->domain);
	rs_error_keep(&note);
	rs_xen_domain_unpause(orphan->xen, orphan->domain);
	rs_error_restore(&note);
	return error;
}

static int give_ring_back(struct takeover *takeover)
{
	uint64_t limit = rs_now_ns() + DISABLE_LIMIT_NS;
	int error;

	do {
		error = answer_until_run(takeover);
		if (!error)
			error = disable(takeover);
	} while ((error == -EBUSY || error == -EAGAIN) && rs_now_ns() < limit);
	if (error == -EBUSY || error == -EAGAIN)
		return rs_fail(EBUSY, "domain %u: its vCPUs go on reporting",
			       takeover->orphan->domain);
	return error;
}

/* -- together -- */

/*
 * Of what the dead one has begun: an answer that was written and not pushed will be overwritten, and a
 * request that it was about to take may be taken into another turn.
 */
static void tidy(struct takeover *takeover)
{
	for (unsigned int i = 0; i < RS_TURNS; i++) {
		struct rs_record_turn *turn = &takeover->orphan->record->turns[i];

		if (is_open(takeover, turn))
			rs_store_relaxed(&turn->answer, (uint64_t)0);
		else
			rs_store_relaxed(&turn->request, (uint64_t)0);
	}
}

/* The record and the page must agree about how many are open. */
static int attach(struct takeover *takeover)
{
	struct rs_orphan *orphan = takeover->orphan;
	struct rs_record *record = orphan->record;
	const struct rs_ring_page *page = orphan->page;
	uint32_t open = 0;
	int error = -EPROTO;

	if (rs_record_is_sound(record, orphan->domain))
		error = rs_ring_attach(&takeover->ring, orphan->page, orphan->layout->message_size,
				       orphan->layout->version, orphan->vcpu_count,
				       record->req_cons, rs_load_acquire(&page->rsp_prod));
	for (unsigned int i = 0; i < RS_TURNS && !error; i++)
		open += is_open(takeover, &record->turns[i]);
	if (error || open != rs_ring_owed(&takeover->ring)) {
		rs_log(orphan->log, RS_LOG_WARNING,
		       "domain %u: the record of what is open on its ring makes no sense: the ring "
		       "is changed, and what was asked is answered by guess", orphan->domain);
		return -EPROTO;
	}
	tidy(takeover);
	takeover->ring.mirror = &record->req_cons;
	return 0;
}

/* Who waits is let go whatever fails before. */
static int take(struct takeover *takeover)
{
	struct rs_orphan *orphan = takeover->orphan;
	/* A push may lack its notify. */
	int error = rs_xen_monitor_resume(orphan->xen, orphan->domain);

	error = first_of(error, rs_orphan_unpause(orphan));
	error = first_of(error, withdraw(orphan));
	return first_of(error, give_ring_back(takeover));
}

int rs_orphan_take_ring(struct rs_orphan *orphan)
{
	struct takeover takeover = { .orphan = orphan };
	int error = attach(&takeover);

	if (error)
		return error;
	error = take(&takeover);
	if (!error)
		rs_log(orphan->log, RS_LOG_INFO, "domain %u: events answered: %u", orphan->domain,
		       takeover.answered);
	return error;
}
