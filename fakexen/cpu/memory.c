/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory.c: accesses that the translation cache cannot serve: a page seen for the first
 * time, two pages at once, watched data, and everything that is emulated. */
#include "fakexen/cpu/memory.h"

enum fx_step fx_span_open(struct fx_cpu *cpu, uint64_t linear, unsigned int size,
	unsigned int access, struct fx_span *span)
{
	enum fx_step step = FX_STEP_NEXT;
	uint64_t second;

	span->size = size;
	span->first = size;
	if (!fx_within_page(linear, size))
		span->first = FX_PAGE - linear % FX_PAGE;
	span->at[0] = fx_translate(cpu, linear, access, &step);
	if (!span->at[0])
		return step;
	if (span->first != size) {
		second = linear + span->first;
		if (!cpu->code64)
			second = (uint32_t)second;
		span->at[1] = fx_translate(cpu, second, access, &step);
		if (!span->at[1])
			return step;
		if (access == FX_ACCESS_W)
			fx_stored(cpu, span->at[1]);
	}
	if (access == FX_ACCESS_W)
		fx_stored(cpu, span->at[0]);
	if (cpu->watched)
		fx_debug_data(cpu, linear, size, access);
	return FX_STEP_NEXT;
}

void fx_span_read(const struct fx_span *span, void *to)
{
	fx_copy(to, span->at[0], span->first);
	if (span->first != span->size)
		fx_copy((uint8_t *)to + span->first, span->at[1], span->size - span->first);
}

void fx_span_write(const struct fx_span *span, const void *from)
{
	fx_copy(span->at[0], from, span->first);
	if (span->first != span->size)
		fx_copy(span->at[1], (const uint8_t *)from + span->first, span->size - span->first);
}

/* What a monitor wants the guest to read: from its buffer's start, then zeros. */
static void serve(const struct fx_emulation *emulation, void *to, unsigned int size)
{
	unsigned int given = emulation->read_size < size ? emulation->read_size : size;

	memset(to, 0, size);
	memcpy(to, emulation->read_data, given);
}

enum fx_step fx_read(struct fx_cpu *cpu, uint64_t linear, void *to, unsigned int size)
{
	struct fx_span span;
	enum fx_step step = fx_span_open(cpu, linear, size, FX_ACCESS_R, &span);

	if (step != FX_STEP_NEXT)
		return step;
	if (cpu->emulation && cpu->emulation->read_data)
		serve(cpu->emulation, to, size);
	else
		fx_span_read(&span, to);
	return step;
}

enum fx_step fx_write(struct fx_cpu *cpu, uint64_t linear, const void *from, unsigned int size)
{
	struct fx_span span;
	enum fx_step step = fx_span_open(cpu, linear, size, FX_ACCESS_W, &span);

	if (step == FX_STEP_NEXT)
		fx_span_write(&span, from);
	return step;
}

enum fx_step fx_load_slow(struct fx_cpu *cpu, uint64_t linear, unsigned int size,
	uint64_t *value)
{
	uint8_t *at;
	enum fx_step step = FX_STEP_NEXT;

	*value = 0;
	if (!fx_within_page(linear, size) || cpu->watched || cpu->emulation)
		return fx_read(cpu, linear, value, size);
	at = fx_reach(cpu, linear, FX_ACCESS_R, &step);
	if (at)
		*value = fx_get(at, size);
	return step;
}

enum fx_step fx_store_slow(struct fx_cpu *cpu, uint64_t linear, unsigned int size,
	uint64_t value)
{
	uint8_t *at;
	enum fx_step step = FX_STEP_NEXT;

	if (!fx_within_page(linear, size) || cpu->watched || cpu->emulation)
		return fx_write(cpu, linear, &value, size);
	at = fx_reach(cpu, linear, FX_ACCESS_W, &step);
	if (at) {
		fx_put(at, size, value);
		fx_stored(cpu, at);
	}
	return step;
}

static enum fx_step system_access(struct fx_cpu *cpu, uint64_t linear, unsigned int size,
	unsigned int access, struct fx_span *span)
{
	uint8_t user = cpu->user;
	enum fx_step step;

	cpu->user = 0;
	step = fx_span_open(cpu, linear, size, access, span);
	cpu->user = user;
	return step;
}

enum fx_step fx_system_read(struct fx_cpu *cpu, uint64_t linear, void *to, unsigned int size)
{
	struct fx_span span;
	enum fx_step step = system_access(cpu, linear, size, FX_ACCESS_R, &span);

	if (step == FX_STEP_NEXT)
		fx_span_read(&span, to);
	return step;
}

enum fx_step fx_system_write(struct fx_cpu *cpu, uint64_t linear, const void *from,
	unsigned int size)
{
	struct fx_span span;
	enum fx_step step = system_access(cpu, linear, size, FX_ACCESS_W, &span);

	if (step == FX_STEP_NEXT)
		fx_span_write(&span, from);
	return step;
}
