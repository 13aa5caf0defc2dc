/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * emulation.c: whatever the engine trusts Xen's emulator with, done by the processor and by the
 * emulator, and compared: registers, flags, two registers of SSE and the memory.
 *
 * The driver writes one function into the guest's memory that runs all forms, each with the flags
 * clear and set. It is called with all pages open, then with those closed that the forms are about.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/xen/driver/forms.h"
#include "tests/xen/driver/tests.h"

/* Guest-physical, and linear: RAM behind what the guest uses. */
#define STUBS 0x200000 /* the function */
#define STUBS_PAGES 64
#define RESULTS 0x280000
#define RESULTS_PAGES 32
#define STACK (RESULTS + 0x1f000) /* its end, in an open page */
#define SAVED (RESULTS + 0x1f800) /* the caller's rsp; and what xmm0 and xmm1 begin with */
#define WINDOWS 0x300000 /* closed: WINDOW_SIZE bytes for each run, then its code */
#define WINDOW_SIZE 64
#define WINDOW_PAGES 8
#define CODE (WINDOWS + WINDOW_PAGES * 4096)
#define CLOSED_PAGES (2 * WINDOW_PAGES)

#define RUNS_MAX (WINDOW_PAGES * 4096 / WINDOW_SIZE)
#define FLAGS_CLEAR 0x202
#define FLAGS_SET 0xad7 /* CF, PF, AF, ZF, SF, OF and IF */
#define RSP 4
#define R15 15

/* As the function leaves them. */
struct result {
	uint64_t registers[16]; /* in the order of their numbers; r15 is not used */
	uint64_t rflags;
	uint64_t xmm[4];
	uint64_t unused[3];
};

struct lab {
	struct bed *bed;
	uint8_t *stubs, *results, *windows; /* mapped */
	unsigned int skipped;               /* forms that this processor does not know */
	bool is_skipped[RUNS_MAX / 2];
	/* Of the second call. */
	uint64_t last_serial;
	uint16_t events[RUNS_MAX];
};
static struct lab lab;

/* -- writing the function -- */

struct writer {
	uint8_t *at;
	uint64_t address;
};

static void put(struct writer *writer, const void *bytes, size_t size)
{
	memcpy(writer->at, bytes, size);
	writer->at += size;
	writer->address += size;
}

#define PUT(writer, ...) put(writer, (const uint8_t[]){ __VA_ARGS__ }, \
			     sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void put_u32(struct writer *writer, uint64_t value)
{
	uint32_t word = (uint32_t)value;

	put(writer, &word, sizeof(word));
}

static void put_jump(struct writer *writer, uint64_t to)
{
	PUT(writer, 0xe9);
	put_u32(writer, to - writer->address - 4);
}

/* mov register, value */
static void set_register(struct writer *writer, unsigned int number, uint64_t value)
{
	PUT(writer, (uint8_t)(0x48 | number >> 3), (uint8_t)(0xb8 | (number & 7)));
	put(writer, &value, sizeof(value));
}

/* mov [address], register, or with 0x8b the other way */
static void move(struct writer *writer, uint8_t opcode, unsigned int number, uint64_t address)
{
	PUT(writer, (uint8_t)(0x48 | number >> 3 << 2), opcode, (uint8_t)((number & 7) << 3 | 4),
	    0x25);
	put_u32(writer, address);
}

/* movdqu xmm, [address], or with 0x7f the other way */
static void move_xmm(struct writer *writer, uint8_t opcode, unsigned int number, uint64_t address)
{
	PUT(writer, 0xf3, 0x0f, opcode, (uint8_t)(number << 3 | 4), 0x25);
	put_u32(writer, address);
}

static uint64_t window_of(unsigned int run)
{
	return WINDOWS + (uint64_t)run * WINDOW_SIZE;
}

static uint64_t initial(unsigned int number, unsigned int run)
{
	switch (number) {
	case 1: /* rcx counts */
		return 3;
	case 2: /* of what is divided the upper half */
		return 0;
	case 5:
	case 7: /* rbp, rdi */
		return window_of(run);
	case 6: /* rsi */
		return window_of(run) + 32;
	default:
		return 0x8877665544332211 * (2 * number + 1);
	}
}

