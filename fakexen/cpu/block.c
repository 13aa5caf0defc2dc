/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* block.c: runs of instructions, decoded once. A block is found by the host's address of
 * its first byte, and its bytes are compared with memory each time it is entered: so code
 * written by anybody in any way, a tool's breakpoint from another process too, is seen at
 * the next entry without any call. Blocks are short; the comparison is a few words. */
#include <errno.h>

#include "fakexen/cpu/memory.h"

static uint32_t offset_key(const struct fx_cpu *cpu, uint64_t rip)
{
	return (uint32_t)(rip % FX_PAGE) | (uint32_t)cpu->code64 << 16;
}

/* Compares word by word. Only where the last word would reach over the page's end, which
 * may be the end of all memory, its bytes are looked at one by one. */
static inline bool same_bytes(const struct fx_block *block, const uint8_t *code)
{
	const uint8_t *bytes = block->bytes;
	unsigned int at = 0;

	for (unsigned int i = 0; i < block->words; i++, at += 8)
		if (fx_get(code + at, 8) != fx_get(bytes + at, 8))
			return false;
	if (block->tail_mask)
		return !((fx_get(code + at, 8) ^ fx_get(bytes + at, 8)) & block->tail_mask);
	for (; at < block->size; at++)
		if (fx_get(code + at, 1) != bytes[at])
			return false;
	return true;
}

static void note_size(struct fx_block *block)
{
	unsigned int rest = block->size % 8u;

	block->words = block->size / 8u;
	block->tail_mask = 0;
	if (rest && block->offset % FX_PAGE + 8 * block->words + 8u <= FX_PAGE)
		block->tail_mask = fx_mask(rest);
}

/* Decodes as much as fits. False: not even one instruction ends within `size` bytes. */
static bool block_decode(struct fx_block *block, unsigned int size, bool code64)
{
	unsigned int at = 0;

	block->count = 0;
	while (block->count < FX_BLOCK_OPS && at < size) {
		struct fx_op *op = &block->op[block->count];
		int error = fx_decode(op, block->bytes + at, size - at, code64);

		if (error == -E2BIG)
			break;
		op->at = (uint8_t)at;
		at += op->length;
		block->count++;
		if (op->flags & FX_OP_ENDS)
			break;
	}
	block->size = (uint8_t)at;
	return block->count;
}

enum fx_step fx_block_bytes(struct fx_cpu *cpu, struct fx_block *block, const uint8_t *bytes)
{
	memcpy(block->bytes, bytes, 16);
	block->page = NULL;
	if (!block_decode(block, 15, cpu->code64))
		return fx_raise_general(cpu);   /* longer than 15 bytes */
	block->count = 1;
	return FX_STEP_NEXT;
}

/* One instruction at RIP, byte by byte over the page's end if it goes on there. */
enum fx_step fx_block_fetch(struct fx_cpu *cpu, struct fx_block *block)
{
	uint64_t rip = cpu->state->rip;
	unsigned int here = FX_PAGE - rip % FX_PAGE;
	enum fx_step step;
	uint8_t *code = fx_translate(cpu, rip, FX_ACCESS_X, &step);

	if (!code)
		return step;
	block->page = NULL;
	if (here > 15)
		here = 15;
	fx_copy(block->bytes, code, here);
	if (!block_decode(block, here, cpu->code64)) {
		if (here == 15)
			return fx_raise_general(cpu);
		code = fx_translate(cpu, rip + here, FX_ACCESS_X, &step);
		if (!code)
			return step;
		fx_copy(block->bytes + here, code, 15 - here);
		if (!block_decode(block, 15, cpu->code64))
			return fx_raise_general(cpu);
	}
	block->count = 1;
	return FX_STEP_NEXT;
}

static struct fx_block *block_slot(struct fx_cpu *cpu, const uint8_t *code)
{
	uintptr_t key = (uintptr_t)code;

	return &cpu->block[(key ^ key >> 12) % FX_BLOCKS];
}

/* The block at RIP; NULL and why not. */
struct fx_block *fx_block_find(struct fx_cpu *cpu, enum fx_step *step)
{
	uint64_t rip = cpu->state->rip;
	uint8_t *code = fx_hit(cpu, rip, FX_ACCESS_X);
	unsigned int size = FX_PAGE - rip % FX_PAGE;
	struct fx_block *block;

	if (!code) {
		code = fx_translate(cpu, rip, FX_ACCESS_X, step);
		if (!code)
			return NULL;
	}
	cpu->code_page = code - rip % FX_PAGE;
	block = block_slot(cpu, code);
	if (__builtin_expect(block->page == cpu->code_page &&
			     block->offset == offset_key(cpu, rip) && same_bytes(block, code), 1))
		return block;
	if (size > FX_BLOCK_BYTES)
		size = FX_BLOCK_BYTES;
	fx_copy(block->bytes, code, size);
	block->page = cpu->code_page;
	block->offset = offset_key(cpu, rip);
	if (block_decode(block, size, cpu->code64)) {
		note_size(block);
		return block;
	}
	block->page = NULL;
	*step = fx_block_fetch(cpu, &cpu->scratch);
	return *step == FX_STEP_NEXT ? &cpu->scratch : NULL;
}

void fx_cpu_invalidate_code(struct fx_cpu *cpu, const uint8_t *page)
{
	for (unsigned int i = 0; i < FX_BLOCKS; i++)
		if (cpu->block[i].page == page)
			cpu->block[i].page = NULL;
}
