/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* page.c: closed pages, and every way past a fault, by a view and by the host's map. */
#include <inttypes.h>
#include <string.h>

#include "tests/xen/driver/tests.h"

#define OFFSET 0x123 /* where writes go: not aligned */
#define FAKE UINT64_C(0xfacefeedfacefeed)

static const uint32_t rwx = RS_ACCESS_R | RS_ACCESS_W | RS_ACCESS_X;

/* The first event is a fault at `gla`, by the access itself, of the kind `access`. */
static bool is_fault(struct bed *bed, uint64_t gla, uint64_t page, uint32_t access)
{
	const struct rs_event *event = bed_event(bed, 0);
	uint32_t by_itself = RS_ACCESS_GLA_VALID | RS_ACCESS_FAULT_WITH_GLA;

	return event->kind == RS_PAGE && event->synchronous && event->page.gfn == page >> 12 &&
	       event->page.offset == (gla & 0xfff) && event->page.gla == gla &&
	       (event->page.access & rwx) == access &&
	       (event->page.access & by_itself) == by_itself &&
	       event->view == rs_engine_view(bed->engine);
}

/* Each of the ways that are right for a fault of any kind. */
static const struct {
	bed_answer *answer;
	const char *name;
	bool views_only;
} ways[] = {
	{ bed_continue, "continue", false },
	{ bed_emulate, "emulate", false },
	{ bed_fast_step, "fast step", true },
};
#define WAY_COUNT (sizeof(ways) / sizeof(*ways))

static bool way_is_here(struct bed *bed, unsigned int way)
{
	return !ways[way].views_only || rs_engine_view(bed->engine);
}

static void read_page(struct bed *bed)
{
	uint64_t gla = MB_HIGH + MB_DATA + 8;

	bed_watch_page(bed, MB_DATA, 0);
	for (unsigned int way = 0; way < WAY_COUNT; way++) {
		if (!way_is_here(bed, way))
			continue;
		bed_run(bed, MB_READ, gla, 0, ways[way].answer);
		check(bed->seen == 1 && is_fault(bed, gla, MB_DATA, RS_ACCESS_R) &&
			      rs_event_rip(bed_event(bed, 0)) == bed_get(bed, MB_MARK) &&
			      bed_get(bed, MB_RESULT0) == MB_DATA_1,
		      "read, %s: %u events, read %#" PRIx64, ways[way].name, bed->seen,
		      bed_get(bed, MB_RESULT0));
	}
}

static void write_page(struct bed *bed)
{
	uint64_t gla = MB_DATA + OFFSET;

	bed_watch_page(bed, MB_DATA, RS_ACCESS_R);
	for (unsigned int way = 0; way < WAY_COUNT; way++) {
		if (!way_is_here(bed, way))
			continue;
		bed_run(bed, MB_WRITE, gla, MB_PATTERN + way, ways[way].answer);
		/* Xen reports R with every W. */
		check(bed->seen == 1 &&
			      is_fault(bed, gla, MB_DATA, RS_ACCESS_R | RS_ACCESS_W),
		      "write, %s: %u events, access %#x", ways[way].name, bed->seen,
		      bed_event(bed, 0)->page.access);
		bed_run(bed, MB_READ, gla, 0, NULL);
		check(bed->seen == 0 && bed_get(bed, MB_RESULT0) == (uint64_t)MB_PATTERN + way,
		      "it is there: %#" PRIx64, bed_get(bed, MB_RESULT0));
	}
}