static void begin_run(struct writer *writer, const struct form *form, unsigned int run)
{
	for (unsigned int i = 0; i < 2; i++)
		move_xmm(writer, 0x6f, i, SAVED + 16 + 16 * i);
	for (unsigned int i = 0; i < R15; i++)
		if (i != RSP)
			set_register(writer, i, initial(i, run));
	set_register(writer, RSP, STACK);
	PUT(writer, 0x68); /* push flags; popfq */
	put_u32(writer, run % 2 ? FLAGS_SET : FLAGS_CLEAR);
	PUT(writer, 0x9d);
	if (form->page == FORM_STACK)
		set_register(writer, RSP, window_of(run) + 48);
}

static void end_run(struct writer *writer, unsigned int run)
{
	uint64_t result = RESULTS + run * sizeof(struct result);

	for (unsigned int i = 0; i < R15; i++)
		move(writer, 0x89, i, result + 8 * i);
	set_register(writer, RSP, STACK);
	PUT(writer, 0x9c, 0x58); /* pushfq; pop rax */
	move(writer, 0x89, 0, result + offsetof(struct result, rflags));
	for (unsigned int i = 0; i < 2; i++)
		move_xmm(writer, 0x7f, i, result + offsetof(struct result, xmm) + 16 * i);
}

/* Where it goes on, for those that jump there. */
static void fill_window(const struct form *form, unsigned int run, uint64_t back)
{
	uint64_t *words = (uint64_t *)(lab.windows + run * WINDOW_SIZE);

	for (unsigned int i = 0; i < WINDOW_SIZE / 8; i++)
		words[i] = 0x0102030405060708 * (i + 1) + run;
	if (!strcmp(form->text, "jmp [rdi]") || !strcmp(form->text, "call [rdi]"))
		words[0] = back;
	if (!strcmp(form->text, "ret"))
		words[6] = back;
}

/* In the closed page, and from there back. */
static uint64_t put_code(const struct form *form, unsigned int run)
{
	uint64_t address = CODE + (uint64_t)run * WINDOW_SIZE;

	memcpy(lab.windows + address - WINDOWS, form->code, form->size);
	return address;
}

static void write_run(struct writer *writer, const struct form *form, unsigned int run)
{
	begin_run(writer, form, run);
	if (form->page == FORM_CODE) {
		uint64_t address = put_code(form, run) + form->size;
		struct writer code = { lab.windows + address - WINDOWS, address };

		put_jump(writer, CODE + (uint64_t)run * WINDOW_SIZE);
		put_jump(&code, writer->address);
	} else {
		put(writer, form->code, form->size);
	}
	fill_window(form, run, writer->address);
	end_run(writer, run);
}

static void write_function(void)
{
	struct writer writer = { lab.stubs, STUBS };

	memset(lab.windows, 0, CLOSED_PAGES * 4096);
	move(&writer, 0x89, RSP, SAVED);
	for (unsigned int run = 0; run < 2 * form_count; run++)
		if (!lab.is_skipped[run / 2])
			write_run(&writer, &forms[run / 2], run);
	move(&writer, 0x8b, RSP, SAVED);
	PUT(&writer, 0xc3);
}

/* -- running it -- */

static struct rs_reply emulate_run(struct bed *bed, const struct rs_event *event)
{
	uint64_t offset = event->page.gla - WINDOWS;

	if (event->kind != RS_PAGE)
		return RS_CONTINUE;
	/* The second page of an instruction is no event of Xen's. */
	if (event->serial != lab.last_serial)
		lab.events[offset / WINDOW_SIZE % RUNS_MAX]++;
	lab.last_serial = event->serial;
	return RS_EMULATE;
}

/* Which form stands where the guest got its #UD. */
static unsigned int form_at(uint64_t rip)
{
	for (unsigned int i = 0; i < form_count; i++) {
		const uint8_t *code = rip >= CODE ? lab.windows + rip - WINDOWS
						  : lab.stubs + rip - STUBS;

		if (!lab.is_skipped[i] && !memcmp(code, forms[i].code, forms[i].size))
			return i;
	}
	return form_count;
}

