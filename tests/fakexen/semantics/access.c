/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* access.c: what an access that the p2m does not allow reports, and what it converts. */
#include <errno.h>
#include <string.h>

#include "tests/fakexen/semantics/script.h"

#define RWX MEM_ACCESS_RWX
#define WITH_GLA (MEM_ACCESS_GLA_VALID | MEM_ACCESS_FAULT_WITH_GLA)
#define IN_GPT (MEM_ACCESS_GLA_VALID | MEM_ACCESS_FAULT_IN_GPT)
#define TABLES_GFN 0x113u       /* the page directory: see guests/boot.inc */

SNIPPET(load, "mov 8(%rdi), %rax; mov %rax, (%rsi)");
SNIPPET(store, "movq $0x77, 0x123(%rdi); movq $1, (%rsi)");
SNIPPET(call_page, "movb $0xc3, (%rdi); movq $1, (%rsi); call *%rdi");
SNIPPET(walk, "mov %cr3, %rax; mov %rax, %cr3; mov (%rdi), %rax; mov %rax, (%rsi)");

static void set(uint64_t gfn, xenmem_access_t access)
{
	xc_set_mem_access(xch, DOMAIN, access, gfn, 1);
}

static int get(uint64_t gfn)
{
	xenmem_access_t access = 0;

	return xc_get_mem_access(xch, DOMAIN, gfn, &access) ? -1 : (int)access;
}

static bool is(const struct script *script, uint32_t flags, uint64_t offset)
{
	const struct vm_event_mem_access *access = &script->event[0].u.mem_access;

	return script->count == 1 && reported(script, 0, VM_EVENT_REASON_MEM_ACCESS) &&
	       access->flags == flags && access->gfn == SCRIPT_GFN && access->offset == offset &&
	       access->gla == SCRIPT_PAGE + offset;
}

static void what_is_reported(void)
{
	const struct script *s;

	set(SCRIPT_GFN, XENMEM_access_n);
	s = script_run(load, emulate);
	tap_ok(s->done && is(s, MEM_ACCESS_R | WITH_GLA, 8), "a read: R, its gfn, offset and gla");
	s = script_run(store, emulate);
	tap_ok(s->done && is(s, MEM_ACCESS_R | MEM_ACCESS_W | WITH_GLA, 0x123),
		"a write reports R and W both");
	tap_ok(s->event[0].data.regs.x86.rflags & 0x10000, "a fault has RF set in its registers");
	set(SCRIPT_GFN, XENMEM_access_rw);
	s = script_run(call_page, emulate);
	tap_ok(s->done && is(s, MEM_ACCESS_X | WITH_GLA, 0), "an execution: X");
	set(SCRIPT_GFN, XENMEM_access_rx);
	s = script_run(load, plain);
	tap_ok(s->done && s->count == 0, "what is allowed reports nothing");
	set(SCRIPT_GFN, XENMEM_access_rwx);
}

static void conversions(void)
{
	const struct script *s;

	set(SCRIPT_GFN, XENMEM_access_rx2rw);
	s = script_run(store, plain);
	tap_ok(s->done && s->count == 0 && get(SCRIPT_GFN) == XENMEM_access_rw,
		"rx2rw: a write makes it rw, silently");
	set(SCRIPT_GFN, XENMEM_access_n2rwx);
	s = script_run(load, plain);
	tap_ok(s->done && s->count == 1 && get(SCRIPT_GFN) == XENMEM_access_rwx &&
		!(s->event[0].flags & VM_EVENT_FLAG_VCPU_PAUSED),
		"n2rwx: any access makes it rwx, and is reported without a pause");
}

static void page_tables(void)
{
	const struct script *s;

	set(TABLES_GFN, XENMEM_access_n);
	s = script_run(walk, emulate);
	tap_ok(s->count >= 1 && s->event[0].u.mem_access.gfn == TABLES_GFN &&
		(s->event[0].u.mem_access.flags & ~RWX) == IN_GPT,
		"a closed page table: FAULT_IN_GPT, gla is what was being translated");
	set(TABLES_GFN, XENMEM_access_rwx);
	script_run(load, plain);
	xc_monitor_inguest_pagefault(xch, DOMAIN, true);
	set(TABLES_GFN, XENMEM_access_n);
	s = script_run(walk, plain);
	tap_ok(s->done && s->count == 0, "inguest_pagefault disabled: no events, and it goes on");
	/* Opened first: the guest walks these tables all the time, and would report. */
	set(TABLES_GFN, XENMEM_access_rwx);
	xc_monitor_inguest_pagefault(xch, DOMAIN, false);
}

static bool crashed(void)
{
	xc_domaininfo_t info;

	return xc_domain_getinfolist(xch, DOMAIN, 1, &info) == 1 &&
	       (info.flags & XEN_DOMINF_shutdown) &&
	       (info.flags >> XEN_DOMINF_shutdownshift & 255) == SHUTDOWN_crash;
}

static void write_only(void)
{
	set(SCRIPT_GFN, XENMEM_access_w);
	script_start(store);
	tap_ok(EVENTUALLY(crashed()), "writable without readable: the domain crashes");
}

int main(int argc, char **argv)
{
	const char *const options[] = { "--vcpus", "1", "--guest", "cr3loop", NULL };

	(void)argc;
	dom0_enter(argv, options);
	*guest_word(GUEST_MAILBOX + HEADER_COMMAND) = LOOP_READ;
	tap_ok(guest_runs(0) && ring_open(), "the guest runs and the ring is open");
	what_is_reported();
	conversions();
	page_tables();
	write_only();
	return tap_done();
}
