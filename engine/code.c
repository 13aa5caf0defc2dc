/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* code.c: see code.h. */
#include "engine/code.h"

#include <string.h>

#include "engine/private.h"
#include "ring/atomics.h"

#define PAGE_BYTES 4096

static const struct rs_instruction unknown;

const struct rs_instruction *rs_code_of(struct rs_engine *engine, const struct rs_event *event,
					uint64_t address,
					const uint8_t bytes[RS_INSTRUCTION_SIZE], size_t size)
{
	struct rs_code *code = &engine->codes[event->vcpu];
	struct rs_code_entry *entry = &code->entries[(address ^ address >> 6) % RS_CODE_ENTRIES];
	enum rs_width width = rs_instruction_width(event);

	if (entry->address == address && entry->size == size && entry->width == width &&
	    !memcmp(entry->bytes, bytes, RS_INSTRUCTION_SIZE))
		return &entry->instruction;
	entry->instruction = rs_instruction_decode(bytes, size, width);
	entry->address = address;
	entry->size = (uint8_t)size;
	entry->width = (uint8_t)width;
	memcpy(entry->bytes, bytes, RS_INSTRUCTION_SIZE);
	return &entry->instruction;
}

/* What goes on, on the next page: it may be missing, if the instruction does not. */
static size_t read_on(struct rs_guest *guest, const struct rs_paging *paging, uint64_t linear,
		      uint8_t *bytes, size_t size)
{
	struct rs_translation next;

	if (rs_guest_translate(guest, paging, linear, &next) ||
	    rs_guest_read(guest, next.physical, bytes, size, NULL))
		return 0;
	return size;
}

const struct rs_instruction *rs_code_at(struct rs_engine *engine, const struct rs_event *event)
{
	struct rs_guest *guest = rs_load_acquire(&engine->guest); /* G1 */
	uint64_t linear = rs_event_rip(event), left;
	struct rs_paging paging = rs_event_paging(event);
	uint8_t bytes[RS_INSTRUCTION_SIZE] = { 0 };
	struct rs_translation here;
	size_t size = sizeof(bytes);

	if (!guest)
		return NULL;
	if (rs_instruction_width(event) != RS_WIDTH_64)
		linear += rs_event_cs(event).base;
	left = PAGE_BYTES - linear % PAGE_BYTES;
	if (left < size)
		size = left;
	if (rs_guest_translate(guest, &paging, linear, &here) ||
	    rs_guest_read(guest, here.physical, bytes, size, NULL))
		return &unknown;
	if (size < sizeof(bytes))
		size += read_on(guest, &paging, linear + size, bytes + size, sizeof(bytes) - size);
	return rs_code_of(engine, event, here.physical, bytes, size);
}
