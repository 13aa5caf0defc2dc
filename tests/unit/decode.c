/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * decode.c: every kind of event, of both versions, out of bytes that are made here. The
 * recorded messages of a real Xen are in tests/traces.
 */
#include <errno.h>
#include <string.h>

#include <ringside/event.h>

#include "tests/unit/tap.h"

static uint8_t message[400];

static uint32_t size_of(uint32_t version)
{
	return version == 6 ? 384 : 400;
}

static void set(size_t offset, uint64_t value, size_t bytes)
{
	memcpy(message + offset, &value, bytes);
}

/* A message whose payload words are easy to tell apart. */
static void make(uint32_t version, uint32_t reason, uint32_t flags)
{
	memset(message, 0, sizeof(message));
	set(0, version, 4);
	set(4, flags, 4);
	set(8, reason, 4);
	set(12, 3, 4);
	set(16, 9, 2);
	set(24, 0x1111111122222222, 8);
	set(32, 0x3333333344444444, 8);
	set(40, 0x5555555566666666, 8);
	set(48, 0x7777777788888888, 8);
}

static struct rs_event decode(uint32_t version, uint32_t reason)
{
	struct rs_event event;

	make(version, reason, RS_FLAG_VCPU_PAUSED);
	memset(&event, 0xff, sizeof(event));
	tap_ok(rs_decode(message, size_of(version), version, &event) == 0 &&
		       event.kind == (enum rs_kind)reason && event.reason == reason &&
		       event.vcpu == 3 && event.synchronous && event.view == 0 &&
		       event.message == message && event.layout == rs_layout_find(version) &&
		       !event.answer,
	       "version %u: reason %u is %s", version, reason, rs_reason_name(reason));
	return event;
}

static void test_memory(uint32_t version)
{
	struct rs_event event = decode(version, RS_PAGE);

	tap_ok(event.page.gfn == 0x1111111122222222 && event.page.offset == 0x3333333344444444 &&
		       event.page.gla == 0x5555555566666666 && event.page.access == 0x88888888,
	       "page");
	event = decode(version, RS_EMUL_UNIMPLEMENTED);
	tap_ok(event.page.gla == 0x5555555566666666, "emul_unimplemented");
	event = decode(version, RS_SHARING);
	tap_ok(event.sharing.gfn == 0x1111111122222222 && event.sharing.p2m_type == 0x44444444,
	       "sharing");
	event = decode(version, RS_PAGING);
	tap_ok(event.paging.gfn == 0x1111111122222222 && event.paging.p2m_type == 0x44444444 &&
		       event.paging.flags == 0x33333333,
	       "paging");
}

static void test_writes(uint32_t version)
{
	struct rs_event event = decode(version, RS_CR);

	tap_ok(event.cr.which == 0x22222222 && event.cr.new_value == 0x3333333344444444 &&
		       event.cr.old_value == 0x5555555566666666,
	       "cr");
	event = decode(version, RS_MSR);
	tap_ok(event.msr.index == 0x1111111122222222 &&
		       event.msr.new_value == 0x3333333344444444 &&
		       event.msr.old_value == 0x5555555566666666,
	       "msr");
}

static bool is_debug(const struct rs_debug_event *debug)
{
	return debug->gfn == 0x1111111122222222 && debug->pending_dbg == 0x3333333344444444 &&
	       debug->insn_length == 0x66666666 && debug->type == 0x55;
}

static void test_traps(uint32_t version)
{
	struct rs_event event = decode(version, RS_BREAKPOINT);

	tap_ok(is_debug(&event.breakpoint), "breakpoint");
	event = decode(version, RS_DEBUG);
	tap_ok(is_debug(&event.debug), "debug");
	event = decode(version, RS_SINGLESTEP);
	tap_ok(event.singlestep.gfn == 0x1111111122222222, "singlestep");
	event = decode(version, RS_INTERRUPT);
	tap_ok(event.interrupt.vector == 0x22222222 && event.interrupt.type == 0x11111111 &&
		       event.interrupt.error_code == 0x44444444 &&
		       event.interrupt.cr2 == 0x5555555566666666,
	       "interrupt");
}

