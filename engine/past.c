/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* past.c: see past.h. */
#include "engine/past.h"

#include "altp2m/instruction.h"
#include "engine/private.h"
#include "engine/rcu.h"
#include "engine/trap.h"
#include "ring/atomics.h"

#define CODE_MAX 15 /* bytes of an instruction */
#define EFER_LMA 0x400
#define CS_L 0x200 /* of rs_segment.attributes */

enum rs_way rs_past_way(struct rs_engine *engine, const struct rs_event *event)
{
	bool is_trap = event->kind == RS_BREAKPOINT, more;
	enum rs_way way = RS_WAY_AUTO;
	const struct rs_rule *rule;
	uint64_t order = 0;

	if (!rs_load_relaxed(&engine->ways))
		return way;
	rs_rcu_begin();
	rule = rs_table_next(engine->table, is_trap ? RS_TABLE_TRAPS : event->kind,
			     is_trap ? rs_trap_address(event) : rs_table_key(event),
			     is_trap ? 0 : event->page.access, &order, &more);
	if (rule)
		way = rule->options.way;
	rs_rcu_done();
	return way;
}

bool rs_past_is_64bit(const struct rs_event *event)
{
	return rs_event_efer(event) & EFER_LMA && rs_event_cs(event).attributes & CS_L;
}

/* Of an instruction that is fetched, the fault is at it; of page tables, at what they map. */
static bool is_cause(const struct rs_event *event, const uint8_t *code, size_t size)
{
	uint64_t linear = event->page.gla;

	if (!(event->page.access & RS_ACCESS_GLA_VALID))
		return false;
	if (linear - rs_event_rip(event) < CODE_MAX &&
	    event->page.access & (RS_ACCESS_X | RS_ACCESS_FAULT_IN_GPT))
		return true;
	return rs_instruction_touches(code, size, event, linear);
}

/* The instruction at RIP, and as much behind it as is there; *size 0: it cannot be read. */
static struct rs_instruction read_instruction(struct rs_guest *guest, const struct rs_event *event,
					      uint8_t code[CODE_MAX], size_t *size)
{
	struct rs_paging paging = rs_event_paging(event);

	if (!rs_guest_read_virtual(guest, &paging, rs_event_rip(event), code, CODE_MAX, size))
		*size = CODE_MAX;
	return rs_instruction_decode(code, *size);
}

bool rs_past_may_emulate(struct rs_engine *engine, const struct rs_event *event)
{
	struct rs_guest *guest = rs_engine_guest(engine);
	uint8_t code[CODE_MAX];
	size_t size = 0;

	return guest && rs_past_is_64bit(event) &&
	       read_instruction(guest, event, code, &size).is_proved &&
	       is_cause(event, code, size);
}

bool rs_past_is_deadly(struct rs_engine *engine, const struct rs_event *event)
{
	struct rs_guest *guest = rs_load_acquire(&engine->guest); /* G1 */
	uint8_t code[CODE_MAX];
	size_t size = 0;

	return guest && rs_past_is_64bit(event) &&
	       read_instruction(guest, event, code, &size).is_deadly;
}