/* By the processor. What it does not know is left out, and all begins anew. */
static bool run_natively(void)
{
	for (unsigned int tries = 0; tries <= form_count; tries++) {
		uint64_t before = bed_get(lab.bed, MB_UD);
		unsigned int form;

		write_function();
		bed_run(lab.bed, MB_CALL, STUBS, 0, NULL);
		if (bed_get(lab.bed, MB_UD) == before)
			return true;
		form = form_at(bed_get(lab.bed, MB_FAULT_RIP));
		if (form == form_count)
			return false;
		check_note("%s: this processor does not know it", forms[form].text);
		lab.is_skipped[form] = true;
		lab.skipped++;
	}
	return false;
}

/* -- comparing -- */

struct outcome {
	struct result results[RUNS_MAX];
	uint8_t windows[WINDOW_PAGES * 4096];
};

static void keep(struct outcome *outcome)
{
	memcpy(outcome->results, lab.results, sizeof(outcome->results));
	memcpy(outcome->windows, lab.windows, sizeof(outcome->windows));
}

static bool is_same(const struct outcome *native, const struct outcome *emulated, unsigned int run)
{
	size_t window = (size_t)run * WINDOW_SIZE;

	return !memcmp(&native->results[run], &emulated->results[run], sizeof(struct result)) &&
	       !memcmp(native->windows + window, emulated->windows + window, WINDOW_SIZE);
}

static unsigned int compare_all(const struct outcome *native, const struct outcome *emulated)
{
	unsigned int wrong = 0;

	for (unsigned int run = 0; run < 2 * form_count; run++) {
		const struct form *form = &forms[run / 2];
		unsigned int events = lab.events[run];

		if (lab.is_skipped[run / 2])
			continue;
		if (!is_same(native, emulated, run)) {
			check_note("%s: something else came out", form->text);
			wrong++;
		}
		if (form->page != FORM_CODE && events != 1) {
			check_note("%s: %u events", form->text, events);
			wrong++;
		}
	}
	return wrong;
}

static void emulation(struct bed *bed)
{
	static struct outcome native, emulated;

	memset(&lab, 0, sizeof(lab));
	lab.bed = bed;
	lab.stubs = guest_map(bed->guest.domain, STUBS, STUBS_PAGES);
	lab.results = guest_map(bed->guest.domain, RESULTS, RESULTS_PAGES);
	lab.windows = guest_map(bed->guest.domain, WINDOWS, CLOSED_PAGES);
	memset(lab.results, 0x5a, RESULTS_PAGES * 4096);
	if (check(run_natively(), "by the processor: %u forms", form_count - lab.skipped)) {
		keep(&native);
		write_function();
		bed_watch(bed, (struct rs_watch_options){
				       .kind = RS_PAGE,
				       .page = { .first_gfn = WINDOWS >> 12,
						 .last_gfn = (WINDOWS >> 12) + CLOSED_PAGES - 1 } });
		bed_run(bed, MB_CALL, STUBS, 0, emulate_run);
		keep(&emulated);
		check(compare_all(&native, &emulated) == 0,
		      "by Xen's emulator, with an event each: %u", bed->seen);
	}
	guest_unmap(lab.stubs, STUBS_PAGES);
	guest_unmap(lab.results, RESULTS_PAGES);
	guest_unmap(lab.windows, CLOSED_PAGES);
}

/* -- several pages, and what must never be -- */

#define PROBE MB_AREA /* code of a few instructions, that is called */

static void write_probe(struct bed *bed, const uint8_t *code, size_t size)
{
	uint8_t *page = guest_map(bed->guest.domain, PROBE, 1);

	memcpy(page, code, size);
	guest_unmap(page, 1);
}

