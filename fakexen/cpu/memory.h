/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory.h: how instructions reach their operands. A function that returns a step has
 * done nothing unless it returns FX_STEP_NEXT, so an instruction does all its accesses
 * that may fail before it changes anything. */
#ifndef FAKEXEN_CPU_MEMORY_H
#define FAKEXEN_CPU_MEMORY_H

#include "fakexen/cpu/atomics.h"
#include "fakexen/cpu/private.h"

/* Memory that an instruction has got hold of: in two parts if it lies over a page's end. */
struct fx_span {
	uint8_t *at[2];
	unsigned int first;     /* bytes in the first part */
	unsigned int size;
};

enum fx_step fx_load_slow(struct fx_cpu *cpu, uint64_t linear, unsigned int size,
	uint64_t *value);
enum fx_step fx_store_slow(struct fx_cpu *cpu, uint64_t linear, unsigned int size,
	uint64_t value);
/* Gets hold of `size` (at most 4096) bytes for `access`; W allows reading too. */
enum fx_step fx_span_open(struct fx_cpu *cpu, uint64_t linear, unsigned int size,
	unsigned int access, struct fx_span *span);
void fx_span_read(const struct fx_span *span, void *to);
void fx_span_write(const struct fx_span *span, const void *from);
enum fx_step fx_read(struct fx_cpu *cpu, uint64_t linear, void *to, unsigned int size);
enum fx_step fx_write(struct fx_cpu *cpu, uint64_t linear, const void *from,
	unsigned int size);
/* The same for tables that the processor itself reads and writes, at any CPL. */
enum fx_step fx_system_read(struct fx_cpu *cpu, uint64_t linear, void *to, unsigned int size);
enum fx_step fx_system_write(struct fx_cpu *cpu, uint64_t linear, const void *from,
	unsigned int size);

/* Multiplied by the golden ratio, whose upper bits tell pages apart that lie a power of two from each
 * other: code, data and stacks often do. */
static inline struct fx_translation *fx_translation_slot(struct fx_cpu *cpu, uint64_t linear)
{
	uint32_t key = (uint32_t)(linear / FX_PAGE ^ cpu->salt) * 0x9e3779b1u;

	return &cpu->translation[key / (UINT32_MAX / FX_TRANSLATIONS + 1)];
}

/* The translation cache: the host's address if the page is known and allows `access`. */
static inline uint8_t *fx_hit(struct fx_cpu *cpu, uint64_t linear, unsigned int access)
{
	const struct fx_translation *entry = fx_translation_slot(cpu, linear);

	if (__builtin_expect(entry->page == linear / FX_PAGE &&
			     entry->generation == cpu->usable &&
			     (entry->access & access << cpu->user), 1))
		return entry->host + linear % FX_PAGE;
	return NULL;
}

/* A store into the page that code runs from ends the block: it may have changed it. */
static inline void fx_stored(struct fx_cpu *cpu, const uint8_t *at)
{
	if (__builtin_expect((uintptr_t)(at - cpu->code_page) < FX_PAGE, 0))
		cpu->end = NULL;
}

static inline bool fx_within_page(uint64_t linear, unsigned int size)
{
	return linear % FX_PAGE + size <= FX_PAGE;
}

/* The host's address of up to eight bytes, if they are in the page that was accessed so last. */
static inline uint8_t *fx_hit_last(struct fx_cpu *cpu, uint64_t linear, unsigned int access)
{
	const struct fx_last *last = &cpu->last[access >> 1];
	uint64_t offset = linear - last->page;

	return __builtin_expect(offset < last->room, 1) ? last->host + offset : NULL;
}

static inline enum fx_step fx_load(struct fx_cpu *cpu, uint64_t linear, unsigned int size,
	uint64_t *value)
{
	uint8_t *at = fx_hit_last(cpu, linear, FX_ACCESS_R);

	if (__builtin_expect(!at, 0))
		return fx_load_slow(cpu, linear, size, value);
	*value = fx_get(at, size);
	return FX_STEP_NEXT;
}

static inline enum fx_step fx_store(struct fx_cpu *cpu, uint64_t linear, unsigned int size,
	uint64_t value)
{
	uint8_t *at = fx_hit_last(cpu, linear, FX_ACCESS_W);

	if (__builtin_expect(!at, 0))
		return fx_store_slow(cpu, linear, size, value);
	fx_put(at, size, value);
	fx_stored(cpu, at);
	return FX_STEP_NEXT;
}

/* That of a memory operand with FX_OP_PLAIN_ADDRESS. */
static inline uint64_t fx_plain_address(struct fx_cpu *cpu, const struct fx_op *op)
{
	return (uint64_t)op->displacement + *(uint64_t *)fx_register(cpu, op->base) +
	       (*(uint64_t *)fx_register(cpu, op->index) << op->scale);
}

/* The linear address of the memory operand. */
static inline uint64_t fx_address(struct fx_cpu *cpu, const struct fx_op *op)
{
	uint64_t address = (uint64_t)op->displacement;

	if (__builtin_expect(op->flags & FX_OP_PLAIN_ADDRESS, 1))
		return fx_plain_address(cpu, op);
	address += *(uint64_t *)fx_register(cpu, op->index) << op->scale;
	if (op->base != FX_BASE_RIP)
		address += *(uint64_t *)fx_register(cpu, op->base);
	else
		address += fx_rip(cpu, op) + op->length;
	if (op->address_size == 4)
		address = (uint32_t)address;
	if (op->flags & FX_OP_SEGMENT_BASE)
		address += cpu->state->segment[op->segment].base;
	return cpu->code64 ? address : (uint32_t)address;
}

/* Registers are read and written whole and cut to size, without a branch on it. AH to BH
 * reach one byte into the next register, which never is beyond the array. */
