/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* others.c: from operands to pages, and from pages that are closed to their handlers. */
#include "engine/others.h"

#include "engine/code.h"
#include "engine/dispatch.h"
#include "engine/past.h"
#include "engine/private.h"
#include "engine/trap.h"
#include "engine/wanted.h"
#include "ring/atomics.h"

#define PAGE_BYTES 4096
#define CR0_WP 0x10000
#define RFLAGS_DF 0x400
#define BY_ITSELF (RS_ACCESS_GLA_VALID | RS_ACCESS_FAULT_WITH_GLA)
/* So many pages of a string instruction are looked at. */
#define FOLLOWED_MAX 16

/* A piece of memory in one page. */
struct piece {
	uint64_t linear;
	uint64_t size;
	uint32_t access;
};

static uint32_t allowed_at(struct rs_engine *engine, const struct rs_event *event, uint64_t gfn)
{
	const struct rs_view_map *map;

	if (!event->view)
		return rs_engine_page_access(engine, gfn);
	/* It stays: this vCPU is in it. */
	map = event->view < RS_VIEWS_MAX ? rs_load_acquire(&engine->views.views[event->view]) : NULL;
	return map ? rs_views_allowed(map, gfn) : RS_ACCESS_R | RS_ACCESS_W | RS_ACCESS_X;
}

/* What the guest's own tables forbid does not take place. */
static bool is_permitted(const struct rs_event *event, uint32_t access, uint32_t rights)
{
	bool is_user = (rs_event_ss(event).attributes >> 5 & 3) == 3;

	if (is_user && !(rights & RS_RIGHT_USER))
		return false;
	return !(access & RS_ACCESS_W) || rights & RS_RIGHT_WRITE ||
	       (!is_user && !(rs_event_cr0(event) & CR0_WP));
}

/* Is it closed, and what would have been reported of it? */
static bool find(struct rs_engine *engine, const struct rs_event *event, const struct piece *piece,
		 struct rs_page_event *page)
{
	struct rs_paging paging = rs_event_paging(event);
	struct rs_translation translation;

	if (rs_guest_translate(engine->guest, &paging, piece->linear, &translation) ||
	    !is_permitted(event, piece->access, translation.rights))
		return false;
	*page = (struct rs_page_event){
		.gfn = translation.physical / PAGE_BYTES,
		.offset = translation.physical % PAGE_BYTES,
		.gla = piece->linear,
		.access = piece->access | BY_ITSELF,
	};
	return piece->access & ~allowed_at(engine, event, page->gfn);
}

static bool is_cause(const struct rs_event *event, const struct piece *piece)
{
	return event->kind == RS_PAGE && event->page.gla - piece->linear < piece->size &&
	       !(event->page.access & RS_ACCESS_X) == !(piece->access & RS_ACCESS_X);
}

/* -- reporting -- */

struct report {
	struct rs_engine *engine;
	struct rs_lane *lane;
	const struct rs_event *event;
	struct rs_reply *reply;
};

static void report_piece(const struct report *report, const struct piece *piece)
{
	struct rs_event other = *report->event;

	if (is_cause(report->event, piece) ||
	    !find(report->engine, report->event, piece, &other.page))
		return;
	other.kind = RS_PAGE;
	other.reason = RS_PAGE;
	if (piece->access & RS_ACCESS_W && rs_traps_covers(&report->engine->traps, other.page.gfn))
		report->lane->copies_all = true;
	rs_dispatch_other(report->engine, &other, report->reply);
}

/* Page by page. */
static void report_range(const struct report *report, uint64_t linear, uint64_t size,
			 uint32_t access)
{
	while (size) {
		uint64_t left = PAGE_BYTES - linear % PAGE_BYTES;
		struct piece piece = { linear, size < left ? size : left, access };

		report_piece(report, &piece);
		linear += piece.size;
		size -= piece.size;
	}
}

