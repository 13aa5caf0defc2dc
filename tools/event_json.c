/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* event_json.c: one event as one JSON object. */
#include "tools/event_json.h"

#include <inttypes.h>
#include <stdio.h>

#include "tools/event_names.h"

/* An object in the making. What fails, for want of memory, is asked about once, at the end. */
struct writer {
	json_t *object;
	bool failed;
};

static struct writer writer_new(void)
{
	json_t *object = json_object();

	return (struct writer){ .object = object, .failed = !object };
}

/* Takes the reference over, whatever comes of it. */
static void add(struct writer *writer, const char *key, json_t *value)
{
	/* jansson refuses a value, or an object, that is NULL. */
	if (json_object_set_new(writer->object, key, value))
		writer->failed = true;
}

static void add_object(struct writer *writer, const char *key, struct writer *part)
{
	writer->failed |= part->failed;
	add(writer, key, part->object);
}

static void add_number(struct writer *writer, const char *key, uint64_t value)
{
	add(writer, key, json_integer((json_int_t)value));
}

static void add_hex(struct writer *writer, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	add(writer, key, json_string(text));
}

static void add_text(struct writer *writer, const char *key, const char *text)
{
	if (text)
		add(writer, key, json_string(text));
}

static void add_names(struct writer *writer, const char *key, uint32_t bits,
		      const char *(*name_of)(unsigned int bit))
{
	json_t *names = json_array();

	for (unsigned int bit = 0; bit < 32; bit++)
		if (bits >> bit & 1 && name_of(bit) &&
		    json_array_append_new(names, json_string(name_of(bit))))
			writer->failed = true;
	add(writer, key, names);
}

/* Bytes in the order in which they lie. */
static void add_bytes(struct writer *writer, const char *key, const void *bytes, size_t count)
{
	char text[2 * 400 + 1];

	text[0] = '\0';
	for (size_t i = 0; i < count && i < sizeof(text) / 2; i++)
		snprintf(text + 2 * i, 3, "%02x", ((const uint8_t *)bytes)[i]);
	add(writer, key, json_string(text));
}

/* The registers that a response can set. */
static void add_general_registers(struct writer *writer, const struct rs_event *event)
{
	add_hex(writer, "rax", rs_event_rax(event));
	add_hex(writer, "rbx", rs_event_rbx(event));
	add_hex(writer, "rcx", rs_event_rcx(event));
	add_hex(writer, "rdx", rs_event_rdx(event));
	add_hex(writer, "rsi", rs_event_rsi(event));
	add_hex(writer, "rdi", rs_event_rdi(event));
	add_hex(writer, "rbp", rs_event_rbp(event));
	add_hex(writer, "rsp", rs_event_rsp(event));
	add_hex(writer, "r8", rs_event_r8(event));
	add_hex(writer, "r9", rs_event_r9(event));
	add_hex(writer, "r10", rs_event_r10(event));
	add_hex(writer, "r11", rs_event_r11(event));
	add_hex(writer, "r12", rs_event_r12(event));
	add_hex(writer, "r13", rs_event_r13(event));
	add_hex(writer, "r14", rs_event_r14(event));
	add_hex(writer, "r15", rs_event_r15(event));
	add_hex(writer, "rip", rs_event_rip(event));
	add_hex(writer, "rflags", rs_event_rflags(event));
}

static void add_segment(struct writer *writer, const char *key, struct rs_segment segment)
{
	struct writer fields = writer_new();

	add_hex(&fields, "base", segment.base);
	add_hex(&fields, "limit", segment.limit);
	add_number(&fields, "selector", segment.selector);
	add_number(&fields, "attributes", segment.attributes);
	add_object(writer, key, &fields);
}