static inline uint64_t fx_register_cut(struct fx_cpu *cpu, const struct fx_operand *operand,
	unsigned int size)
{
	return *(const fx_u64 *)fx_register(cpu, operand->reg) & fx_mask(size);
}

static inline uint64_t fx_register_get(struct fx_cpu *cpu, const struct fx_operand *operand)
{
	return fx_register_cut(cpu, operand, operand->size);
}

/* A 32-bit result clears the upper half. */
static inline void fx_register_fill(struct fx_cpu *cpu, const struct fx_operand *operand,
	unsigned int size, uint64_t value)
{
	fx_u64 *at = (fx_u64 *)fx_register(cpu, operand->reg);
	uint64_t mask = fx_mask(size);
	uint64_t kept = size == 4 ? 0 : *at & ~mask;

	*at = kept | (value & mask);
}

static inline void fx_register_put(struct fx_cpu *cpu, const struct fx_operand *operand,
	uint64_t value)
{
	fx_register_fill(cpu, operand, operand->size, value);
}

/* Quick forms of instructions (quick.c) know the size when they are compiled. */
__attribute__((always_inline)) static inline enum fx_step fx_operand_cut(struct fx_cpu *cpu,
	const struct fx_op *op, const struct fx_operand *operand, unsigned int size,
	uint64_t *value)
{
	if (operand->kind == FX_OPERAND_REGISTER)
		*value = fx_register_cut(cpu, operand, size);
	else if (operand->kind == FX_OPERAND_IMMEDIATE)
		*value = op->immediate;
	else
		return fx_load(cpu, fx_address(cpu, op), size, value);
	return FX_STEP_NEXT;
}

/* The second operand, where it is a register or in the instruction. */
static inline uint64_t fx_source(struct fx_cpu *cpu, const struct fx_op *op, unsigned int size)
{
	const struct fx_operand *from = &op->operand[1];

	return from->kind == FX_OPERAND_REGISTER ? fx_register_cut(cpu, from, size)
						 : op->immediate & fx_mask(size);
}

static inline enum fx_step fx_operand_get(struct fx_cpu *cpu, const struct fx_op *op,
	const struct fx_operand *operand, uint64_t *value)
{
	return fx_operand_cut(cpu, op, operand, operand->size, value);
}

static inline enum fx_step fx_operand_put(struct fx_cpu *cpu, const struct fx_op *op,
	const struct fx_operand *operand, uint64_t value)
{
	if (operand->kind != FX_OPERAND_REGISTER)
		return fx_store(cpu, fx_address(cpu, op), operand->size, value);
	fx_register_put(cpu, operand, value);
	return FX_STEP_NEXT;
}

static inline unsigned int fx_stack_size(const struct fx_cpu *cpu)
{
	return cpu->code64 ? 8 : 4;
}

/* Where the stack pointer is after `change` bytes, and that place's linear address. */
static inline uint64_t fx_stack_moved(const struct fx_cpu *cpu, int64_t change)
{
	uint64_t rsp = cpu->state->gpr[FX_RSP] + (uint64_t)change;

	return cpu->code64 ? rsp : (uint32_t)rsp;
}

static inline enum fx_step fx_push(struct fx_cpu *cpu, unsigned int size, uint64_t value)
{
	uint64_t rsp = fx_stack_moved(cpu, -(int64_t)size);
	enum fx_step step = fx_store(cpu, rsp, size, value);

	if (step == FX_STEP_NEXT)
		cpu->state->gpr[FX_RSP] = rsp;
	return step;
}

/* What a read-modify-write instruction works on: a register, or memory that it has got
 * hold of for writing. */
struct fx_place {
	bool memory, locked;
	struct fx_span span;
	const struct fx_operand *operand;
};

static inline enum fx_step fx_place_open(struct fx_cpu *cpu, const struct fx_op *op,
	const struct fx_operand *operand, struct fx_place *place, uint64_t *value)
{
	uint64_t linear;
	enum fx_step step;

	place->operand = operand;
	place->memory = operand->kind == FX_OPERAND_MEMORY;
	if (!place->memory) {
		*value = fx_register_get(cpu, operand);
		return FX_STEP_NEXT;
	}
	linear = fx_address(cpu, op);
	place->locked = op->flags & FX_OP_LOCK;
	place->span.at[0] = fx_hit(cpu, linear, FX_ACCESS_W);
	place->span.first = place->span.size = operand->size;
	if (__builtin_expect(!place->span.at[0] || !fx_within_page(linear, operand->size), 0)) {
		step = fx_span_open(cpu, linear, operand->size, FX_ACCESS_W, &place->span);
		if (step != FX_STEP_NEXT)
			return step;
	}
	fx_stored(cpu, place->span.at[0]);
	*value = 0;
	if (__builtin_expect(place->span.first == operand->size, 1))
		*value = fx_get(place->span.at[0], operand->size);
	else
		fx_span_read(&place->span, value);
	return FX_STEP_NEXT;
}

/* Puts `value` where `*was` was found. False: a locked place has changed meanwhile, *was
 * is its new value and the caller computes again. A locked access over a page's end is not
 * atomic: real ones are, at a price that made everybody avoid them. */
static inline bool fx_place_put(struct fx_cpu *cpu, struct fx_place *place, uint64_t *was,
	uint64_t value)
{
	if (!place->memory)
		fx_register_put(cpu, place->operand, value);
	else if (__builtin_expect(place->span.first != place->span.size, 0))
		fx_span_write(&place->span, &value);
	else if (place->locked)
		return fx_exchange_if(place->span.at[0], place->span.size, was, value);
	else
		fx_put(place->span.at[0], place->span.size, value);
	return true;
}

#endif