static void execute_page(struct bed *bed)
{
	bed_watch_page(bed, MB_CODE, RS_ACCESS_R | RS_ACCESS_W);
	for (unsigned int way = 0; way < WAY_COUNT; way++) {
		if (!way_is_here(bed, way))
			continue;
		/* One event for each instruction of the function: two, and four. */
		bed_run(bed, MB_CALL, MB_STUB_0, 0, ways[way].answer);
		check(bed->seen == 2 && is_fault(bed, MB_STUB_0, MB_CODE, RS_ACCESS_X) &&
			      bed_get(bed, MB_RESULT0) == MB_VALUE,
		      "execute, %s: %u events", ways[way].name, bed->seen);
		bed_run(bed, MB_CALL, MB_HIGH + MB_STUB_1, 0, ways[way].answer);
		check(bed->seen == 4 && bed_event(bed, 3)->page.offset == 0x48 &&
			      bed_get(bed, MB_RESULT0) == MB_VALUE + 1,
		      "four instructions, %s: %u events", ways[way].name, bed->seen);
	}
}

static void modify_page(struct bed *bed)
{
	bed_run(bed, MB_WRITE, MB_DATA + 0x200, 40, NULL);
	bed_watch_page(bed, MB_DATA, 0);
	for (unsigned int way = 0; way < WAY_COUNT; way++) {
		if (!way_is_here(bed, way))
			continue;
		bed_run(bed, MB_ADD, MB_DATA + 0x200, 1, ways[way].answer);
		check(bed->seen >= 1 && bed_event(bed, 0)->kind == RS_PAGE,
		      "add to memory, %s: %u events", ways[way].name, bed->seen);
	}
	bed_unwatch_all(bed);
	bed_run(bed, MB_READ, MB_DATA + 0x200, 0, NULL);
	check(bed_get(bed, MB_RESULT0) == (rs_engine_view(bed->engine) ? 43 : 42),
	      "added once each: %" PRIu64, bed_get(bed, MB_RESULT0));
}

static void repeat_page(struct bed *bed)
{
	bed_watch_page(bed, MB_DATA, RS_ACCESS_R);
	for (unsigned int way = 0; way < WAY_COUNT; way++) {
		if (!way_is_here(bed, way))
			continue;
		bed_run(bed, MB_STOS, MB_DATA + 0x800, 5, ways[way].answer);
		check(bed->seen >= 1 && (bed_event(bed, 0)->page.access & RS_ACCESS_W),
		      "rep stosb of five bytes, %s: %u events", ways[way].name, bed->seen);
		bed_run(bed, MB_READ, MB_DATA + 0x800, 0, NULL);
		check((bed_get(bed, MB_RESULT0) & 0xffffffffff) == 0x5a5a5a5a5a, "it is there");
	}
}

static struct rs_reply fake_read(struct bed *bed, const struct rs_event *event)
{
	struct rs_read_data *data = rs_answer_read_data(event);

	data->size = sizeof(bed->value);
	memcpy(data->bytes, &bed->value, sizeof(bed->value));
	return rs_reply_emulate(RS_REPLY_READ_DATA);
}

static void fake_data(struct bed *bed)
{
	bed_watch_page(bed, MB_DATA, 0);
	bed->value = FAKE;
	bed_run(bed, MB_READ, MB_DATA, 0, fake_read);
	check(bed->seen == 1 && bed_get(bed, MB_RESULT0) == FAKE,
	      "the guest reads what we say: %#" PRIx64, bed_get(bed, MB_RESULT0));
	bed_run(bed, MB_READ, MB_DATA, 0, NULL);
	check(bed->seen == 1 && bed_get(bed, MB_RESULT0) == MB_DATA_0,
	      "then what is there: %#" PRIx64, bed_get(bed, MB_RESULT0));
}

static struct rs_reply no_write(struct bed *bed, const struct rs_event *event)
{
	return rs_reply_emulate(RS_REPLY_NO_WRITE);
}

static void drop_write(struct bed *bed)
{
	bed_run(bed, MB_WRITE, MB_DATA + 0x300, 1, NULL);
	bed_watch_page(bed, MB_DATA, RS_ACCESS_R);
	bed_run(bed, MB_WRITE, MB_DATA + 0x300, 2, no_write);
	bed_run(bed, MB_READ, MB_DATA + 0x300, 0, NULL);
	check(bed_get(bed, MB_RESULT0) == 1, "a dropped write: the guest reads %" PRIu64,
	      bed_get(bed, MB_RESULT0));
}

