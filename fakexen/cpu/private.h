/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* private.h: the processor's inside, for the files of this folder only. */
#ifndef FAKEXEN_CPU_PRIVATE_H
#define FAKEXEN_CPU_PRIVATE_H

#include <string.h>

#include "fakexen/cpu/cpu.h"
#include "fakexen/cpu/flags.h"
#include "fakexen/cpu/op.h"

enum {
	FX_PAGE = 4096,
	FX_TRANSLATIONS = 256,
	FX_FRAMES = 256,
	FX_BLOCKS = 1024,
	FX_BLOCK_OPS = 24,
	FX_BLOCK_BYTES = 96,
	FX_PHYSICAL_BITS = 46
};

enum { FX_DE = 0, FX_DB = 1, FX_BP = 3, FX_UD = 6, FX_NM = 7, FX_DF_VECTOR = 8, FX_TS = 10,
       FX_NP = 11, FX_SS_VECTOR = 12, FX_GP = 13, FX_PF_VECTOR = 14 };
enum { FX_EXTERNAL, FX_NMI = 2, FX_HARDWARE, FX_SOFTWARE_INTERRUPT, FX_PRIVILEGED_SOFTWARE,
       FX_SOFTWARE_EXCEPTION };

enum {
	FX_CR0_PE = 1u << 0, FX_CR0_MP = 1u << 1, FX_CR0_EM = 1u << 2, FX_CR0_TS = 1u << 3,
	FX_CR0_ET = 1u << 4, FX_CR0_NE = 1u << 5, FX_CR0_WP = 1u << 16, FX_CR0_AM = 1u << 18,
	FX_CR0_NW = 1u << 29, FX_CR0_CD = 1u << 30, FX_CR0_PG = 1u << 31,
	FX_CR4_TSD = 1u << 2, FX_CR4_DE = 1u << 3, FX_CR4_PAE = 1u << 5, FX_CR4_PGE = 1u << 7,
	FX_CR4_OSFXSR = 1u << 9, FX_CR4_UMIP = 1u << 11, FX_CR4_FSGSBASE = 1u << 16,
	FX_CR4_PCIDE = 1u << 17, FX_CR4_OSXSAVE = 1u << 18, FX_CR4_SMEP = 1u << 20,
	FX_EFER_SCE = 1u << 0, FX_EFER_LME = 1u << 8, FX_EFER_LMA = 1u << 10,
	FX_EFER_NXE = 1u << 11,
	FX_SHADOW_STI = 1, FX_SHADOW_MOV_SS = 2,
	FX_DR6_BS = 1u << 14
};

/* One linear page. `access` has FX_ACCESS_ for the supervisor, and shifted left by 3 for
 * the user. An entry counts only if its generation is the processor's. It remembers the
 * page-table entries that it was made of: after a flush it counts again if they still say
 * the same, which is what a new walk would find, for less. */
struct fx_translation {
	uint64_t page;
	uint8_t *host;
	uint32_t generation;
	uint32_t rules;         /* the processor's when it was made */
	uint64_t cr3;
	uint8_t access;
	const uint8_t *entry[4];
	uint64_t value[4];
} __attribute__((aligned(64)));

/* The page that was accessed last: most accesses go there again. `room` is how far from its
 * beginning eight bytes may begin, and 0 if it counts no more. */
struct fx_last {
	uint64_t page, room;    /* linear; bytes */
	uint8_t *host;
};

/* One guest frame as the hypervisor described it: kept over CR3 writes. */
struct fx_frame {
	uint64_t key;           /* gfn * 2, plus 1 for the host's p2m */
	struct fx_ept_entry entry;
	uint32_t generation;
};

/* A run of decoded instructions within one page. */
struct fx_block {
	const uint8_t *page;
	uint32_t offset;        /* in the page; bit 16: 64-bit code */
	uint8_t count, size;    /* instructions, bytes */
	uint8_t words;          /* whole 64-bit words to compare, then those under tail_mask */
	uint64_t tail_mask;
	uint8_t bytes[FX_BLOCK_BYTES + 16];
	struct fx_op op[FX_BLOCK_OPS];
};

struct fx_code {
	struct fx_block block[FX_BLOCKS];
};

struct fx_cpu {
	struct fx_cpu_state *state;
	struct fx_cpu_exit *exit;       /* of the call under way */
	const struct fx_op *at;         /* the instruction under way */
	const struct fx_op *end;        /* of the block under way; NULL: stop after this op */
	const uint8_t *code_page;       /* that it lies in */
	uint64_t origin;                /* RIP of the block's first instruction: see fx_rip() */
	struct fx_last last[2];         /* read, written */
	uint64_t budget;
	uint64_t salt;                  /* spreads the translations of several CR3 values */
	uint32_t generation;            /* of translations */
	uint32_t rules;                 /* what made them: frames, paging mode, WP, NX, SMEP */
	uint32_t usable;                /* the generation, or 0: translations are not used */
	uint32_t frame_generation;
	uint8_t user;                   /* 3 at CPL 3, else 0: a shift for access bits */
	bool code64;
	bool single;                    /* one instruction at a time */
	bool delivering;                /* an event's frame is being pushed */
	bool completing;                /* the hypervisor carries out what has just exited */
	bool host;                      /* work on the host's p2m */
	uint8_t watched;                /* data breakpoints that are on: bits of DR7's RWn */
	uint8_t watch_hits;             /* DR6's B0 to B3 of the instruction under way */
	const struct fx_emulation *emulation;
	const uint32_t *attention;
	struct fx_cpu_controls controls;
	struct fx_cpu_memory memory;
	uint64_t (*tsc)(void *opaque);
	void *tsc_opaque;
	struct { uint64_t cr0, cr3, cr4, efer; } translated;  /* what translations are for */
	struct fx_translation translation[FX_TRANSLATIONS];
	struct fx_frame frame[FX_FRAMES];
	struct fx_block *block;         /* FX_BLOCKS: our own, or those of a fx_code */
	struct fx_block *own_block;
	struct fx_block scratch;        /* an instruction over a page's end, or emulated */
	uint8_t nothing[FX_PAGE];       /* what reading no memory gives: ones */
	uint8_t sink[2][FX_PAGE];       /* where writes go that are not to happen */
};

