/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* known.c: see known.h. */
#include "engine/known.h"

#include <stddef.h>
#include <string.h>

#include "engine/layout.h"
#include "engine/private.h"
#include "engine/rcu.h"
#include "engine/registers.h"
#include "engine/wire.h"
#include "ring/atomics.h"

#define ACCESS_ALL (RS_ACCESS_R | RS_ACCESS_W | RS_ACCESS_X)

/* Their payload lies in the event as it does in the message, and no state of the lane matters. */
#define STRAIGHT_KINDS \
	(1U << RS_PAGE | 1U << RS_CR | 1U << RS_MSR | 1U << RS_BREAKPOINT | \
	 1U << RS_GUEST_REQUEST | 1U << RS_DEBUG | 1U << RS_CPUID)
/* Xen has seen to these: to go on is no more than to resume. */
#define ANSWERED_KINDS (1U << RS_CR | 1U << RS_MSR | 1U << RS_GUEST_REQUEST)

/* Where in a message the key is that its watch is looked up by. For other kinds it is 0. */
#define KEY offsetof(struct rs_wire, u)
_Static_assert(offsetof(struct rs_wire, u.page.gfn) == KEY &&
	       offsetof(struct rs_wire, u.cr.index) == KEY &&
	       offsetof(struct rs_wire, u.msr.msr) == KEY &&
	       KEY + sizeof(uint64_t) == sizeof(((struct rs_head *)0)->value), "it ends the head");

_Static_assert(offsetof(struct rs_event, view) == 16 &&
	       offsetof(struct rs_event, synchronous) == 18, "RS_KNOWN_SYNCHRONOUS");

/* -- which watch -- */

static uint16_t view_of(const struct rs_wire *wire)
{
	return wire->flags & RS_FLAG_ALTERNATE_P2M ? wire->altp2m_idx : 0;
}

static uint64_t key_of(const struct rs_wire *wire)
{
	switch (wire->reason) {
	case RS_CR:
		return wire->u.cr.index;
	case RS_MSR:
		return wire->u.msr.msr;
	case RS_PAGE:
		return rs_table_page_key(view_of(wire), wire->u.page.gfn);
	case RS_BREAKPOINT:
		return *(const uint64_t *)(const void *)((const char *)wire + RS_LAYOUT_RIP);
	default:
		return 0;
	}
}

/* No reply begins with this. */
#define NO_REPLY UINT64_MAX

/* No message has this version. */
const struct rs_head rs_known_no_head = { { UINT64_MAX, 0, 0, 0 }, { UINT64_MAX, 0, 0, 0 } };

/* What the handler's usual reply is, until it has given another. */
static void expect_plain(struct rs_known *known)
{
	known->plain = ANSWERED_KINDS >> known->kind & 1 ? RS_ACTION_CONTINUE : RS_ACTION_RESUME;
	known->usual[0] = NO_REPLY;
	known->flags = RS_FLAG_VCPU_PAUSED;
}

/* The only breakpoint watch, and of all addresses: watches are of one address, or of all. */
static bool is_everywhere(const struct rs_table *table, const struct rs_known *known)
{
	return known->kind == RS_BREAKPOINT && !known->rule->first &&
	       known->rule->last == UINT64_MAX && !rs_table_has_narrow(table, RS_BREAKPOINT);
}

/* All that a request is known by, if that is to be had from its head. */
static void describe(struct rs_known *known, const struct rs_table *table,
		     const struct rs_wire *wire)
{
	struct rs_wire mask = { .version = UINT32_MAX, .reason = UINT32_MAX,
				.flags = RS_FLAG_VCPU_PAUSED | RS_FLAG_ALTERNATE_P2M };

	known->event_view = RS_KNOWN_SYNCHRONOUS | view_of(wire);
	known->wanted = known->kind == RS_PAGE ? ACCESS_ALL & ~known->rule->options.page.access : 0;
	if (wire->flags & RS_FLAG_ALTERNATE_P2M)
		mask.altp2m_idx = UINT16_MAX;
	if (known->kind == RS_CR)
		mask.u.cr.index = UINT32_MAX;
	else if (known->kind == RS_MSR || known->kind == RS_PAGE)
		mask.u.msr.msr = UINT64_MAX;
	memcpy(known->head.value, wire, sizeof(known->head.value));
	memcpy(known->head.mask, &mask, sizeof(known->head.mask));
	if ((known->kind == RS_PAGE && known->wanted != ACCESS_ALL) ||
	    (known->kind == RS_BREAKPOINT && !is_everywhere(table, known)))
		known->head = rs_known_no_head;
}