static struct rs_reply other_instruction(struct bed *bed, const struct rs_event *event)
{
	memset(rs_answer_instruction(event), 0x90, RS_INSTRUCTION_SIZE);
	return rs_reply_emulate(RS_REPLY_INSTRUCTION);
}

/* Xen would take the bytes of some older answer: sent raw, this made a #UD in the guest. */
static void other_code(struct bed *bed)
{
	bed->expected_refusals = 1;
	bed_watch_page(bed, MB_DATA, 0);
	bed_run(bed, MB_READ, MB_DATA, 0, other_instruction);
	check(bed->seen == 1 && bed_get(bed, MB_RESULT0) == MB_DATA_0,
	      "another instruction in its place is refused: %#" PRIx64,
	      bed_get(bed, MB_RESULT0));
}

static struct rs_reply step_once(struct bed *bed, const struct rs_event *event)
{
	return event->kind == RS_PAGE ? rs_reply_step_in(0)
				      : rs_reply_with_view(RS_CONTINUE, bed->flag);
}

static void step_page(struct bed *bed)
{
	bed_watch_page(bed, MB_DATA, 0);
	bed_watch_kind(bed, RS_SINGLESTEP);
	bed->flag = rs_engine_view(bed->engine);
	for (unsigned int again = 0; again < 2; again++) {
		bed_run(bed, MB_READ, MB_DATA, 0, step_once);
		check(bed->seen == 2 && bed_event(bed, 0)->kind == RS_PAGE &&
			      bed_event(bed, 0)->view == bed->flag &&
			      bed_event(bed, 1)->kind == RS_SINGLESTEP &&
			      bed_event(bed, 1)->view == 0 &&
			      bed_get(bed, MB_RESULT0) == MB_DATA_0,
		      "stepped in view 0, and back: %u events", bed->seen);
	}
}

/* The page opens by itself: the fault is answered by a plain resume. */
static struct rs_reply open_page(struct bed *bed, const struct rs_event *event)
{
	bed_unwatch_all(bed);
	return RS_RESUME;
}

static void resume_page(struct bed *bed)
{
	bed_watch_page(bed, MB_DATA, 0);
	bed_run(bed, MB_READ, MB_DATA, 0, open_page);
	check(bed->seen == 1 && bed_get(bed, MB_RESULT0) == MB_DATA_0,
	      "unwatched by its own handler, and resumed: %u events", bed->seen);
	bed_run(bed, MB_READ, MB_DATA, 0, NULL);
	check(bed->seen == 0, "and no events any more");
}

static void page_range(struct bed *bed)
{
	bed_watch(bed, (struct rs_watch_options){
			       .kind = RS_PAGE, .way = RS_WAY_FAST_STEP,
			       .page = { .first_gfn = MB_DATA >> 12,
					 .last_gfn = MB_CODE >> 12,
					 .access = RS_ACCESS_R } });
	bed_run(bed, MB_WRITE, MB_DATA + 0x400, 7, NULL);
	check(bed->seen == 1 && bed_event(bed, 0)->page.gfn == MB_DATA >> 12, "the first page");
	bed_run(bed, MB_CALL, MB_STUB_0, 0, NULL);
	check(bed->seen == 2 && bed_event(bed, 0)->page.gfn == MB_CODE >> 12,
	      "the last page: %u events", bed->seen);
	bed_run(bed, MB_WRITE, MB_AREA, 7, NULL);
	check(bed->seen == 0, "not the page behind it");
}

static void two_watches(struct bed *bed)
{
	bed_watch_page(bed, MB_DATA, RS_ACCESS_R | RS_ACCESS_W);
	bed_watch_page(bed, MB_DATA, RS_ACCESS_R | RS_ACCESS_X);
	bed_run(bed, MB_WRITE, MB_DATA + 0x400, 9, NULL);
	check(bed->seen == 1, "a write concerns one of two watches: %u calls", bed->seen);
	rs_unwatch(bed->watches[--bed->watch_count]);
	bed_run(bed, MB_WRITE, MB_DATA + 0x400, 10, NULL);
	check(bed->seen == 0, "that one is gone: %u calls", bed->seen);
}