/* run.c */
void fx_refresh(struct fx_cpu *cpu);
enum fx_step fx_exit_insn(struct fx_cpu *cpu, enum fx_exit reason);
enum fx_step fx_exit_done(struct fx_cpu *cpu, enum fx_exit reason);
void fx_describe(struct fx_cpu *cpu, const struct fx_block *block, const struct fx_op *op);

/* block.c */
struct fx_block *fx_block_find(struct fx_cpu *cpu, enum fx_step *step);
enum fx_step fx_block_fetch(struct fx_cpu *cpu, struct fx_block *block);
enum fx_step fx_block_bytes(struct fx_cpu *cpu, struct fx_block *block, const uint8_t *bytes);

/* walk.c: the host's address of `linear`, or NULL and the step that came of it. */
uint8_t *fx_translate(struct fx_cpu *cpu, uint64_t linear, unsigned int access,
	enum fx_step *step);
/* The same for reading or writing; remembers the page. */
uint8_t *fx_reach(struct fx_cpu *cpu, uint64_t linear, unsigned int access, enum fx_step *step);
void fx_flush_translations(struct fx_cpu *cpu);

/* event.c */
enum fx_step fx_raise(struct fx_cpu *cpu, uint8_t vector);
enum fx_step fx_raise_code(struct fx_cpu *cpu, uint8_t vector, uint32_t error_code);
enum fx_step fx_raise_page_fault(struct fx_cpu *cpu, uint64_t linear, uint32_t error_code);
enum fx_step fx_raise_software(struct fx_cpu *cpu, uint8_t vector, uint8_t type,
	uint8_t insn_length);
enum fx_step fx_raise_debug(struct fx_cpu *cpu, uint64_t dr6);
enum fx_step fx_deliver(struct fx_cpu *cpu);

/* segment.c */
struct fx_descriptor { uint64_t low, high; };
enum fx_step fx_descriptor_read(struct fx_cpu *cpu, uint16_t selector, bool is_system,
	uint8_t fault, struct fx_descriptor *descriptor);
struct fx_segment fx_descriptor_segment(uint16_t selector, const struct fx_descriptor *descriptor);
enum fx_step fx_segment_load(struct fx_cpu *cpu, unsigned int segment, uint16_t selector);
enum fx_step fx_code_segment_check(struct fx_cpu *cpu, uint16_t selector, unsigned int cpl,
	uint8_t external, struct fx_segment *segment);
void fx_segment_flat(struct fx_segment *segment, uint16_t selector, uint16_t arbytes);

/* debug.c */
uint64_t fx_debug_code_hits(const struct fx_cpu *cpu);
void fx_debug_data(struct fx_cpu *cpu, uint64_t linear, unsigned int size, unsigned int access);
uint8_t fx_debug_watched(const struct fx_cpu_state *state);

/* apic.c */
bool fx_apic_owns(const struct fx_cpu_state *state, uint32_t msr);
int fx_apic_write(struct fx_cpu *cpu, uint32_t msr, uint64_t value);
int fx_apic_read(struct fx_cpu *cpu, uint32_t msr, uint64_t *value);

/* msr.c */
bool fx_msr_held(const struct fx_cpu_state *state, uint32_t msr);
uint64_t fx_tsc(const struct fx_cpu *cpu);

/* Where an instruction begins. While a block runs, state->rip does not follow. */
static inline uint64_t fx_rip(const struct fx_cpu *cpu, const struct fx_op *op)
{
	return cpu->origin + op->at;
}

/* What is done, and needs no look at anything, goes on with the block's next instruction itself:
 * the loop in run.c, which it does not come back to, is half of what a short one costs. */
static inline enum fx_step fx_next(struct fx_cpu *cpu, const struct fx_op *op)
{
	if (++op >= cpu->end)
		return FX_STEP_NEXT;
	cpu->at = op;
	return op->run(cpu, op);
}

/* Translations, or what may be done by them, are others now. */
static inline void fx_forget_last(struct fx_cpu *cpu)
{
	cpu->last[0].room = cpu->last[1].room = 0;
}

static inline uint8_t *fx_register(struct fx_cpu *cpu, uint8_t offset)
{
	return (uint8_t *)cpu->state->gpr + offset;
}

static inline bool fx_canonical(uint64_t linear)
{
	return (uint64_t)((int64_t)(linear << 16) >> 16) == linear;
}

static inline enum fx_step fx_raise_general(struct fx_cpu *cpu)
{
	return fx_raise_code(cpu, FX_GP, 0);
}

#endif
