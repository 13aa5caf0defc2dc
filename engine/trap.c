/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trap.c: see trap.h. */
#include "engine/trap.h"

#include <errno.h>
#include <string.h>

#include "altp2m/instruction.h"
#include "engine/code.h"
#include "engine/past.h"
#include "engine/private.h"
#include "engine/settle.h"
#include "ring/atomics.h"
#include "xen/error.h"
#include "xen/vcpu.h"

#define PAGE_BYTES 4096
#define INT3 0xcc
#define RFLAGS_ZF 0x40
#define CR3_ADDRESS 0x000ffffffffff000ULL
#define INT3 0xcc

bool rs_trap_is_ours(const struct rs_engine *engine, const struct rs_event *event)
{
	return rs_load_relaxed(&engine->traps.count) && event->breakpoint.insn_length == 1 &&
	       rs_traps_hit(&engine->traps, rs_trap_address(event));
}

bool rs_trap_is_stale(const struct rs_engine *engine, const struct rs_event *event)
{
	uint8_t byte = INT3;

	return rs_load_relaxed(&engine->traps.page_count) && event->breakpoint.insn_length == 1 &&
	       rs_traps_read(&engine->traps, rs_trap_address(event), &byte, 1) &&
	       byte != INT3;
}

/* -- where -- */

/* In the address space that is asked for, or in which vCPU 0 is at this moment. */
static int translate(struct rs_engine *engine, const struct rs_rule *rule, uint64_t *address)
{
	struct rs_guest *guest = rs_engine_guest(engine);
	struct rs_translation translation = { 0 };
	struct rs_paging paging;
	int error = rs_xen_vcpu_paging(engine->xen, engine->domain, 0, &paging);

	if (error)
		return error;
	if (rule->options.cr3)
		paging.cr3 = rule->options.cr3 & CR3_ADDRESS;
	/* Its text is there. */
	if (!guest)
		return -EIO;
	error = rs_guest_translate(guest, &paging, rule->options.breakpoint.address, &translation);
	*address = translation.physical;
	return error;
}

int rs_trap_locate(struct rs_engine *engine, struct rs_rule *rule)
{
	int error = rs_pages_begin(&engine->pages);

	if (error)
		return error;
	if (!engine->can_step)
		return rs_fail(EOPNOTSUPP, "domain %u: this processor cannot single-step, so nobody "
					   "could get past a breakpoint", engine->domain);
	if (rule->everywhere) {
		rule->first = 0;
		rule->last = UINT64_MAX;
		return 0;
	}
	rule->first = rule->options.breakpoint.address;
	if (rule->options.breakpoint.place == RS_PLACE_LINEAR)
		error = translate(engine, rule, &rule->first);
	rule->last = rule->first;
	return error;
}

/* -- past it -- */

/* What the instruction goes on with, on the next page. */
static void read_on(struct rs_engine *engine, const struct rs_event *event, uint8_t *bytes,
		    size_t size, size_t *count)
{
	struct rs_guest *guest = rs_engine_guest(engine);
	struct rs_paging paging = rs_event_paging(event);
	struct rs_translation next;

	if (!guest || rs_guest_translate(guest, &paging, rs_event_rip(event) + *count, &next))
		return;
	if (rs_traps_read(&engine->traps, next.physical, bytes + *count, size - *count) ||
	    !rs_guest_read(guest, next.physical, bytes + *count, size - *count, NULL))
		*count = size;
}

/* The original instruction and its bytes. NULL: there is none of ours. */
static const struct rs_instruction *read_instruction(struct rs_engine *engine,
						     const struct rs_event *event,
						     uint8_t bytes[RS_INSTRUCTION_SIZE])
{
	size_t count = rs_traps_read(&engine->traps, rs_trap_address(event), bytes,
				     RS_INSTRUCTION_SIZE);

	if (!count)
		return NULL;
	if (count < RS_INSTRUCTION_SIZE && rs_instruction_width(event) == RS_WIDTH_64 &&
	    !rs_code_of(engine, event, bytes, count)->length)
		read_on(engine, event, bytes, RS_INSTRUCTION_SIZE, &count);
	return rs_code_of(engine, event, bytes, count);
}