/* Page tables: the processor reads them for the guest. */
static void page_table(struct bed *bed)
{
	uint64_t table = MB_TABLES + 0x5000; /* of MB_HIGH, with pages of 4 KiB */
	unsigned int walks = 0;

	bed_watch_page(bed, table, 0);
	bed_run(bed, MB_READ, MB_HIGH + MB_DATA, 0, NULL);
	for (unsigned int i = 0; i < bed->seen; i++)
		walks += bed_event(bed, i)->kind == RS_PAGE &&
			 bed_event(bed, i)->page.gfn == table >> 12 &&
			 (bed_event(bed, i)->page.access & RS_ACCESS_FAULT_IN_GPT);
	check(walks >= 1 && walks == bed->seen && bed_get(bed, MB_RESULT0) == MB_DATA_0,
	      "a page table that is closed: %u walks, %u events, read %#" PRIx64, walks,
	      bed->seen, bed_get(bed, MB_RESULT0));
}

static void unimplemented(struct bed *bed)
{
	uint64_t before = bed_get(bed, MB_UD);

	bed_run(bed, MB_WRITE_XCR0, 3, 0, NULL);
	bed_watch_page(bed, MB_AREA, RS_ACCESS_R);
	bed_watch_kind(bed, RS_EMUL_UNIMPLEMENTED);
	bed_run(bed, MB_XSAVE, MB_AREA, 0, bed_emulate);
	check(bed->seen == 2 && bed_event(bed, 1)->kind == RS_EMUL_UNIMPLEMENTED &&
		      rs_event_rip(bed_event(bed, 1)) == bed_get(bed, MB_MARK) &&
		      bed_get(bed, MB_UD) == before,
	      "xsave, which Xen cannot emulate: %u events, the guest got %" PRIu64 " #UD",
	      bed->seen, bed_get(bed, MB_UD) - before);
	bed->expected_refusals = bed->seen >= 2; /* EMULATE for what cannot be emulated */
	bed_run(bed, MB_XSAVE, MB_AREA, 0, bed_continue);
	check(bed->seen >= 1 && bed_get(bed, MB_UD) == before, "continue: %u events", bed->seen);
	bed_unwatch_all(bed);
	bed_run(bed, MB_WRITE_XCR0, 1, 0, NULL);
}

#define BOTH(test, function, text)                                                         \
	{ .name = "page-" test, .run = function, .about = text ", by a view",              \
	  .page_method = RS_PAGE_METHOD_ALTP2M },                                          \
	{ .name = "host-" test, .run = function, .about = text ", by the host's map",      \
	  .page_method = RS_PAGE_METHOD_HOST }

const struct test tests_of_page[] = {
	BOTH("read", read_page, "reads"),
	BOTH("write", write_page, "writes"),
	BOTH("execute", execute_page, "execution"),
	BOTH("modify", modify_page, "an instruction that reads and writes"),
	BOTH("repeat", repeat_page, "rep stosb"),
	BOTH("fake-data", fake_data, "the answer's data in place of memory's"),
	BOTH("drop-write", drop_write, "a write that is dropped"),
	BOTH("other-code", other_code, "an instruction in place of memory's, which Xen does not take"),
	BOTH("resume", resume_page, "opened while the guest waits"),
	BOTH("range", page_range, "two pages in one watch"),
	BOTH("two-watches", two_watches, "two watches of one page"),
	BOTH("table", page_table, "a page table"),
	BOTH("unimplemented", unimplemented, "an instruction that Xen does not emulate"),
	{ .name = "page-step", .run = step_page, .about = "steps in view 0",
	  .page_method = RS_PAGE_METHOD_ALTP2M },
	{ 0 },
};
