/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* event_text.c: one event as one line for people. */
#include "tools/event_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "tools/event_names.h"

struct line {
	char *at;
	size_t left; /* with the '\0' */
};

__attribute__((format(printf, 2, 3))) static void put(struct line *line, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line->at, line->left, format, arguments);
	va_end(arguments);
	if (length < 0)
		return;
	if ((size_t)length >= line->left)
		length = line->left ? (int)line->left - 1 : 0;
	line->at += length;
	line->left -= (size_t)length;
}

static void put_names(struct line *line, uint32_t bits, const char *(*name_of)(unsigned int bit))
{
	const char *separator = "";

	for (unsigned int bit = 0; bit < 32; bit++) {
		if (!(bits >> bit & 1))
			continue;
		if (name_of(bit))
			put(line, "%s%s", separator, name_of(bit));
		else
			put(line, "%sbit %u", separator, bit);
		separator = "|";
	}
}

static void put_page(struct line *line, const struct rs_page_event *page)
{
	put(line, " gfn %#" PRIx64 " offset %#" PRIx64 " ", page->gfn, page->offset);
	put_names(line, page->access, access_name);
	if (page->access & RS_ACCESS_GLA_VALID)
		put(line, " gla %#" PRIx64, page->gla);
}

static void put_write(struct line *line, uint64_t old_value, uint64_t new_value)
{
	put(line, " %#" PRIx64 " -> %#" PRIx64, old_value, new_value);
}

static void put_named(struct line *line, const char *name, uint64_t number)
{
	if (name)
		put(line, " %s", name);
	else
		put(line, " %#" PRIx64, number);
}

static void put_debug(struct line *line, const struct rs_debug_event *debug)
{
	put(line, " gfn %#" PRIx64 " length %u type", debug->gfn, debug->insn_length);
	put_named(line, interruption_name(debug->type), debug->type);
	if (debug->pending_dbg)
		put(line, " pending %#" PRIx64, debug->pending_dbg);
}

static void put_cpuid(struct line *line, const struct rs_event *event)
{
	put(line, " leaf %#x subleaf %#x:", event->cpuid.leaf, event->cpuid.subleaf);
	put(line, " %08x %08x %08x %08x", (uint32_t)rs_event_rax(event),
	    (uint32_t)rs_event_rbx(event), (uint32_t)rs_event_rcx(event),
	    (uint32_t)rs_event_rdx(event));
}

static void put_payload(struct line *line, const struct rs_event *event)
{
	switch (event->kind) {
	case RS_UNKNOWN:
		put(line, " %u", event->reason);
		break;
	case RS_GUEST_REQUEST:
	case RS_PRIVILEGED_CALL:
		break;
	case RS_PAGE:
	case RS_EMUL_UNIMPLEMENTED:
		put_page(line, &event->page);
		break;
	case RS_SHARING:
		put(line, " gfn %#" PRIx64 " type %u", event->sharing.gfn,
		    event->sharing.p2m_type);
		break;
	case RS_PAGING:
		put(line, " gfn %#" PRIx64 " type %u flags %#x", event->paging.gfn,
		    event->paging.p2m_type, event->paging.flags);
		break;
	case RS_CR:
		put_named(line, cr_name(event->cr.which), event->cr.which);
		put_write(line, event->cr.old_value, event->cr.new_value);
		break;
	case RS_MSR:
		put_named(line, msr_name(event->msr.index), event->msr.index);
		put_write(line, event->msr.old_value, event->msr.new_value);
		break;
	case RS_BREAKPOINT:
		put_debug(line, &event->breakpoint);
		break;
	case RS_SINGLESTEP:
		put(line, " gfn %#" PRIx64, event->singlestep.gfn);
		break;
	case RS_DEBUG:
		put_debug(line, &event->debug);
		break;
	case RS_CPUID:
		put_cpuid(line, event);
		break;
	case RS_INTERRUPT:
		put(line, " vector %u type", event->interrupt.vector);
		put_named(line, interruption_name(event->interrupt.type), event->interrupt.type);
		put(line, " error %#x cr2 %#" PRIx64, event->interrupt.error_code,
		    event->interrupt.cr2);
		break;
	case RS_DESCRIPTOR:
		put(line, " %s", event->descriptor.is_write ? "write" : "read");
		put_named(line, descriptor_name(event->descriptor.which), event->descriptor.which);
		break;
	case RS_VMEXIT:
		put(line, " exit %" PRIu64 " qualification %#" PRIx64, event->vmexit.reason,
		    event->vmexit.qualification);
		break;
	case RS_IO:
		put(line, " %s%s port %#x, %u bytes", event->io.in ? "in" : "out",
		    event->io.string ? "s" : "", event->io.port, event->io.bytes);
		break;
	}
}

static void put_bytes(struct line *line, const void *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		put(line, "%02x", ((const uint8_t *)bytes)[i]);
}

static void put_response(struct line *line, const struct rs_event *event)
{
	const struct rs_layout *layout = event->layout;
	const char *data = (const char *)event->message + layout->data;
	uint32_t flags = event->flags;
	uint32_t room = layout->message_size - layout->data - 4;
	uint32_t size;

	if (flags & RS_FLAG_EMULATE && flags & RS_FLAG_SET_EMUL_READ_DATA) {
		size = rs_event_u32(event, layout->data);
		put(line, " read data, %u bytes: ", size);
		put_bytes(line, data + 4, size < room ? size : room);
	} else if (flags & RS_FLAG_EMULATE && flags & RS_FLAG_SET_EMUL_INSN_DATA) {
		put(line, " instruction ");
		put_bytes(line, data, 16);
	} else if (flags & RS_FLAG_SET_REGISTERS) {
		put(line, " rip %#" PRIx64 " rax %#" PRIx64, rs_event_rip(event),
		    rs_event_rax(event));
	}
	if (flags & RS_FLAG_ALTERNATE_P2M)
		put(line, " goes on in view %u", event->view);
	if (flags & RS_FLAG_FAST_SINGLESTEP)
		put(line, " for one step, then view %u", rs_event_u16(event, layout->u));
}

void event_text(const struct rs_event *event, enum message_kind kind, char *text, size_t size)
{
	struct line line = { .at = text, .left = size };

	if (size)
		text[0] = '\0';
	put(&line, "vcpu %u %s", event->vcpu, rs_reason_name(event->reason));
	if (kind == MESSAGE_REQUEST) {
		put_payload(&line, event);
		put(&line, " rip %#" PRIx64 " cr3 %#" PRIx64, rs_event_rip(event),
		    rs_event_cr3(event));
		if (event->flags & RS_FLAG_ALTERNATE_P2M)
			put(&line, " view %u", event->view);
	} else {
		put_response(&line, event);
	}
	put(&line, " [");
	put_names(&line, event->flags, flag_name);
	put(&line, "]");
}