static void test_intercepts(uint32_t version)
{
	struct rs_event event = decode(version, RS_CPUID);

	tap_ok(event.cpuid.insn_length == 0x22222222 && event.cpuid.leaf == 0x11111111 &&
		       event.cpuid.subleaf == 0x44444444,
	       "cpuid");
	event = decode(version, RS_DESCRIPTOR);
	tap_ok(event.descriptor.instr_info == 0x22222222 &&
		       event.descriptor.exit_qualification == 0x3333333344444444 &&
		       event.descriptor.which == 0x66 && event.descriptor.is_write,
	       "descriptor");
	event = decode(version, RS_VMEXIT);
	tap_ok(event.vmexit.reason == 0x1111111122222222 &&
		       event.vmexit.qualification == 0x3333333344444444,
	       "vmexit");
	event = decode(version, RS_IO);
	tap_ok(event.io.bytes == 0x22222222 && event.io.port == 0x1111 && event.io.in &&
		       event.io.string,
	       "io");
	decode(version, RS_UNKNOWN);
	decode(version, RS_GUEST_REQUEST);
	decode(version, RS_PRIVILEGED_CALL);
}

static void test_head(void)
{
	struct rs_event event;

	make(7, RS_CR, RS_FLAG_ALTERNATE_P2M);
	rs_decode(message, 400, 7, &event);
	tap_ok(event.view == 9 && !event.synchronous && event.flags == RS_FLAG_ALTERNATE_P2M,
	       "with altp2m active the view is told");
	make(7, 17, 0);
	tap_ok(rs_decode(message, 400, 7, &event) == 0 && event.kind == RS_UNKNOWN &&
		       event.reason == 17,
	       "a reason of the future is an event of unknown kind");
	make(7, UINT32_MAX, 0);
	tap_ok(rs_decode(message, 400, 7, &event) == 0 && event.kind == RS_UNKNOWN &&
		       !strcmp(rs_reason_name(event.reason), "unknown"),
	       "and so is any other");
}

static void test_refusals(void)
{
	struct rs_event event = { .vcpu = 77 };

	make(7, RS_CR, 0);
	tap_ok(rs_decode(message, 400, 5, &event) == -EPROTONOSUPPORT, "version 5 is refused");
	tap_ok(rs_decode(message, 399, 7, &event) == -EMSGSIZE &&
		       rs_decode(message, 384, 7, &event) == -EMSGSIZE &&
		       rs_decode(message, 0, 7, &event) == -EMSGSIZE,
	       "a message of another size is refused");
	tap_ok(rs_decode(message, 384, 6, &event) == -EPROTO,
	       "a message that bears another version is refused");
	tap_ok(event.vcpu == 77, "and the event left alone");
}