static void report_all(const struct report *report, const struct rs_instruction *instruction)
{
	const struct rs_event *event = report->event;
	uint64_t rip = rs_event_rip(event);

	/* Its own pages are executed before anything else, and so have been reported. */
	if (event->kind == RS_PAGE && event->page.access & RS_ACCESS_X &&
	    rip / PAGE_BYTES == event->page.gla / PAGE_BYTES &&
	    rip % PAGE_BYTES + instruction->length > PAGE_BYTES)
		report_range(report, (rip / PAGE_BYTES + 1) * PAGE_BYTES, 1, RS_ACCESS_X);
	for (unsigned int i = 0; i < instruction->operand_count; i++) {
		const struct rs_operand *operand = &instruction->operands[i];

		report_range(report, rs_operand_linear(instruction, operand, event), operand->size,
			     operand->access);
	}
}

/* Does the reply let the instruction past, as it stands there? */
static bool lets_past(const struct rs_event *event, const struct rs_reply *reply)
{
	if (!event->synchronous || reply->flags & (RS_REPLY_SET_REGISTERS | RS_REPLY_INSTRUCTION))
		return false;
	return reply->action == RS_ACTION_CONTINUE || reply->action == RS_ACTION_EMULATE ||
	       reply->action == RS_ACTION_FAST_STEP ||
	       (reply->action == RS_ACTION_STEP && reply->flags & RS_REPLY_SWITCH_VIEW);
}

/* Pages are closed, and it is executed now. */
static const struct rs_instruction *instruction_of(struct rs_engine *engine,
						   const struct rs_event *event)
{
	const struct rs_instruction *instruction;

	if (event->kind != RS_PAGE && event->kind != RS_BREAKPOINT)
		return NULL;
	if (event->kind == RS_BREAKPOINT && !(event->view && rs_trap_is_ours(engine, event)))
		return NULL;
	instruction = rs_code_at(engine, event);
	if (!instruction || (event->kind == RS_PAGE && !rs_past_is_cause(event, instruction)))
		return NULL;
	return instruction;
}

void rs_others_report(struct rs_engine *engine, struct rs_lane *lane, const struct rs_event *event,
		      struct rs_reply *reply)
{
	struct report report = { engine, lane, event, reply };
	const struct rs_instruction *instruction;

	lane->copies_all = false;
	if (!lets_past(event, reply))
		return;
	instruction = instruction_of(engine, event);
	if (!instruction || (instruction->repeat && !rs_event_rcx(event)))
		return;
	report_all(&report, instruction);
}

/* -- string instructions -- */

static bool is_closed(struct rs_engine *engine, const struct rs_event *event, uint64_t linear,
		      uint32_t access)
{
	struct piece piece = { linear, 1, access };
	struct rs_page_event page;

	return !is_cause(event, &(struct piece){ linear / PAGE_BYTES * PAGE_BYTES, PAGE_BYTES,
						 access }) &&
	       find(engine, event, &piece, &page);
}

bool rs_others_follow(struct rs_engine *engine, const struct rs_event *event,
		      const struct rs_instruction *instruction)
{
	bool down = rs_event_rflags(event) & RFLAGS_DF;
	uint64_t count = rs_event_rcx(event);

	for (unsigned int i = 0; i < instruction->operand_count; i++) {
		const struct rs_operand *operand = &instruction->operands[i];
		uint64_t linear = rs_operand_linear(instruction, operand, event);
		uint64_t left = down ? linear % PAGE_BYTES + operand->size
				     : PAGE_BYTES - linear % PAGE_BYTES;

		for (unsigned int page = 1; page <= FOLLOWED_MAX; page++) {
			uint64_t distance = (uint64_t)page * PAGE_BYTES;

			if (count <= (left + distance - PAGE_BYTES) / operand->size)
				break;
			if (is_closed(engine, event, down ? linear - distance : linear + distance,
				      operand->access))
				return true;
		}
	}
	return false;
}