bool rs_known_find(struct rs_worker *worker, struct rs_known *known, const struct rs_wire *wire)
{
	const struct rs_table *table = worker->engine->table;
	uint64_t changes = rs_load_acquire(rs_table_changes(table)), order = 0;
	uint32_t kind = wire->reason;
	struct rs_rule *rule;
	bool more, alone;

	if (kind >= RS_KIND_COUNT || !(STRAIGHT_KINDS >> kind & 1))
		return false;
	/* It may be one that the engine placed, or has removed, which others are not to see. */
	if (kind == RS_BREAKPOINT && (rs_table_has(table, RS_TABLE_TRAPS) ||
				      rs_load_relaxed(&worker->engine->traps.page_count)))
		return false;
	rs_rcu_begin();
	rule = rs_table_next(table, (enum rs_kind)kind, key_of(wire), 0, &order, &more);
	alone = rule && !more && !rule->filtered && rule->options.handler;
	if (alone) {
		*known = (struct rs_known){ .rule = rule, .changes = changes, .kind = kind,
					    .key = key_of(wire),
					    .handler = rule->options.handler,
					    .user = rule->options.user,
					    .counters = &worker->counters.kinds[kind] };
		describe(known, table, wire);
		expect_plain(known);
	}
	rs_rcu_done();
	return alone;
}

struct rs_known *rs_known_place(struct rs_worker *worker, const struct rs_wire *wire)
{
	return &worker->known[(key_of(wire) + wire->reason) % RS_KNOWN_COUNT];
}

bool rs_known_is_of(const struct rs_worker *worker, const struct rs_known *known,
		    const struct rs_wire *wire)
{
	return known->key == key_of(wire) && known->kind == wire->reason &&
	       known->event_view == (RS_KNOWN_SYNCHRONOUS | view_of(wire)) &&
	       rs_known_is_current(worker->engine->table, known);
}

/* -- the handler's reply -- */

static bool is_plain_action(const struct rs_reply *reply, enum rs_action action)
{
	return reply->action == action && !reply->flags;
}

/* A page fault that the watch, or the engine's user, wants stepped fast. */
static bool is_stepped(const struct rs_engine *engine, const struct rs_known *known,
		       const struct rs_reply *reply)
{
	enum rs_way way = known->rule->options.way ? known->rule->options.way : engine->way;

	return known->kind == RS_PAGE && way == RS_WAY_FAST_STEP &&
	       is_plain_action(reply, RS_ACTION_CONTINUE);
}

/* In a view, into which the vCPU returns. Breakpoints are not the engine's: see rs_known_find. */
static bool is_fast_step(const struct rs_engine *engine, const struct rs_known *known,
			 const struct rs_event *event, const struct rs_reply *reply)
{
	if (!event->view || event->view >= RS_VIEWS_MAX || !engine->can_step)
		return false;
	if (is_stepped(engine, known, reply))
		return true;
	return (known->kind == RS_PAGE || known->kind == RS_BREAKPOINT) &&
	       is_plain_action(reply, RS_ACTION_FAST_STEP) && !reply->view &&
	       (reply->return_view == RS_VIEW_SAME || reply->return_view == event->view);
}

/* Of a page fault Xen emulates the instruction: as the handler says, or if it says nothing. */
static bool may_emulate(const struct rs_known *known, const struct rs_reply *reply)
{
	return known->kind == RS_PAGE && (is_plain_action(reply, RS_ACTION_EMULATE) ||
					  is_plain_action(reply, RS_ACTION_CONTINUE));
}

bool rs_known_is_skipped(struct rs_turn *turn, const struct rs_reply *reply)
{
	const struct rs_registers *registers;
	bool cpuid = turn->event.kind == RS_CPUID;

	if ((turn->event.kind != RS_BREAKPOINT && !cpuid) || reply->action > RS_ACTION_RESUME)
		return false;
	if (cpuid && reply->action == RS_ACTION_CONTINUE && !reply->flags &&
	    turn->answer.data == RS_ANSWER_EMPTY)
		rs_answer_registers(&turn->event);
	else if (reply->flags != RS_REPLY_SET_REGISTERS || turn->answer.data != RS_ANSWER_REGISTERS)
		return false;
	registers = (const void *)(turn->answer.message + RS_ANSWER_HEAD_SIZE);
	return registers->rip != rs_event_rip(&turn->event) &&
	       !rs_registers_check(registers, &turn->event);
}

void rs_known_expect(struct rs_known *known, const struct rs_engine *engine,
		     const struct rs_event *event, const struct rs_reply *reply)
{
	if (is_fast_step(engine, known, event, reply))
		known->flags = RS_KNOWN_FAST_STEP;
	else if (may_emulate(known, reply))
		known->flags = RS_KNOWN_EMULATE;
	else
		return;
	memcpy(known->usual, reply, sizeof(known->usual));
}
