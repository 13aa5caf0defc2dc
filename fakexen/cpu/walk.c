/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* walk.c: from linear to guest-physical addresses (SDM 4.5) and on to the host's. Both
 * steps are cached apart: translations live until CR3 changes, frames until the hypervisor
 * changes the p2m or the view. */
#include <errno.h>

#include "fakexen/cpu/memory.h"

enum {
	PTE_PRESENT = 1 << 0, PTE_WRITE = 1 << 1, PTE_USER = 1 << 2, PTE_ACCESSED = 1 << 5,
	PTE_DIRTY = 1 << 6, PTE_LARGE = 1 << 7,
	FAULT_PRESENT = 1 << 0, FAULT_WRITE = 1 << 1, FAULT_USER = 1 << 2,
	FAULT_RESERVED = 1 << 3, FAULT_FETCH = 1 << 4,
	LEVELS = 4
};
#define PTE_NX (1ull << 63)
#define PTE_ADDRESS (((1ull << FX_PHYSICAL_BITS) - 1) & ~0xfffull)
#define PTE_RESERVED (((1ull << 52) - 1) & ~((1ull << FX_PHYSICAL_BITS) - 1))

enum walked { WALKED, WALK_FAULTED, WALK_BLOCKED, WALK_RACED };

struct walk {
	uint64_t linear;
	unsigned int access;
	bool probe;             /* leave no trace: no A and D bits */
	int leaf;               /* level of the last entry: 0 for a 4K page */
	uint64_t gpa;           /* the result; of the entry that the view denies */
	uint8_t rights;         /* supervisor's, and the user's shifted by 3 */
	uint8_t wanted;         /* of the entry that the view denies */
	uint32_t error_code;    /* of the page fault */
	/* of each level that was visited */
	uint8_t *entry[LEVELS];
	uint64_t value[LEVELS];
	uint64_t entry_gpa[LEVELS];
	uint8_t entry_access[LEVELS];
};

/* The arrays are left as they are: a walk fills what it needs. */
static void walk_begin(struct walk *walk, uint64_t linear, unsigned int access, bool probe)
{
	walk->linear = linear;
	walk->access = access;
	walk->probe = probe;
	walk->leaf = LEVELS;
	walk->gpa = 0;
	walk->rights = walk->wanted = 0;
	walk->error_code = 0;
}

void fx_flush_translations(struct fx_cpu *cpu)
{
	bool bypassed = !cpu->usable;

	if (!++cpu->generation) {
		memset(cpu->translation, 0, sizeof(cpu->translation));
		cpu->generation = 1;
	}
	cpu->usable = bypassed ? 0 : cpu->generation;
	fx_forget_last(cpu);
}

static inline const struct fx_ept_entry *frame_find(struct fx_cpu *cpu, uint64_t gfn)
{
	uint64_t key = gfn << 1 | cpu->host;
	struct fx_frame *frame = &cpu->frame[gfn % FX_FRAMES];

	if (__builtin_expect(frame->key != key || frame->generation != cpu->frame_generation, 0)) {
		frame->entry = cpu->memory.lookup(cpu->memory.opaque, gfn, cpu->host);
		frame->key = key;
		frame->generation = cpu->frame_generation;
	}
	return &frame->entry;
}

/* What an extended page table has to allow for an access: hardware has no write without
 * read, and says so in its reports. */
static unsigned int ept_needs(unsigned int access)
{
	return access == FX_ACCESS_W ? FX_ACCESS_R | FX_ACCESS_W : access;
}

static bool ept_allows(const struct fx_cpu *cpu, unsigned int allowed, unsigned int access)
{
	return cpu->host || !(ept_needs(access) & ~allowed);
}

static uint8_t rights_of(const struct fx_cpu *cpu, bool writable, bool user, bool executable,
	bool dirty)
{
	uint8_t rights = FX_ACCESS_R;

	if (dirty && (writable || !(cpu->state->cr0 & FX_CR0_WP)))
		rights |= FX_ACCESS_W;
	if (executable && !(user && (cpu->state->cr4 & FX_CR4_SMEP)))
		rights |= FX_ACCESS_X;
	if (user)
		rights |= (FX_ACCESS_R | (dirty && writable ? FX_ACCESS_W : 0) |
			   (executable ? FX_ACCESS_X : 0)) << 3;
	return rights;
}

