/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* code.c: see code.h. */
#include "engine/code.h"

#include <string.h>

#include "engine/private.h"
#include "ring/atomics.h"

#define PAGE_BYTES 4096
#define TRUSTED_NS 500000000 /* for so long a trail is followed at most */
#define NS_PER_MS 1000000ULL

static const struct rs_instruction unknown;

static struct rs_code_entry *entry_of(struct rs_engine *engine, const struct rs_event *event)
{
	uint64_t rip = rs_event_rip(event);

	return &engine->codes[event->vcpu].entries[(rip ^ rip >> 6) % RS_CODE_ENTRIES];
}

/* Decodes, unless it is what was decoded last. */
static void fill(struct rs_code_entry *entry, const struct rs_event *event,
		 const uint8_t bytes[RS_INSTRUCTION_SIZE], size_t size)
{
	enum rs_width width = rs_instruction_width(event);
	bool same = entry->size == size && entry->width == width &&
		    !memcmp(entry->bytes, bytes, RS_INSTRUCTION_SIZE);

	if (!same || entry->rip != rs_event_rip(event) || entry->cr3 != rs_event_cr3(event))
		entry->trail.count = 0;
	entry->rip = rs_event_rip(event);
	entry->cr3 = rs_event_cr3(event);
	if (same)
		return;
	entry->size = (uint8_t)size;
	entry->width = (uint8_t)width;
	memcpy(entry->bytes, bytes, RS_INSTRUCTION_SIZE);
	entry->instruction = rs_instruction_decode(bytes, size, width);
}

const struct rs_instruction *rs_code_of(struct rs_engine *engine, const struct rs_event *event,
					const uint8_t bytes[RS_INSTRUCTION_SIZE], size_t size)
{
	struct rs_code_entry *entry = entry_of(engine, event);

	fill(entry, event, bytes, size);
	return &entry->instruction;
}

/* -- at RIP -- */

/* What was found there before, if all by which it was found, and what it is, is as it was. */
static bool is_known(const struct rs_code_entry *entry, const struct rs_event *event)
{
	if (entry->rip != rs_event_rip(event) || entry->cr3 != rs_event_cr3(event))
		return false;
	/* Looked at for this event already. */
	if (entry->serial == event->serial && entry->trail.count)
		return true;
	return entry->cs == rs_event_u32(event, event->layout->cs) &&
	       entry->efer == rs_event_efer(event) && rs_ticks() < entry->expires &&
	       rs_trail_holds(&entry->trail);
}

/*
 * When a trail that was just found is not followed any more. The cache's mappings are believed for
 * some time from when they were made, and that of these may be nearly over.
 */
static uint64_t expiry_of(const struct rs_engine *engine, const struct rs_trail *trail)
{
	uint64_t now = rs_ticks(), ns = rs_now_ns() - engine->start_ns, trusted_ns = TRUSTED_NS;

	if (trail->left_ms * NS_PER_MS < trusted_ns)
		trusted_ns = trail->left_ms * NS_PER_MS;
	if (!trusted_ns)
		return now;
	return now + (now - engine->start_ticks) / (ns / trusted_ns + 1);
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

/* The bytes that were decoded: they may have changed since the trail was found. */
static bool ends_with(const struct rs_trail *trail, const uint8_t bytes[RS_INSTRUCTION_SIZE])
{
	const struct rs_trail_step *last = trail->steps + trail->count - 1;

	return trail->count && !memcmp(&last[-1].word, bytes, sizeof(last->word)) &&
	       !memcmp(&last->word, bytes + sizeof(last->word), sizeof(last->word));
}

static void remember(const struct rs_engine *engine, struct rs_code_entry *entry,
		     const struct rs_event *event, const struct rs_trail *trail)
{
	entry->trail = *trail;
	entry->cs = rs_event_u32(event, event->layout->cs);
	entry->efer = rs_event_efer(event);
	entry->expires = expiry_of(engine, trail);
}

static __attribute__((noinline)) const struct rs_instruction *
look(struct rs_engine *engine, struct rs_guest *guest, const struct rs_event *event)
{
	struct rs_code_entry *entry = entry_of(engine, event);
	uint64_t linear = rs_event_rip(event), left;
	struct rs_paging paging = rs_event_paging(event);
	uint8_t bytes[RS_INSTRUCTION_SIZE] = { 0 };
	struct rs_translation here;
	size_t size = sizeof(bytes);
	struct rs_trail trail;

	if (rs_instruction_width(event) != RS_WIDTH_64)
		linear += rs_event_cs(event).base;
	left = PAGE_BYTES - linear % PAGE_BYTES;
	if (left < size)
		size = left;
	if (rs_trail_find(guest, &paging, linear, &here, &trail) ||
	    rs_guest_read(guest, here.physical, bytes, size, NULL))
		return &unknown;
	if (size < sizeof(bytes))
		size += read_on(guest, &paging, linear + size, bytes + size, sizeof(bytes) - size);
	fill(entry, event, bytes, size);
	entry->trail.count = 0;
	if (ends_with(&trail, bytes) && entry->width == RS_WIDTH_64)
		remember(engine, entry, event, &trail);
	return &entry->instruction;
}

const struct rs_instruction *rs_code_at(struct rs_engine *engine, const struct rs_event *event)
{
	struct rs_guest *guest = rs_load_acquire(&engine->guest); /* G1 */
	struct rs_code_entry *entry;

	if (!guest)
		return NULL;
	entry = entry_of(engine, event);
	if (!is_known(entry, event))
		return look(engine, guest, event);
	entry->serial = event->serial;
	return &entry->instruction;
}