/* movsq from one closed page to another: Xen reports the first alone. */
static void several_pages(struct bed *bed)
{
	/* mov esi, MB_DATA + 8; mov edi, MB_CODE + 0x800; movsq; ret */
	static const uint8_t code[] = { 0xbe, 0x08, 0x10, 0x12, 0x00, 0xbf, 0x00, 0x28, 0x12, 0x00,
					0x48, 0xa5, 0xc3 };
	static const enum rs_way all[] = { RS_WAY_AUTO, RS_WAY_EMULATE, RS_WAY_FAST_STEP,
					   RS_WAY_STEP };

	write_probe(bed, code, sizeof(code));
	for (unsigned int i = 0; i < sizeof(all) / sizeof(*all); i++) {
		bed_watch(bed, (struct rs_watch_options){
				       .kind = RS_PAGE, .way = all[i],
				       .page = { .first_gfn = MB_DATA >> 12,
						 .last_gfn = MB_CODE >> 12 } });
		bed_run(bed, MB_CALL, PROBE, 0, NULL);
		check(bed->seen == 2 && bed_event(bed, 0)->page.gfn == MB_DATA >> 12 &&
			      bed_event(bed, 1)->page.gfn == MB_CODE >> 12 &&
			      bed_event(bed, 1)->page.gla == MB_CODE + 0x800 &&
			      bed_event(bed, 1)->page.access & RS_ACCESS_W,
		      "way %d: both pages are reported, once: %u", all[i], bed->seen);
		bed_unwatch_all(bed);
		bed_run(bed, MB_READ, MB_CODE + 0x800, 0, NULL);
		check(bed_get(bed, MB_RESULT0) == MB_DATA_1, "way %d: it was copied", all[i]);
	}
}

/* VCVTPS2PH to a closed page: the reply EMULATE is refused, and the processor executes it. */
static void never_emulated(struct bed *bed)
{
	/* mov edi, MB_DATA + 0x40; vcvtps2ph [rdi], xmm0, 0; ret */
	static const uint8_t code[] = { 0xbf, 0x40, 0x10, 0x12, 0x00, 0xc4, 0xe3, 0x79, 0x1d, 0x07,
					0x00, 0xc3 };
	uint64_t exceptions = bed_get(bed, MB_UD) + bed_get(bed, MB_GP), native;

	write_probe(bed, code, sizeof(code));
	bed_run(bed, MB_WRITE_XCR0, 7, 0, NULL);
	bed_run(bed, MB_CALL, PROBE, 0, NULL);
	bed_run(bed, MB_READ, MB_DATA + 0x40, 0, NULL);
	native = bed_get(bed, MB_RESULT0);
	if (bed_get(bed, MB_UD) + bed_get(bed, MB_GP) != exceptions) {
		check_skip("this processor has no F16C", "a VCVTPS2PH is not emulated");
		return;
	}
	bed->expected_refusals = 1;
	bed_watch_page(bed, MB_DATA, 0);
	bed_run(bed, MB_CALL, PROBE, 0, bed_emulate);
	check(bed->seen == 1, "a VCVTPS2PH, to be emulated: %u events", bed->seen);
	bed_run(bed, MB_CALL, PROBE, 0, bed_continue);
	check(bed->seen == 1, "let past: %u events", bed->seen);
	bed_unwatch_all(bed);
	bed_run(bed, MB_READ, MB_DATA + 0x40, 0, NULL);
	check(bed_get(bed, MB_RESULT0) == native, "the processor has executed it");
	bed_run(bed, MB_WRITE_XCR0, 1, 0, NULL);
}

const struct test tests_of_emulation[] = {
	{ .name = "emulation", .run = emulation, .about = "all that Xen's emulator is trusted with",
	  .page_method = RS_PAGE_METHOD_ALTP2M },
	{ .name = "page-several", .run = several_pages, .about = "two closed pages in one instruction",
	  .page_method = RS_PAGE_METHOD_ALTP2M },
	{ .name = "page-deadly", .run = never_emulated, .about = "what can panic the host, by a view",
	  .page_method = RS_PAGE_METHOD_ALTP2M },
	{ .name = "host-deadly", .run = never_emulated,
	  .about = "what can panic the host, by the host's map",
	  .page_method = RS_PAGE_METHOD_HOST },
	{ 0 },
};
