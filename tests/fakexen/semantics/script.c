/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* script.c: see script.h. */
#include "tests/fakexen/semantics/script.h"

#include <string.h>

#define DONE (SCRIPT_DATA + PAGE - 8)
#define QUIET_MS 2000           /* nothing happens for so long: it will not */

/* movq $1, DONE; 1: pause; jmp 1b */
static const uint8_t epilogue[] = {
	0x48, 0xc7, 0x04, 0x25, 0xf8, 0x1f, 0x14, 0x00, 1, 0, 0, 0, 0xf3, 0x90, 0xeb, 0xfc,
};

static struct script script;
static struct { uint64_t bp, db, ud, gp, pf; } before;

volatile uint64_t *script_word(uint64_t address)
{
	return guest_word(address);
}

uint64_t script_result(unsigned int word)
{
	return *guest_word(SCRIPT_DATA + word * 8);
}

static void count_exceptions(void)
{
	script.bp = *guest_slot(0, SLOT_BP) - before.bp;
	script.db = *guest_slot(0, SLOT_DB) - before.db;
	script.ud = *guest_slot(0, SLOT_UD) - before.ud;
	script.gp = *guest_slot(0, SLOT_GP) - before.gp;
	script.pf = *guest_slot(0, SLOT_PF) - before.pf;
}

static void put_code(struct snippet code)
{
	uint8_t *page = map_page(DOMAIN, SCRIPT_CODE / PAGE);
	size_t size = (size_t)(code.end - code.begin);

	memcpy(page, code.begin, size);
	memcpy(page + size, epilogue, sizeof(epilogue));
	unmap_page(page);
}

void script_start(struct snippet code)
{
	vcpu_guest_context_any_t context;

	xc_domain_pause(xch, DOMAIN);
	put_code(code);
	xc_vcpu_getcontext(xch, DOMAIN, 0, &context);
	context.x64.user_regs.rip = SCRIPT_CODE;
	context.x64.user_regs.rsp = SCRIPT_STACK;
	context.x64.user_regs.rflags = 0x202;
	context.x64.user_regs.rdi = SCRIPT_PAGE;
	context.x64.user_regs.rsi = SCRIPT_DATA;
	context.x64.user_regs.r14 = 0;
	context.x64.user_regs.r15 = GUEST_SLOTS;
	tap_same(xc_vcpu_setcontext(xch, DOMAIN, 0, &context), 0, "setcontext", __FILE__, __LINE__);
	memset(&script, 0, sizeof(script));
	*guest_word(DONE) = 0;
	before.bp = *guest_slot(0, SLOT_BP);
	before.db = *guest_slot(0, SLOT_DB);
	before.ud = *guest_slot(0, SLOT_UD);
	before.gp = *guest_slot(0, SLOT_GP);
	before.pf = *guest_slot(0, SLOT_PF);
	xc_domain_unpause(xch, DOMAIN);
}

static bool answer_one(answerer *answer, int milliseconds)
{
	vm_event_request_t request;
	vm_event_response_t response;

	if (!ring_take(&request, milliseconds))
		return false;
	if (script.count < EVENTS_MAX)
		script.event[script.count] = request;
	script.count++;
	memset(&response, 0, sizeof(response));
	response.version = VM_EVENT_INTERFACE_VERSION;
	response.vcpu_id = request.vcpu_id;
	response.reason = request.reason;
	response.flags = request.flags & VM_EVENT_FLAG_VCPU_PAUSED;
	answer(&request, &response);
	ring_put(&response);
	return true;
}

bool script_stands(void)
{
	for (unsigned int i = 0; i < 50; i++)
		doze();
	return !*guest_word(DONE);
}

const struct script *script_wait(answerer *answer, int milliseconds)
{
	answer_one(answer, milliseconds);
	count_exceptions();
	return &script;
}

const struct script *script_finish(answerer *answer)
{
	unsigned int quiet = 0;

	while (quiet < QUIET_MS && script.count < EVENTS_MAX) {
		if (answer_one(answer, 1)) {
			quiet = 0;
			continue;
		}
		quiet++;
		count_exceptions();
		if (*guest_word(DONE) || script.ud || script.gp || script.pf)
			break;
	}
	while (script.count < EVENTS_MAX && answer_one(answer, 1))
		;
	count_exceptions();
	script.done = *guest_word(DONE);
	return &script;
}

const struct script *script_run(struct snippet code, answerer *answer)
{
	script_start(code);
	return script_finish(answer);
}

void plain(const vm_event_request_t *request, vm_event_response_t *response)
{
	(void)request, (void)response;
}

void emulate(const vm_event_request_t *request, vm_event_response_t *response)
{
	response->flags |= VM_EVENT_FLAG_EMULATE;
	response->u = request->u;
}

void skip(const vm_event_request_t *request, vm_event_response_t *response, unsigned int length)
{
	response->flags |= VM_EVENT_FLAG_SET_REGISTERS;
	response->data = request->data;
	response->data.regs.x86.rip += length;
}
