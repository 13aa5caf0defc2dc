/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* decode.c: makes the tagged event of a raw message. */
#include "engine/decode.h"

#include <errno.h>
#include <string.h>

#include "engine/wire.h"

static const char *const reason_names[RS_KIND_COUNT] = {
	[RS_UNKNOWN] = "unknown",
	[RS_PAGE] = "mem_access",
	[RS_SHARING] = "mem_sharing",
	[RS_PAGING] = "mem_paging",
	[RS_CR] = "write_ctrlreg",
	[RS_MSR] = "mov_to_msr",
	[RS_BREAKPOINT] = "software_breakpoint",
	[RS_SINGLESTEP] = "singlestep",
	[RS_GUEST_REQUEST] = "guest_request",
	[RS_DEBUG] = "debug_exception",
	[RS_CPUID] = "cpuid",
	[RS_PRIVILEGED_CALL] = "privileged_call",
	[RS_INTERRUPT] = "interrupt",
	[RS_DESCRIPTOR] = "descriptor_access",
	[RS_EMUL_UNIMPLEMENTED] = "emul_unimplemented",
	[RS_VMEXIT] = "vmexit",
	[RS_IO] = "io_instruction",
};

const char *rs_reason_name(uint32_t reason)
{
	return reason_names[reason < RS_KIND_COUNT ? reason : RS_UNKNOWN];
}

static struct rs_debug_event debug_of(const struct rs_wire_debug *debug)
{
	return (struct rs_debug_event){ .gfn = debug->gfn,
					.pending_dbg = debug->pending_dbg,
					.insn_length = debug->insn_length,
					.type = debug->type };
}

static void read_memory(struct rs_event *event, const struct rs_wire *wire)
{
	switch (event->kind) {
	case RS_SHARING:
		event->sharing = (struct rs_sharing_event){ .gfn = wire->u.sharing.gfn,
							    .p2m_type = wire->u.sharing.p2mt };
		break;
	case RS_PAGING:
		event->paging = (struct rs_paging_event){ .gfn = wire->u.paging.gfn,
							  .p2m_type = wire->u.paging.p2mt,
							  .flags = wire->u.paging.flags };
		break;
	default:
		event->page = (struct rs_page_event){ .gfn = wire->u.page.gfn,
						      .offset = wire->u.page.offset,
						      .gla = wire->u.page.gla,
						      .access = wire->u.page.flags };
		break;
	}
}

static void read_register_write(struct rs_event *event, const struct rs_wire *wire)
{
	if (event->kind == RS_CR)
		event->cr = (struct rs_cr_event){ .which = wire->u.cr.index,
						  .new_value = wire->u.cr.new_value,
						  .old_value = wire->u.cr.old_value };
	else
		event->msr = (struct rs_msr_event){ .index = wire->u.msr.msr,
						    .new_value = wire->u.msr.new_value,
						    .old_value = wire->u.msr.old_value };
}

static void read_intercept(struct rs_event *event, const struct rs_wire *wire)
{
	switch (event->kind) {
	case RS_CPUID:
		event->cpuid = (struct rs_cpuid_event){ .insn_length = wire->u.cpuid.insn_length,
							.leaf = wire->u.cpuid.leaf,
							.subleaf = wire->u.cpuid.subleaf };
		break;
	case RS_INTERRUPT:
		event->interrupt = (struct rs_interrupt_event){
			.vector = wire->u.interrupt.vector,
			.type = wire->u.interrupt.type,
			.error_code = wire->u.interrupt.error_code,
			.cr2 = wire->u.interrupt.cr2,
		};
		break;
	case RS_DESCRIPTOR:
		event->descriptor = (struct rs_descriptor_event){
			.which = wire->u.descriptor.descriptor,
			.is_write = wire->u.descriptor.is_write,
			.instr_info = wire->u.descriptor.instr_info,
			.exit_qualification = wire->u.descriptor.exit_qualification,
		};
		break;
	case RS_VMEXIT:
		event->vmexit = (struct rs_vmexit_event){
			.reason = wire->u.vmexit.reason,
			.qualification = wire->u.vmexit.qualification,
		};
		break;
	default:
		event->io = (struct rs_io_event){ .bytes = wire->u.io.bytes,
						  .port = wire->u.io.port,
						  .in = wire->u.io.in,
						  .string = wire->u.io.str };
		break;
	}
}

static void read_payload(struct rs_event *event, const struct rs_wire *wire)
{
	switch (event->kind) {
	case RS_UNKNOWN:
	case RS_GUEST_REQUEST:
	case RS_PRIVILEGED_CALL:
		break;
	case RS_PAGE:
	case RS_EMUL_UNIMPLEMENTED:
	case RS_SHARING:
	case RS_PAGING:
		read_memory(event, wire);
		break;
	case RS_CR:
	case RS_MSR:
		read_register_write(event, wire);
		break;
	case RS_BREAKPOINT:
		event->breakpoint = debug_of(&wire->u.debug);
		break;
	case RS_DEBUG:
		event->debug = debug_of(&wire->u.debug);
		break;
	case RS_SINGLESTEP:
		event->singlestep.gfn = wire->u.singlestep_gfn;
		break;
	case RS_CPUID:
	case RS_INTERRUPT:
	case RS_DESCRIPTOR:
	case RS_VMEXIT:
	case RS_IO:
		read_intercept(event, wire);
		break;
	}
}

void rs_event_read(struct rs_event *event, const void *message, const struct rs_layout *layout)
{
	struct rs_wire wire;

	memcpy(&wire, message, sizeof(wire));
	*event = (struct rs_event){
		.kind = wire.reason < RS_KIND_COUNT ? (enum rs_kind)wire.reason : RS_UNKNOWN,
		.reason = wire.reason,
		.vcpu = wire.vcpu_id,
		.flags = wire.flags,
		.view = wire.flags & RS_FLAG_ALTERNATE_P2M ? wire.altp2m_idx : 0,
		.synchronous = wire.flags & RS_FLAG_VCPU_PAUSED,
		.message = message,
		.layout = layout,
	};
	read_payload(event, &wire);
}

int rs_decode(const void *message, size_t size, uint32_t version, struct rs_event *event)
{
	const struct rs_layout *layout = rs_layout_find(version);
	uint32_t found;

	if (!layout)
		return -EPROTONOSUPPORT;
	if (size != layout->message_size)
		return -EMSGSIZE;
	memcpy(&found, message, sizeof(found));
	if (found != version)
		return -EPROTO;
	rs_event_read(event, message, layout);
	return 0;
}
