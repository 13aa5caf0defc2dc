/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * layout.c: our offsets and wire structures against the header of the Xen of this build.
 *
 * Nearly all of it fails to compile rather than to run. A build for a Xen of message
 * version 7 asserts the table of version 7, and one for Xen 4.14 that of version 6.
 */
#include <xenctrl.h>
#include <xen/vm_event.h>

#include "engine/layout.h"
#include "engine/wire.h"
#include "ring/ring.h"
#include "tests/unit/tap.h"

#include <ringside/event.h>

#define REGISTER(name, xen_name, offset)                                                   \
	_Static_assert(offsetof(vm_event_request_t, data.regs.x86.xen_name) == (offset), #name);

RS_LAYOUT_HEAD(REGISTER)
#if VM_EVENT_INTERFACE_VERSION == 7
RS_LAYOUT_7(REGISTER)
RS_LAYOUT_TAIL(REGISTER, RS_LAYOUT_TAIL_7)
_Static_assert(sizeof(vm_event_request_t) == RS_LAYOUT_SIZE_7, "a message of version 7");
#elif VM_EVENT_INTERFACE_VERSION == 6
RS_LAYOUT_TAIL(REGISTER, RS_LAYOUT_TAIL_6)
_Static_assert(sizeof(vm_event_request_t) == RS_LAYOUT_SIZE_6, "a message of version 6");
#else
#error "This Xen's vm_event messages are of a version that engine/layout.c does not know."
#endif

#define WIRE(ours, xens)                                                                   \
	_Static_assert(offsetof(struct rs_wire, ours) == offsetof(vm_event_request_t, xens), \
		       #xens);                                                             \
	_Static_assert(sizeof(((struct rs_wire *)0)->ours) ==                              \
			       sizeof(((vm_event_request_t *)0)->xens),                    \
		       #xens)

WIRE(version, version);
WIRE(flags, flags);
WIRE(reason, reason);
WIRE(vcpu_id, vcpu_id);
WIRE(altp2m_idx, altp2m_idx);
WIRE(u.page.gfn, u.mem_access.gfn);
WIRE(u.page.offset, u.mem_access.offset);
WIRE(u.page.gla, u.mem_access.gla);
WIRE(u.page.flags, u.mem_access.flags);
WIRE(u.sharing.gfn, u.mem_sharing.gfn);
WIRE(u.sharing.p2mt, u.mem_sharing.p2mt);
WIRE(u.paging.gfn, u.mem_paging.gfn);
WIRE(u.paging.p2mt, u.mem_paging.p2mt);
WIRE(u.paging.flags, u.mem_paging.flags);
WIRE(u.cr.index, u.write_ctrlreg.index);
WIRE(u.cr.new_value, u.write_ctrlreg.new_value);
WIRE(u.cr.old_value, u.write_ctrlreg.old_value);
WIRE(u.msr.msr, u.mov_to_msr.msr);
WIRE(u.msr.new_value, u.mov_to_msr.new_value);
WIRE(u.msr.old_value, u.mov_to_msr.old_value);
WIRE(u.debug.gfn, u.software_breakpoint.gfn);
WIRE(u.debug.pending_dbg, u.debug_exception.pending_dbg);
WIRE(u.debug.insn_length, u.software_breakpoint.insn_length);
WIRE(u.debug.type, u.debug_exception.type);
WIRE(u.singlestep_gfn, u.singlestep.gfn);
WIRE(u.fast_singlestep_p2midx, u.fast_singlestep.p2midx);
WIRE(u.cpuid.insn_length, u.cpuid.insn_length);
WIRE(u.cpuid.leaf, u.cpuid.leaf);
WIRE(u.cpuid.subleaf, u.cpuid.subleaf);
WIRE(u.interrupt.vector, u.interrupt.x86.vector);
WIRE(u.interrupt.type, u.interrupt.x86.type);
WIRE(u.interrupt.error_code, u.interrupt.x86.error_code);
WIRE(u.interrupt.cr2, u.interrupt.x86.cr2);
WIRE(u.descriptor.instr_info, u.desc_access.arch.vmx.instr_info);
WIRE(u.descriptor.exit_qualification, u.desc_access.arch.vmx.exit_qualification);
WIRE(u.descriptor.descriptor, u.desc_access.descriptor);
WIRE(u.descriptor.is_write, u.desc_access.is_write);
#ifdef VM_EVENT_REASON_VMEXIT
WIRE(u.vmexit.reason, u.vmexit.arch.vmx.reason);
WIRE(u.vmexit.qualification, u.vmexit.arch.vmx.qualification);
#endif
#ifdef VM_EVENT_REASON_IO_INSTRUCTION
WIRE(u.io.bytes, u.io.bytes);
WIRE(u.io.port, u.io.port);
WIRE(u.io.in, u.io.in);
WIRE(u.io.str, u.io.str);
_Static_assert(RS_IO == VM_EVENT_REASON_IO_INSTRUCTION, "reason");
#endif
_Static_assert(offsetof(vm_event_request_t, u) == RS_LAYOUT_U, "payload");
_Static_assert(offsetof(vm_event_request_t, data) == RS_LAYOUT_DATA, "data");
_Static_assert(offsetof(vm_event_request_t, altp2m_idx) == RS_LAYOUT_VIEW, "view");

/* The page and the head that ring/ believes in. */
_Static_assert(offsetof(struct rs_ring_page, req_prod) == offsetof(vm_event_sring_t, req_prod), "");
_Static_assert(offsetof(struct rs_ring_page, req_event) == offsetof(vm_event_sring_t, req_event), "");
_Static_assert(offsetof(struct rs_ring_page, rsp_prod) == offsetof(vm_event_sring_t, rsp_prod), "");
_Static_assert(offsetof(struct rs_ring_page, rsp_event) == offsetof(vm_event_sring_t, rsp_event), "");
_Static_assert(offsetof(struct rs_ring_page, slots) == offsetof(vm_event_sring_t, ring), "");
_Static_assert(sizeof(union vm_event_sring_entry) == sizeof(vm_event_request_t), "");
_Static_assert(offsetof(struct rs_message_head, vcpu_id) == offsetof(vm_event_request_t, vcpu_id), "");

/* Xen's numbers are our numbers. */
#define SAME(ours, xens) _Static_assert((ours) == (xens), #xens)
SAME(RS_PAGE, VM_EVENT_REASON_MEM_ACCESS);
SAME(RS_SHARING, VM_EVENT_REASON_MEM_SHARING);
SAME(RS_PAGING, VM_EVENT_REASON_MEM_PAGING);
SAME(RS_CR, VM_EVENT_REASON_WRITE_CTRLREG);
SAME(RS_MSR, VM_EVENT_REASON_MOV_TO_MSR);
SAME(RS_BREAKPOINT, VM_EVENT_REASON_SOFTWARE_BREAKPOINT);
SAME(RS_SINGLESTEP, VM_EVENT_REASON_SINGLESTEP);
SAME(RS_GUEST_REQUEST, VM_EVENT_REASON_GUEST_REQUEST);
SAME(RS_DEBUG, VM_EVENT_REASON_DEBUG_EXCEPTION);
SAME(RS_CPUID, VM_EVENT_REASON_CPUID);
SAME(RS_PRIVILEGED_CALL, VM_EVENT_REASON_PRIVILEGED_CALL);
SAME(RS_INTERRUPT, VM_EVENT_REASON_INTERRUPT);
SAME(RS_DESCRIPTOR, VM_EVENT_REASON_DESCRIPTOR_ACCESS);
SAME(RS_EMUL_UNIMPLEMENTED, VM_EVENT_REASON_EMUL_UNIMPLEMENTED);
SAME(RS_FLAG_VCPU_PAUSED, VM_EVENT_FLAG_VCPU_PAUSED);
SAME(RS_FLAG_FOREIGN, VM_EVENT_FLAG_FOREIGN);
SAME(RS_FLAG_EMULATE, VM_EVENT_FLAG_EMULATE);
SAME(RS_FLAG_EMULATE_NOWRITE, VM_EVENT_FLAG_EMULATE_NOWRITE);
SAME(RS_FLAG_TOGGLE_SINGLESTEP, VM_EVENT_FLAG_TOGGLE_SINGLESTEP);
SAME(RS_FLAG_SET_EMUL_READ_DATA, VM_EVENT_FLAG_SET_EMUL_READ_DATA);
SAME(RS_FLAG_DENY, VM_EVENT_FLAG_DENY);
SAME(RS_FLAG_ALTERNATE_P2M, VM_EVENT_FLAG_ALTERNATE_P2M);
SAME(RS_FLAG_SET_REGISTERS, VM_EVENT_FLAG_SET_REGISTERS);
SAME(RS_FLAG_SET_EMUL_INSN_DATA, VM_EVENT_FLAG_SET_EMUL_INSN_DATA);
SAME(RS_FLAG_GET_NEXT_INTERRUPT, VM_EVENT_FLAG_GET_NEXT_INTERRUPT);
SAME(RS_FLAG_FAST_SINGLESTEP, VM_EVENT_FLAG_FAST_SINGLESTEP);
SAME(RS_CR0, VM_EVENT_X86_CR0);
SAME(RS_CR3, VM_EVENT_X86_CR3);
SAME(RS_CR4, VM_EVENT_X86_CR4);
SAME(RS_XCR0, VM_EVENT_X86_XCR0);
SAME(RS_IDTR, VM_EVENT_DESC_IDTR);
SAME(RS_GDTR, VM_EVENT_DESC_GDTR);
SAME(RS_LDTR, VM_EVENT_DESC_LDTR);
SAME(RS_TR, VM_EVENT_DESC_TR);
SAME(RS_ACCESS_R, MEM_ACCESS_R);
SAME(RS_ACCESS_W, MEM_ACCESS_W);
SAME(RS_ACCESS_X, MEM_ACCESS_X);
SAME(RS_ACCESS_GLA_VALID, MEM_ACCESS_GLA_VALID);
SAME(RS_ACCESS_FAULT_WITH_GLA, MEM_ACCESS_FAULT_WITH_GLA);
SAME(RS_ACCESS_FAULT_IN_GPT, MEM_ACCESS_FAULT_IN_GPT);

/* Through the table that is there at run time. */
static void test_table(uint32_t version, uint32_t size)
{
	const struct rs_layout *layout = rs_layout_find(version);

	tap_ok(layout && layout->version == version && layout->message_size == size,
	       "version %u has messages of %u bytes", version, size);
	tap_ok(layout && layout->gs_sel + 2u + 2u == size, "its registers end with the message");
}

#define AT_RUN_TIME(name, xen_name, offset)                                                \
	good &= TAP_SAME(layout->name, offsetof(vm_event_request_t, data.regs.x86.xen_name));

int main(void)
{
	const struct rs_layout *layout = rs_layout_find(VM_EVENT_INTERFACE_VERSION);
	bool good = true;

	test_table(6, 384);
	test_table(7, 400);
	RS_LAYOUT_HEAD(AT_RUN_TIME)
	RS_LAYOUT_TAIL(AT_RUN_TIME, )
	tap_ok(good, "the table of version %u is that of this build's Xen",
	       VM_EVENT_INTERFACE_VERSION);
	tap_ok(!rs_layout_find(0) && !rs_layout_find(5) && !rs_layout_find(8),
	       "versions that nobody has are not found");
	return tap_done();
}
