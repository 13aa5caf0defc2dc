/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* segment.c: segment registers and the descriptors that fill them (SDM 3.4, 3.5). */
#include "fakexen/cpu/memory.h"

enum { TYPE_CODE = 8, TYPE_CONFORMING = 4, TYPE_WRITABLE = 2, TYPE_ACCESSED = 1, NOT_SYSTEM = 16 };

void fx_segment_flat(struct fx_segment *segment, uint16_t selector, uint16_t arbytes)
{
	segment->base = 0;
	segment->limit = 0xffffffff;
	segment->selector = selector;
	segment->arbytes = arbytes;
}

struct fx_segment fx_descriptor_segment(uint16_t selector, const struct fx_descriptor *descriptor)
{
	uint64_t low = descriptor->low;
	uint32_t limit = (uint32_t)((low & 0xffff) | (low >> 32 & 0xf0000));
	struct fx_segment segment = {
		.base = (low >> 16 & 0xffffff) | (low >> 32 & 0xff000000) | descriptor->high << 32,
		.limit = low >> 55 & 1 ? limit << 12 | 0xfff : limit,
		.selector = selector,
		.arbytes = (uint16_t)((low >> 40 & 0xff) | (low >> 44 & 0xf00)),
	};

	return segment;
}

/* Reads a descriptor; a system one has 16 bytes in long mode. `fault` (#GP, #TS) is what
 * a selector outside its table raises. */
enum fx_step fx_descriptor_read(struct fx_cpu *cpu, uint16_t selector, bool is_system,
	uint8_t fault, struct fx_descriptor *descriptor)
{
	const struct fx_cpu_state *state = cpu->state;
	bool local = selector & 4, wide = is_system && (state->efer & FX_EFER_LMA);
	uint64_t base = local ? state->ldtr.base : state->gdtr.base;
	uint32_t limit = local ? state->ldtr.limit : state->gdtr.limit;
	unsigned int size = wide ? 16 : 8;

	descriptor->high = 0;
	if ((local && !(state->ldtr.arbytes & 0x80)) || (selector & ~7u) + size - 1 > limit)
		return fx_raise_code(cpu, fault, selector & ~3u);
	return fx_system_read(cpu, base + (selector & ~7u), descriptor, size);
}

/* Sets the descriptor's accessed bit, if it is not: most are made with it. */
static enum fx_step mark_accessed(struct fx_cpu *cpu, uint16_t selector, struct fx_descriptor *d)
{
	const struct fx_cpu_state *state = cpu->state;
	uint64_t base = selector & 4 ? state->ldtr.base : state->gdtr.base;
	uint8_t type;

	if (d->low >> 40 & TYPE_ACCESSED)
		return FX_STEP_NEXT;
	d->low |= (uint64_t)TYPE_ACCESSED << 40;
	type = (uint8_t)(d->low >> 40);
	return fx_system_write(cpu, base + (selector & ~7u) + 5, &type, 1);
}

enum fx_step fx_segment_load(struct fx_cpu *cpu, unsigned int segment, uint16_t selector)
{
	struct fx_cpu_state *state = cpu->state;
	struct fx_segment *target = &state->segment[segment];
	struct fx_descriptor descriptor;
	unsigned int cpl = cpu->user ? 3 : 0, rpl = selector & 3, type, dpl;
	enum fx_step step;

	if (!(selector & ~3u)) {
		if (segment == FX_SS && (!cpu->code64 || cpl == 3 || rpl != cpl))
			return fx_raise_general(cpu);
		/* unusable; FS and GS lose their base, and SS keeps the CPL in its DPL */
		fx_segment_flat(target, selector,
			(uint16_t)(segment == FX_SS ? 0xc93 | cpl << 5 : 0));
		return FX_STEP_NEXT;
	}
	step = fx_descriptor_read(cpu, selector, false, FX_GP, &descriptor);
	if (step != FX_STEP_NEXT)
		return step;
	type = descriptor.low >> 40 & 31;
	dpl = descriptor.low >> 45 & 3;
	if (!(type & NOT_SYSTEM) || (type & TYPE_CODE && (segment == FX_SS || !(type & 2))))
		return fx_raise_code(cpu, FX_GP, selector & ~3u);
	if (segment == FX_SS && (rpl != cpl || dpl != cpl || !(type & TYPE_WRITABLE)))
		return fx_raise_code(cpu, FX_GP, selector & ~3u);
	if (segment != FX_SS && (type & 12) != 12 && (dpl < cpl || dpl < rpl))
		return fx_raise_code(cpu, FX_GP, selector & ~3u);
	if (!(descriptor.low >> 47 & 1))
		return fx_raise_code(cpu, segment == FX_SS ? FX_SS_VECTOR : FX_NP, selector & ~3u);
	step = mark_accessed(cpu, selector, &descriptor);
	if (step != FX_STEP_NEXT)
		return step;
	*target = fx_descriptor_segment(selector, &descriptor);
	return FX_STEP_NEXT;
}

/* The code segment that a far branch or a gate leads to, for CPL `cpl` or an inner one.
 * `external` is the EXT bit of the error codes. */
enum fx_step fx_code_segment_check(struct fx_cpu *cpu, uint16_t selector, unsigned int cpl,
	uint8_t external, struct fx_segment *segment)
{
	struct fx_descriptor descriptor;
	unsigned int type, dpl;
	uint32_t error_code = (selector & ~3u) | external;
	enum fx_step step;

	if (!(selector & ~3u))
		return fx_raise_code(cpu, FX_GP, external);
	step = fx_descriptor_read(cpu, selector, false, FX_GP, &descriptor);
	if (step != FX_STEP_NEXT)
		return step;
	type = descriptor.low >> 40 & 31;
	dpl = descriptor.low >> 45 & 3;
	if ((type & (NOT_SYSTEM | TYPE_CODE)) != (NOT_SYSTEM | TYPE_CODE) || dpl > cpl)
		return fx_raise_code(cpu, FX_GP, error_code);
	if ((cpu->state->efer & FX_EFER_LMA) && (descriptor.low >> 53 & 3) == 3)
		return fx_raise_code(cpu, FX_GP, error_code);
	if (!(descriptor.low >> 47 & 1))
		return fx_raise_code(cpu, FX_NP, error_code);
	step = mark_accessed(cpu, selector, &descriptor);
	if (step == FX_STEP_NEXT)
		*segment = fx_descriptor_segment(selector, &descriptor);
	return step;
}
