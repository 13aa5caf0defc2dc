/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* settle.c: the kind's own way on. */
#include "engine/settle.h"

#include <inttypes.h>
#include <stddef.h>

#include "engine/lane.h"
#include "engine/past.h"
#include "engine/private.h"
#include "engine/trap.h"
#include "engine/wanted.h"
#include "ring/atomics.h"
#include "xen/log.h"
#include "xen/memory.h"
#include "xen/monitor.h"

#define INT3 0xcc
#define VECTOR_UD 6
#define GFN_INVALID UINT64_MAX
#define PAGE_BYTES 4096
#define WRITE_MAX 64 /* bytes that an instruction writes at once, but for XSAVE and its like */

/* One byte of a frame: by what is mapped of the guest, or else a map and an unmap. */
static int read_byte(struct rs_engine *engine, uint64_t gfn, uint32_t offset, uint8_t *byte)
{
	struct rs_guest *guest = rs_load_acquire(&engine->guest); /* G1 */

	if (guest)
		return rs_guest_read(guest, gfn * PAGE_BYTES + offset, byte, 1, NULL);
	return rs_xen_memory_read(engine->xen, engine->domain, gfn, offset, byte, 1);
}

/*
 * An INT3 that nobody wants is the guest's own, unless its byte has gone: then a breakpoint
 * was removed after this vCPU had hit it. When we cannot look it is the guest's.
 */
static bool is_stale(struct rs_engine *engine, const struct rs_event *event)
{
	uint64_t address = rs_event_cs(event).base + rs_event_rip(event);
	uint8_t byte = INT3;

	/* With a prefix it is nobody's breakpoint. */
	if (event->breakpoint.insn_length != 1 || event->breakpoint.gfn == GFN_INVALID)
		return false;
	if (!rs_traps_read(&engine->traps, rs_trap_address(event), &byte, 1) &&
	    read_byte(engine, event->breakpoint.gfn, address % PAGE_BYTES, &byte))
		return false;
	return byte != INT3;
}

static void settle_breakpoint(struct rs_engine *engine, struct rs_lane *lane,
			      const struct rs_event *event, struct rs_reply *reply)
{
	if (lane && rs_trap_settle(engine, lane, event, reply))
		return;
	reply->action = is_stale(engine, event) ? RS_ACTION_RESUME : RS_ACTION_GIVE_BACK;
}

static void settle_cpuid(const struct rs_event *event, struct rs_reply *reply)
{
	reply->action = RS_ACTION_RESUME;
	reply->flags |= RS_REPLY_SET_REGISTERS;
	rs_answer_registers(event);
}

/*
 * A fast step would end the single-stepping that a handler has asked for. So that vCPU
 * steps in view 0 as it would have stepped here, and returns when its step is reported.
 */
void rs_settle_step_in_view_0(struct rs_lane *lane, const struct rs_event *event,
			      struct rs_reply *reply)
{
	lane->detour = RS_DETOUR_VIEW;
	lane->view = event->view;
	reply->action = RS_ACTION_STEP;
	reply->flags |= RS_REPLY_SWITCH_VIEW;
	reply->view = 0;
}

void rs_settle_in_view_0(struct rs_lane *lane, const struct rs_event *event,
			 struct rs_reply *reply)
{
	if (lane->stepping) {
		rs_settle_step_in_view_0(lane, event, reply);
		return;
	}
	reply->action = RS_ACTION_FAST_STEP;
	reply->view = 0;
	reply->return_view = event->view;
}

static bool is_in_view(const struct rs_event *event)
{
	return event->flags & RS_FLAG_ALTERNATE_P2M && event->view != 0;
}

/* In the host's map the page is open to all vCPUs while one of them steps. */
static void step_with_page_open(struct rs_engine *engine, struct rs_lane *lane,
				struct rs_reply *reply)
{
	rs_log(&engine->log, RS_LOG_WARNING,
	       "domain %u: Xen cannot, or must not, emulate an instruction that touches page %#" PRIx64
	       ": it is open for one step",
	       engine->domain, lane->gfn);
	if (rs_xen_memory_access(engine->xen, engine->domain, lane->gfn, 1,
				 RS_ACCESS_R | RS_ACCESS_W | RS_ACCESS_X)) {
		reply->action = RS_ACTION_RESUME;
		return;
	}
	lane->detour = RS_DETOUR_PAGE;
	lane->detour_gfn = lane->gfn;
	reply->action = RS_ACTION_STEP;
}

/* Of a fast step nobody would tell us that the write is done. */
void rs_settle_write_to_code(struct rs_lane *lane, const struct rs_event *event,
			     struct rs_reply *reply)
{
	lane->copies = true;
	lane->copies_on = lane->copies_all || event->page.offset > PAGE_BYTES - WRITE_MAX;
	lane->copies_all = false;
	lane->detour_gfn = event->page.gfn;
	rs_settle_step_in_view_0(lane, event, reply);
}

static void settle_in_host(struct rs_engine *engine, struct rs_lane *lane,
			   const struct rs_event *event, struct rs_reply *reply)
{
	static const struct rs_reply emulate = { .action = RS_ACTION_EMULATE };

	lane->gfn = event->page.gfn;
	if (rs_past_refusal(engine, event, &emulate))
		step_with_page_open(engine, lane, reply);
	else
		reply->action = RS_ACTION_EMULATE;
}