/* Each register a value of its own, then each accessor. `tail`: where the segments begin. */
static void test_registers(uint32_t version, uint16_t tail)
{
	struct rs_event event;
	bool good = true;

	make(version, RS_GUEST_REQUEST, RS_FLAG_NESTED_P2M);
	for (uint64_t i = 0; i < 31; i++)
		set(56 + 8 * i, 0x1000000000000000 + i, 8);
	for (uint64_t i = 0; i < 4; i++)
		set(tail + 4 * i, 0x10000000 + i, 4);
	set(tail + 16, 0x2000000000000000, 8);
	set(tail + 24, 0x3000000000000000, 8);
	for (uint64_t i = 0; i < 6; i++)
		set(tail + 32 + 4 * i, 0xa9b00000 + i, 4); /* G set: limits in pages */
	set(tail + 52, 0x09354321, 4);                     /* gs: in bytes */
	set(tail + 56, 0x4000000000000000, 8);
	for (uint64_t i = 0; i < 7; i++)
		set(tail + 64 + 2 * i, 0x500 + i, 2);
	rs_decode(message, size_of(version), version, &event);
	good &= TAP_SAME(rs_event_rax(&event), 0x1000000000000000);
	good &= TAP_SAME(rs_event_rcx(&event), 0x1000000000000001);
	good &= TAP_SAME(rs_event_rdx(&event), 0x1000000000000002);
	good &= TAP_SAME(rs_event_rbx(&event), 0x1000000000000003);
	good &= TAP_SAME(rs_event_rsp(&event), 0x1000000000000004);
	good &= TAP_SAME(rs_event_rbp(&event), 0x1000000000000005);
	good &= TAP_SAME(rs_event_rsi(&event), 0x1000000000000006);
	good &= TAP_SAME(rs_event_rdi(&event), 0x1000000000000007);
	good &= TAP_SAME(rs_event_r8(&event), 0x1000000000000008);
	good &= TAP_SAME(rs_event_r15(&event), 0x100000000000000f);
	good &= TAP_SAME(rs_event_rflags(&event), 0x1000000000000010);
	good &= TAP_SAME(rs_event_dr6(&event), 0x1000000000000011);
	good &= TAP_SAME(rs_event_dr7(&event), 0x1000000000000012);
	good &= TAP_SAME(rs_event_rip(&event), 0x1000000000000013);
	good &= TAP_SAME(rs_event_cr0(&event), 0x1000000000000014);
	good &= TAP_SAME(rs_event_cr4(&event), 0x1000000000000017);
	good &= TAP_SAME(rs_event_sysenter_eip(&event), 0x100000000000001a);
	good &= TAP_SAME(rs_event_efer(&event), 0x100000000000001b);
	good &= TAP_SAME(rs_event_lstar(&event), 0x100000000000001d);
	good &= TAP_SAME(rs_event_gdtr_base(&event), 0x100000000000001e);
	good &= TAP_SAME(rs_event_shadow_gs(&event), 0x4000000000000000);
	good &= TAP_SAME(rs_event_gdtr_limit(&event), 0x500);
	good &= TAP_SAME(rs_event_cs(&event).base, 0x10000000);
	good &= TAP_SAME(rs_event_es(&event).base, 0x10000003);
	good &= TAP_SAME(rs_event_cs(&event).selector, 0x501);
	good &= TAP_SAME(rs_event_cs(&event).attributes, 0xa9b);
	good &= TAP_SAME(rs_event_ss(&event).limit, 0x1fff);
	good &= TAP_SAME(rs_event_fs(&event).base, 0x2000000000000000);
	good &= TAP_SAME(rs_event_gs(&event).base, 0x3000000000000000);
	good &= TAP_SAME(rs_event_gs(&event).selector, 0x506);
	good &= TAP_SAME(rs_event_gs(&event).limit, 0x54321);
	tap_ok(good, "version %u: each register is read where it lies", version);
}

static void test_version_7(void)
{
	struct rs_event event;

	make(7, RS_GUEST_REQUEST, RS_FLAG_NESTED_P2M);
	set(304, 0x123456000, 8);
	set(312, 0x1000, 8);
	rs_decode(message, 400, 7, &event);
	tap_ok(rs_event_npt_base(&event) == 0x123456000 && rs_event_vmtrace_pos(&event) == 0x1000,
	       "version 7 has npt_base and vmtrace_pos");
	set(0, 6, 4);
	rs_decode(message, 384, 6, &event);
	tap_ok(rs_event_npt_base(&event) == 0 && rs_event_vmtrace_pos(&event) == UINT64_MAX,
	       "version 6 has neither, and something else in their place");
}

int main(void)
{
	for (uint32_t version = 6; version <= 7; version++) {
		test_memory(version);
		test_writes(version);
		test_traps(version);
		test_intercepts(version);
	}
	test_head();
	test_refusals();
	test_registers(6, 304);
	test_registers(7, 320);
	test_version_7();
	return tap_done();
}