/* Registers that a handler has set have the place of the instruction's bytes in the answer. */
static bool may_emulate(const struct rs_reply *reply, const struct rs_instruction *instruction,
			enum rs_way way)
{
	return way == RS_WAY_EMULATE && instruction->is_proved &&
	       !(reply->flags & RS_REPLY_SET_REGISTERS);
}

static void emulate(const struct rs_event *event, struct rs_reply *reply, const uint8_t *bytes)
{
	memcpy(rs_answer_instruction(event), bytes, RS_INSTRUCTION_SIZE);
	reply->action = RS_ACTION_EMULATE;
	reply->flags |= RS_REPLY_INSTRUCTION;
}

static void step_with_byte_back(struct rs_engine *engine, struct rs_lane *lane,
				const struct rs_event *event, struct rs_reply *reply)
{
	lane->detour = RS_DETOUR_TRAP;
	lane->detour_gfn = rs_trap_address(event);
	rs_traps_lift(&engine->traps, lane->detour_gfn);
	reply->action = RS_ACTION_STEP;
}

/* -- a string instruction that is stepped hits its breakpoint at each iteration -- */

static void note_repeat(struct rs_lane *lane, const struct rs_event *event,
			const struct rs_instruction *instruction)
{
	uint64_t left = rs_event_rcx(event);

	lane->repeat = left > 1 ? (uint8_t)instruction->repeat : RS_REPEAT_NOT;
	lane->repeat_rip = rs_event_rip(event);
	lane->repeat_left = left;
}

bool rs_trap_goes_on(struct rs_lane *lane, const struct rs_event *event)
{
	bool equal = rs_event_rflags(event) & RFLAGS_ZF;

	if (event->kind != RS_BREAKPOINT || rs_event_rip(event) != lane->repeat_rip)
		return false;
	if (rs_event_rcx(event) + 1 == lane->repeat_left &&
	    (lane->repeat == RS_REPEAT_COUNTED || equal == (lane->repeat == RS_REPEAT_WHILE_EQUAL)))
		return true;
	lane->repeat = RS_REPEAT_NOT;
	return false;
}

bool rs_trap_settle(struct rs_engine *engine, struct rs_lane *lane, const struct rs_event *event,
		    struct rs_reply *reply)
{
	uint8_t bytes[RS_INSTRUCTION_SIZE] = { 0 };
	const struct rs_instruction *instruction;
	enum rs_way way;

	if (!rs_trap_is_ours(engine, event))
		return false;
	instruction = read_instruction(engine, event, bytes);
	if (!instruction)
		return false;
	way = rs_past_way(engine, event);
	lane->repeat = RS_REPEAT_NOT;
	if (bytes[0] == INT3) {
		reply->action = RS_ACTION_GIVE_BACK;
		return true;
	}
	if (may_emulate(reply, instruction, way) && !lane->copies_all) {
		emulate(event, reply, bytes);
		return true;
	}
	note_repeat(lane, event, instruction);
	if (lane->copies_all)
		rs_settle_write_to_code(lane, event, reply);
	else if (!(event->flags & RS_FLAG_ALTERNATE_P2M) || !event->view)
		step_with_byte_back(engine, lane, event, reply);
	else if (way == RS_WAY_STEP)
		rs_settle_step_in_view_0(lane, event, reply);
	else
		rs_settle_in_view_0(lane, event, reply);
	return true;
}

uint32_t rs_breakpoint_refresh(struct rs_watch *watch)
{
	struct rs_engine *engine = watch->engine;
	uint32_t changed = 0;

	pthread_mutex_lock(&engine->control);
	if (watch->rule->armed)
		changed = rs_traps_refresh(&engine->traps, watch->rule->first / PAGE_BYTES);
	pthread_mutex_unlock(&engine->control);
	return changed;
}