static enum walked fault(struct fx_cpu *cpu, struct walk *walk, uint32_t error_code)
{
	bool fetch_told = (cpu->state->efer & FX_EFER_NXE) || (cpu->state->cr4 & FX_CR4_SMEP);

	walk->error_code = error_code | (walk->access == FX_ACCESS_W ? FAULT_WRITE : 0) |
			   (cpu->user ? FAULT_USER : 0) |
			   (walk->access == FX_ACCESS_X && fetch_told ? FAULT_FETCH : 0);
	return WALK_FAULTED;
}

static enum walked blocked(struct walk *walk, uint64_t gpa, unsigned int wanted)
{
	walk->gpa = gpa;
	walk->wanted = (uint8_t)ept_needs(wanted);
	return WALK_BLOCKED;
}

/* Reads the entries down to the leaf. */
static enum walked descend(struct fx_cpu *cpu, struct walk *walk)
{
	uint64_t table = cpu->state->cr3 & PTE_ADDRESS;
	uint64_t reserved = PTE_RESERVED | (cpu->state->efer & FX_EFER_NXE ? 0 : PTE_NX);

	for (int level = LEVELS - 1;; level--) {
		const struct fx_ept_entry *frame = frame_find(cpu, table / FX_PAGE);
		unsigned int offset = (walk->linear >> (12 + 9 * level) & 511) * 8;
		uint64_t value = ~0ull;

		if (!ept_allows(cpu, frame->access, FX_ACCESS_R))
			return blocked(walk, table + offset, FX_ACCESS_R);
		if (frame->page)
			value = fx_get(frame->page + offset, 8);
		if (!(value & PTE_PRESENT))
			return fault(cpu, walk, 0);
		if (level && (value & PTE_LARGE)) {
			reserved |= ((1ull << (12 + 9 * level)) - 1) & ~0x1fffull;
			reserved |= level == 3 ? (uint64_t)PTE_LARGE : 0;
			walk->leaf = level;
		}
		if (value & reserved)
			return fault(cpu, walk, FAULT_PRESENT | FAULT_RESERVED);
		walk->entry[level] = frame->page ? frame->page + offset : NULL;
		walk->value[level] = value;
		walk->entry_gpa[level] = table + offset;
		walk->entry_access[level] = frame->access;
		if (!level || walk->leaf == level) {
			walk->leaf = level;
			return WALKED;
		}
		table = value & PTE_ADDRESS;
	}
}

/* Sets A on the way and D at a written leaf. */
static enum walked mark(struct fx_cpu *cpu, struct walk *walk)
{
	for (int level = LEVELS - 1; level >= walk->leaf; level--) {
		uint64_t was = walk->value[level], now = was | PTE_ACCESSED;

		if (level == walk->leaf && walk->access == FX_ACCESS_W)
			now |= PTE_DIRTY;
		if (__builtin_expect(now == was, 1) || !walk->entry[level])
			continue;
		if (!ept_allows(cpu, walk->entry_access[level], FX_ACCESS_W))
			return blocked(walk, walk->entry_gpa[level], FX_ACCESS_W);
		if (!fx_exchange_if(walk->entry[level], 8, &was, now))
			return WALK_RACED;
		walk->value[level] = now;
	}
	return WALKED;
}

static enum walked walk_once(struct fx_cpu *cpu, struct walk *walk)
{
	uint64_t all = ~0ull, any = 0, page_mask, leaf_value;
	bool writable, user, executable;
	enum walked walked = descend(cpu, walk);

	if (walked != WALKED)
		return walked;
	for (int level = LEVELS - 1; level >= walk->leaf; level--) {
		all &= walk->value[level];
		any |= walk->value[level];
	}
	writable = all & PTE_WRITE;
	user = all & PTE_USER;
	executable = !(any & PTE_NX);
	if (!(rights_of(cpu, writable, user, executable, true) & walk->access << cpu->user))
		return fault(cpu, walk, FAULT_PRESENT);
	if (!walk->probe) {
		walked = mark(cpu, walk);
		if (walked != WALKED)
			return walked;
	}
	leaf_value = walk->value[walk->leaf];
	walk->rights = rights_of(cpu, writable, user, executable, leaf_value & PTE_DIRTY);
	page_mask = (1ull << (12 + 9 * walk->leaf)) - 1;
	walk->gpa = (leaf_value & PTE_ADDRESS & ~page_mask) | (walk->linear & page_mask);
	return WALKED;
}