static void settle_page(struct rs_engine *engine, struct rs_lane *lane,
			const struct rs_event *event, struct rs_reply *reply)
{
	bool writes_code = lane->copies_all;
	enum rs_way way;

	if (!is_in_view(event)) {
		settle_in_host(engine, lane, event, reply);
		return;
	}
	if (rs_traps_covers(&engine->traps, event->page.gfn)) {
		rs_traps_refresh(&engine->traps, event->page.gfn);
		writes_code |= event->page.access & RS_ACCESS_W;
	}
	if (writes_code) {
		rs_settle_write_to_code(lane, event, reply);
		return;
	}
	way = rs_past_way(engine, event);
	if (way == RS_WAY_EMULATE && rs_past_may_emulate(engine, event))
		reply->action = RS_ACTION_EMULATE;
	else if (way == RS_WAY_STEP)
		rs_settle_step_in_view_0(lane, event, reply);
	else
		rs_settle_in_view_0(lane, event, reply);
}

static void settle_unimplemented(struct rs_engine *engine, struct rs_lane *lane,
				 const struct rs_event *event, struct rs_reply *reply)
{
	if (is_in_view(event)) {
		rs_settle_in_view_0(lane, event, reply);
	} else if (lane->emulated && lane->emulated + 1 == lane->events) {
		step_with_page_open(engine, lane, reply);
	} else {
		rs_log(&engine->log, RS_LOG_WARNING,
		       "domain %u, vCPU %u: Xen cannot emulate the instruction at %#" PRIx64
		       ": the guest gets #UD",
		       engine->domain, event->vcpu, rs_event_rip(event));
		*reply = rs_reply_inject(VECTOR_UD, RS_INJECT_HARDWARE_EXCEPTION,
					 RS_NO_ERROR_CODE, 0, 0);
	}
}

static void switch_io(struct rs_engine *engine, bool on)
{
	rs_xen_monitor_switch(engine->xen, engine->domain,
			      &(struct rs_xen_source){ .kind = RS_IO }, on);
}

static void settle_io(struct rs_engine *engine, struct rs_lane *lane, struct rs_reply *reply)
{
	switch_io(engine, false);
	lane->detour = RS_DETOUR_IO;
	reply->action = RS_ACTION_STEP;
}

/* Did the handler move RIP? Then the instruction is dealt with. */
static bool has_moved(const struct rs_event *event, const struct rs_reply *reply)
{
	return reply->flags & RS_REPLY_SET_REGISTERS && event->synchronous &&
	       event->answer->data == RS_ANSWER_REGISTERS &&
	       rs_answer_registers(event)->rip != rs_event_rip(event);
}

void rs_settle(struct rs_engine *engine, struct rs_lane *lane, const struct rs_event *event,
	       struct rs_reply *reply)
{
	if (reply->action != RS_ACTION_CONTINUE)
		return;
	reply->action = RS_ACTION_RESUME;
	if (!event->synchronous || has_moved(event, reply))
		return;
	switch (event->kind) {
	case RS_BREAKPOINT:
		settle_breakpoint(engine, lane, event, reply);
		break;
	case RS_DEBUG:
		reply->action = RS_ACTION_GIVE_BACK;
		break;
	case RS_CPUID:
		settle_cpuid(event, reply);
		break;
	case RS_DESCRIPTOR:
		reply->action = RS_ACTION_EMULATE;
		break;
	case RS_PAGE:
		settle_page(engine, lane, event, reply);
		break;
	case RS_EMUL_UNIMPLEMENTED:
		settle_unimplemented(engine, lane, event, reply);
		break;
	case RS_IO:
		settle_io(engine, lane, reply);
		break;
	default:
		break;
	}
}

void rs_settle_drain(struct rs_engine *engine, const struct rs_event *event,
		     struct rs_reply *reply)
{
	*reply = RS_RESUME;
	if (!event->synchronous)
		return;
	/* All else runs again, in view 0 and with its source off, and so goes through. */
	if (event->kind == RS_BREAKPOINT)
		settle_breakpoint(engine, NULL, event, reply);
	else if (event->kind == RS_DEBUG)
		reply->action = RS_ACTION_GIVE_BACK;
	else if (event->kind == RS_CPUID)
		settle_cpuid(event, reply);
}

/* Its write may have reached another page with breakpoints, which was open, too, meanwhile. */
static void copy_written(struct rs_engine *engine, struct rs_lane *lane)
{
	lane->copies = false;
	if (lane->copies_on)
		rs_traps_refresh_all(&engine->traps);
	else
		rs_traps_refresh(&engine->traps, lane->detour_gfn);
}

bool rs_settle_step(struct rs_engine *engine, struct rs_lane *lane, const struct rs_event *event,
		    struct rs_reply *reply)
{
	uint8_t detour = lane->detour;

	lane->detour = RS_DETOUR_NONE;
	*reply = RS_RESUME;
	switch (detour) {
	case RS_DETOUR_VIEW:
		*reply = rs_reply_with_view(*reply, lane->view);
		if (lane->copies)
			copy_written(engine, lane);
		break;
	case RS_DETOUR_TRAP:
		rs_traps_lower(&engine->traps, lane->detour_gfn);
		break;
	case RS_DETOUR_PAGE:
		rs_xen_memory_access(engine->xen, engine->domain, lane->detour_gfn, 1,
				     rs_engine_page_access(engine, lane->detour_gfn));
		break;
	case RS_DETOUR_IO:
		if (rs_engine_watches(engine, RS_IO))
			switch_io(engine, true);
		break;
	default:
		break;
	}
	return detour != RS_DETOUR_NONE && !lane->user_stepping;
}