static void add_system_registers(struct writer *writer, const struct rs_event *event)
{
	add_hex(writer, "cr0", rs_event_cr0(event));
	add_hex(writer, "cr2", rs_event_cr2(event));
	add_hex(writer, "cr3", rs_event_cr3(event));
	add_hex(writer, "cr4", rs_event_cr4(event));
	add_hex(writer, "dr6", rs_event_dr6(event));
	add_hex(writer, "dr7", rs_event_dr7(event));
	add_hex(writer, "efer", rs_event_efer(event));
	add_hex(writer, "star", rs_event_star(event));
	add_hex(writer, "lstar", rs_event_lstar(event));
	add_hex(writer, "sysenter_cs", rs_event_sysenter_cs(event));
	add_hex(writer, "sysenter_esp", rs_event_sysenter_esp(event));
	add_hex(writer, "sysenter_eip", rs_event_sysenter_eip(event));
	add_hex(writer, "shadow_gs", rs_event_shadow_gs(event));
	add_hex(writer, "gdtr_base", rs_event_gdtr_base(event));
	add_number(writer, "gdtr_limit", rs_event_gdtr_limit(event));
	if (event->flags & RS_FLAG_NESTED_P2M && event->layout->npt_base)
		add_hex(writer, "npt_base", rs_event_npt_base(event));
	if (event->layout->vmtrace_pos)
		add_hex(writer, "vmtrace_pos", rs_event_vmtrace_pos(event));
	add_segment(writer, "cs", rs_event_cs(event));
	add_segment(writer, "ss", rs_event_ss(event));
	add_segment(writer, "ds", rs_event_ds(event));
	add_segment(writer, "es", rs_event_es(event));
	add_segment(writer, "fs", rs_event_fs(event));
	add_segment(writer, "gs", rs_event_gs(event));
}

static void add_page(struct writer *writer, const struct rs_event *event)
{
	add_hex(writer, "gfn", event->page.gfn);
	add_hex(writer, "offset", event->page.offset);
	add_hex(writer, "gla", event->page.gla);
	add_number(writer, "access", event->page.access);
	add_names(writer, "access_names", event->page.access, access_name);
}

static void add_write(struct writer *writer, uint64_t new_value, uint64_t old_value)
{
	add_hex(writer, "new", new_value);
	add_hex(writer, "old", old_value);
}

static void add_debug(struct writer *writer, const struct rs_debug_event *debug)
{
	add_hex(writer, "gfn", debug->gfn);
	add_hex(writer, "pending_dbg", debug->pending_dbg);
	add_number(writer, "insn_length", debug->insn_length);
	add_number(writer, "type", debug->type);
	add_text(writer, "type_name", interruption_name(debug->type));
}

static void add_cpuid(struct writer *writer, const struct rs_event *event)
{
	add_number(writer, "insn_length", event->cpuid.insn_length);
	add_hex(writer, "leaf", event->cpuid.leaf);
	add_hex(writer, "subleaf", event->cpuid.subleaf);
	add_hex(writer, "rax", rs_event_rax(event));
	add_hex(writer, "rbx", rs_event_rbx(event));
	add_hex(writer, "rcx", rs_event_rcx(event));
	add_hex(writer, "rdx", rs_event_rdx(event));
}

static void add_interrupt(struct writer *writer, const struct rs_interrupt_event *interrupt)
{
	add_number(writer, "vector", interrupt->vector);
	add_number(writer, "type", interrupt->type);
	add_text(writer, "type_name", interruption_name(interrupt->type));
	add_number(writer, "error_code", interrupt->error_code);
	add_hex(writer, "cr2", interrupt->cr2);
}

static void add_descriptor(struct writer *writer, const struct rs_descriptor_event *descriptor)
{
	add_number(writer, "descriptor", descriptor->which);
	add_text(writer, "descriptor_name", descriptor_name(descriptor->which));
	add_number(writer, "is_write", descriptor->is_write);
	add_hex(writer, "instr_info", descriptor->instr_info);
	add_hex(writer, "exit_qualification", descriptor->exit_qualification);
}

static void add_io(struct writer *writer, const struct rs_io_event *io)
{
	add_number(writer, "bytes", io->bytes);
	add_number(writer, "port", io->port);
	add_number(writer, "in", io->in);
	add_number(writer, "str", io->string);
}