static enum walked walk_tables(struct fx_cpu *cpu, struct walk *walk)
{
	enum walked walked;

	if (!(cpu->state->cr0 & FX_CR0_PG)) {
		walk->gpa = (uint32_t)walk->linear;
		walk->rights = 077;
		return WALKED;
	}
	do	/* somebody changed an entry under our hands: only as often as he does */
		walked = walk_once(cpu, walk);
	while (walked == WALK_RACED);
	return walked;
}

static enum fx_step ept_exit(struct fx_cpu *cpu, const struct walk *walk, bool in_page_table)
{
	struct fx_cpu_exit *exit = cpu->exit;

	exit->ept.gpa = walk->gpa;
	exit->ept.gla = walk->linear;
	exit->ept.gla_valid = true;
	exit->ept.access = walk->wanted;
	exit->ept.in_page_table = in_page_table;
	exit->ept.in_event_delivery = cpu->delivering;
	return fx_exit_insn(cpu, FX_EXIT_EPT);
}

/* The page's bytes; what is not there reads as ones, and writes to it vanish. */
static uint8_t *page_for(struct fx_cpu *cpu, const struct walk *walk, uint8_t *page)
{
	uint8_t *sink = cpu->sink[walk->linear / FX_PAGE % 2];

	if (!page && walk->access == FX_ACCESS_W) {
		memset(sink, 0xff, FX_PAGE);
		return sink;
	}
	if (walk->access == FX_ACCESS_W && cpu->emulation && cpu->emulation->discard_writes) {
		fx_copy(sink, page, FX_PAGE);
		return sink;
	}
	return page ? page : cpu->nothing;
}

/* Whether a translation that was flushed would be made the same again. */
static bool still_holds(const struct fx_cpu *cpu, const struct fx_translation *translation,
	uint64_t page, unsigned int access)
{
	if (translation->page != page || translation->cr3 != cpu->state->cr3 ||
	    translation->rules != cpu->rules || !(translation->access & access << cpu->user))
		return false;
	/* A leaf stands in place of the levels below it too: see keep(). */
	return fx_get(translation->entry[0], 8) == translation->value[0] &&
	       fx_get(translation->entry[1], 8) == translation->value[1] &&
	       fx_get(translation->entry[2], 8) == translation->value[2] &&
	       fx_get(translation->entry[3], 8) == translation->value[3];
}

/* Only what memory is behind is kept, and only rights that leave nothing to be marked. All levels are
 * filled in, with what does not change where there is no entry, so that nobody has to count them. */
static void keep(struct fx_cpu *cpu, const struct walk *walk, const struct fx_ept_entry *frame)
{
	struct fx_translation *translation = fx_translation_slot(cpu, walk->linear);

	if (!cpu->usable || !frame->page)
		return;
	translation->page = walk->linear / FX_PAGE;
	translation->host = frame->page;
	translation->generation = cpu->usable;
	translation->rules = cpu->rules;
	translation->cr3 = cpu->state->cr3;
	translation->access = walk->rights & (frame->access | frame->access << 3);
	for (int level = 0; level < LEVELS; level++) {
		int from = level > walk->leaf ? level : walk->leaf;

		translation->entry[level] = from < LEVELS ? walk->entry[from] : cpu->nothing;
		translation->value[level] = from < LEVELS ? walk->value[from] : ~0ull;
	}
}

__attribute__((noinline)) static uint8_t *translate_anew(struct fx_cpu *cpu, uint64_t linear,
	unsigned int access, enum fx_step *step)
{
	const struct fx_ept_entry *frame;
	struct walk walk;
	enum walked walked;

	if (!fx_canonical(linear)) {
		*step = fx_raise_general(cpu);
		return NULL;
	}
	walk_begin(&walk, linear, access, false);
	walked = walk_tables(cpu, &walk);
	if (walked == WALK_FAULTED)
		*step = fx_raise_page_fault(cpu, linear, walk.error_code);
	else if (walked == WALK_BLOCKED)
		*step = ept_exit(cpu, &walk, true);
	if (walked != WALKED)
		return NULL;
	frame = frame_find(cpu, walk.gpa / FX_PAGE);
	if (!ept_allows(cpu, frame->access, access)) {
		walk.wanted = (uint8_t)ept_needs(access);
		*step = ept_exit(cpu, &walk, false);
		return NULL;
	}
	*step = FX_STEP_NEXT;
	keep(cpu, &walk, frame);
	return page_for(cpu, &walk, frame->page) + linear % FX_PAGE;
}

/* By a translation that counts, or counts again. */
static inline uint8_t *known(struct fx_cpu *cpu, uint64_t linear, unsigned int access)
{
	struct fx_translation *translation = fx_translation_slot(cpu, linear);
	uint8_t *at = fx_hit(cpu, linear, access);

	if (at || !cpu->usable || !still_holds(cpu, translation, linear / FX_PAGE, access))
		return at;
	translation->generation = cpu->usable;
	return translation->host + linear % FX_PAGE;
}

uint8_t *fx_translate(struct fx_cpu *cpu, uint64_t linear, unsigned int access,
	enum fx_step *step)
{
	uint8_t *at = known(cpu, linear, access);

	*step = FX_STEP_NEXT;
	return at ? at : translate_anew(cpu, linear, access, step);
}

uint8_t *fx_reach(struct fx_cpu *cpu, uint64_t linear, unsigned int access, enum fx_step *step)
{
	struct fx_last *last = &cpu->last[access >> 1];
	uint8_t *at = known(cpu, linear, access);

	if (!at)
		return translate_anew(cpu, linear, access, step);
	last->page = linear - linear % FX_PAGE;
	last->host = at - linear % FX_PAGE;
	last->room = FX_PAGE - 7;
	return at;
}

/* Looks without leaving a trace, as the guest's kernel, through the host's p2m. */
static int probe(struct fx_cpu *cpu, uint64_t linear, uint64_t *gpa, uint8_t **page)
{
	uint8_t user = cpu->user;
	bool host = cpu->host;
	int error = -EFAULT;
	struct walk walk;

	walk_begin(&walk, linear, FX_ACCESS_R, true);
	cpu->user = 0;
	cpu->host = true;
	if (fx_canonical(linear) && walk_tables(cpu, &walk) == WALKED) {
		*gpa = walk.gpa;
		*page = frame_find(cpu, walk.gpa / FX_PAGE)->page;
		error = 0;
	}
	cpu->user = user;
	cpu->host = host;
	return error;
}

int fx_cpu_translate(struct fx_cpu *cpu, uint64_t linear, uint64_t *gpa)
{
	uint8_t *page;

	return probe(cpu, linear, gpa, &page);
}

static int copy_linear(struct fx_cpu *cpu, uint64_t linear, void *to, const void *from, size_t size)
{
	for (size_t done = 0, part; done < size; done += part) {
		uint64_t at = linear + done, gpa;
		uint8_t *page;

		if (probe(cpu, at, &gpa, &page) || !page)
			return -EFAULT;
		part = FX_PAGE - at % FX_PAGE;
		if (part > size - done)
			part = size - done;
		if (to)
			fx_copy((uint8_t *)to + done, page + at % FX_PAGE, (unsigned int)part);
		else
			fx_copy(page + at % FX_PAGE, (const uint8_t *)from + done, (unsigned int)part);
	}
	return 0;
}

int fx_cpu_read_linear(struct fx_cpu *cpu, uint64_t linear, void *to, size_t size)
{
	return copy_linear(cpu, linear, to, NULL, size);
}

int fx_cpu_write_linear(struct fx_cpu *cpu, uint64_t linear, const void *from, size_t size)
{
	return copy_linear(cpu, linear, NULL, from, size);
}

void fx_cpu_flush(struct fx_cpu *cpu)
{
	fx_flush_translations(cpu);
	cpu->rules++;
	if (!++cpu->frame_generation) {
		memset(cpu->frame, 0, sizeof(cpu->frame));
		cpu->frame_generation = 1;
	}
}