static void add_payload(struct writer *writer, const struct rs_event *event)
{
	switch (event->kind) {
	case RS_UNKNOWN:
	case RS_GUEST_REQUEST:
	case RS_PRIVILEGED_CALL:
		break;
	case RS_PAGE:
	case RS_EMUL_UNIMPLEMENTED:
		add_page(writer, event);
		break;
	case RS_SHARING:
		add_hex(writer, "gfn", event->sharing.gfn);
		add_number(writer, "p2mt", event->sharing.p2m_type);
		break;
	case RS_PAGING:
		add_hex(writer, "gfn", event->paging.gfn);
		add_number(writer, "p2mt", event->paging.p2m_type);
		add_number(writer, "paging_flags", event->paging.flags);
		break;
	case RS_CR:
		add_number(writer, "index", event->cr.which);
		add_text(writer, "register", cr_name(event->cr.which));
		add_write(writer, event->cr.new_value, event->cr.old_value);
		break;
	case RS_MSR:
		add_hex(writer, "msr", event->msr.index);
		add_text(writer, "register", msr_name(event->msr.index));
		add_write(writer, event->msr.new_value, event->msr.old_value);
		break;
	case RS_BREAKPOINT:
		add_debug(writer, &event->breakpoint);
		break;
	case RS_SINGLESTEP:
		add_hex(writer, "gfn", event->singlestep.gfn);
		break;
	case RS_DEBUG:
		add_debug(writer, &event->debug);
		break;
	case RS_CPUID:
		add_cpuid(writer, event);
		break;
	case RS_INTERRUPT:
		add_interrupt(writer, &event->interrupt);
		break;
	case RS_DESCRIPTOR:
		add_descriptor(writer, &event->descriptor);
		break;
	case RS_VMEXIT:
		add_number(writer, "exit_reason", event->vmexit.reason);
		add_hex(writer, "qualification", event->vmexit.qualification);
		break;
	case RS_IO:
		add_io(writer, &event->io);
		break;
	}
}

static void add_request(struct writer *writer, const struct rs_event *event, bool all_registers)
{
	struct writer registers;

	add_hex(writer, "rip", rs_event_rip(event));
	add_hex(writer, "rsp", rs_event_rsp(event));
	add_hex(writer, "r9", rs_event_r9(event));
	add_hex(writer, "cr3", rs_event_cr3(event));
	add_hex(writer, "rflags", rs_event_rflags(event));
	add_payload(writer, event);
	if (!all_registers)
		return;
	registers = writer_new();
	add_general_registers(&registers, event);
	add_system_registers(&registers, event);
	add_object(writer, "registers", &registers);
}

/* What Xen would take for the bytes that a read gives: a size first, then so many bytes. */
static void add_read_data(struct writer *writer, const struct rs_event *event)
{
	const struct rs_layout *layout = event->layout;
	uint32_t size = rs_event_u32(event, layout->data);
	uint32_t room = layout->message_size - layout->data - sizeof(size);

	if (size > room) {
		add_number(writer, "emul_read_size", size);
		size = room;
	}
	add_bytes(writer, "emul_read",
		  (const char *)event->message + layout->data + sizeof(size), size);
}

static void add_response(struct writer *writer, const struct rs_event *event, bool all_registers)
{
	const uint32_t flags = event->flags;
	struct writer registers;

	/* One place in the message holds either of the three; Xen's priority. */
	if (flags & RS_FLAG_EMULATE && flags & RS_FLAG_SET_EMUL_READ_DATA) {
		add_read_data(writer, event);
	} else if (flags & RS_FLAG_EMULATE && flags & RS_FLAG_SET_EMUL_INSN_DATA) {
		add_bytes(writer, "emul_insn",
			  (const char *)event->message + event->layout->data, 16);
	} else if (flags & RS_FLAG_SET_REGISTERS) {
		add_hex(writer, "rip", rs_event_rip(event));
		if (all_registers) {
			registers = writer_new();
			add_general_registers(&registers, event);
			add_object(writer, "registers", &registers);
		}
	}
	if (flags & RS_FLAG_FAST_SINGLESTEP)
		add_number(writer, "p2midx", rs_event_u16(event, event->layout->u));
}

json_t *event_json(const struct rs_event *event, enum message_kind kind, bool all_registers)
{
	struct writer writer = writer_new();

	add_text(&writer, "direction", kind == MESSAGE_REQUEST ? "request" : "response");
	add_number(&writer, "version", event->layout->version);
	add_text(&writer, "reason", rs_reason_name(event->reason));
	if (event->reason >= RS_KIND_COUNT)
		add_number(&writer, "reason_number", event->reason);
	add_number(&writer, "vcpu", event->vcpu);
	add_number(&writer, "flags", event->flags);
	add_names(&writer, "flag_names", event->flags, flag_name);
	add_number(&writer, "altp2m_idx", rs_event_u16(event, event->layout->view));
	if (kind == MESSAGE_REQUEST)
		add_request(&writer, event, all_registers);
	else
		add_response(&writer, event, all_registers);
	if (!writer.failed)
		return writer.object;
	json_decref(writer.object);
	return NULL;
}
