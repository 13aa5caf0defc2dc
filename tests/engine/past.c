/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * past.c: ways past a page fault, on fakexen's default guest, whose page of code is written anew.
 *
 *	fakexen --report FILE -- tests/engine/past SCENARIO
 *
 * past.sh runs the scenarios and looks at the model's report.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/private.h"
#include "engine/wire.h"
#include "guests/map.h"
#include "ring/atomics.h"
#include "tests/engine/bed.h"
#include "tests/engine/scenario.h"
#include "tests/unit/tap.h"
#include "xen/domain.h"

#define DATA_GFN (GUEST_DATA_PAGE >> 12)
#define CODE_GFN (GUEST_CODE_PAGE >> 12)
#define OTHER 0x1000000 /* RAM that the guest does not use */
#define OTHER_GFN (OTHER >> 12)

/* What the guest calls once a round. Each saves what it changes. */
static const uint8_t plain[] = { 0x90, 0x31, 0xc0, 0xc3 }; /* nop; xor eax, eax; ret */
/* vcvtps2ph [rdi], xmm0, 0 */
static const uint8_t deadly[] = { 0xc4, 0xe3, 0x79, 0x1d, 0x07, 0x00, 0xc3 };
/* mov esi, DATA + 0x10; mov edi, OTHER; movsq; ret */
static const uint8_t copies[] = { 0xbe, 0x10, 0x00, 0x13, 0x00, 0xbf, 0x00, 0x00, 0x00, 0x01,
				  0x48, 0xa5, 0xc3 };
#define COPIES_RIP (GUEST_CODE_PAGE + 10)
/* mov edi, OTHER + 0xffc; mov qword [rdi], 5; ret */
static const uint8_t splits[] = { 0xbf, 0xfc, 0x0f, 0x00, 0x01, 0x48, 0xc7, 0x07, 5, 0, 0, 0,
				  0xc3 };
/* mov edi, OTHER + 0xff0; mov ecx, 4; rep stosq; ret */
static const uint8_t repeats[] = { 0xbf, 0xf0, 0x0f, 0x00, 0x01, 0xb9, 4, 0, 0, 0,
				   0xf3, 0x48, 0xab, 0xc3 };
/* mov edi, OTHER; add qword [rdi], 1; ret */
static const uint8_t adds[] = { 0xbf, 0x00, 0x00, 0x00, 0x01, 0x48, 0x83, 0x07, 1, 0xc3 };
/* mov edi, OTHER; mov rax, [rdi]; mov [rdi + 8], rax; ret */
static const uint8_t loads[] = { 0xbf, 0x00, 0x00, 0x00, 0x01, 0x48, 0x8b, 0x07,
				 0x48, 0x89, 0x47, 0x08, 0xc3 };

/* Answers that Xen was given, by what they ask for. */
static uint32_t emulations, fast_steps;

static void on_message(enum rs_message_way way, const void *message, const struct rs_layout *layout,
		       void *user)
{
	uint32_t flags = ((const struct rs_wire *)message)->flags;

	if (way != RS_MESSAGE_RESPONSE)
		return;
	if (flags & RS_FLAG_EMULATE)
		rs_add_relaxed(&emulations, 1);
	if (flags & RS_FLAG_FAST_SINGLESTEP)
		rs_add_relaxed(&fast_steps, 1);
}

/* What is there at first. */
static uint8_t original[16];
static bool is_written;

/* A vCPU inside would go on in the middle of other code. */
static bool is_entered(void)
{
	struct rs_guest *guest = rs_engine_guest(engine);
	struct rs_vcpu_registers registers;

	for (uint32_t vcpu = 0; vcpu < rs_guest_vcpu_count(guest); vcpu++)
		if (!rs_vcpu_read_registers(guest, vcpu, &registers) &&
		    registers.rip >> 12 == CODE_GFN)
			return true;
	return false;
}

/* Pauses the guest where no vCPU is in its code page. */
static void pause_outside(void)
{
	double end = now() + PATIENCE;

	rs_xen_domain_pause(engine->xen, engine->domain);
	while (is_entered() && now() < end) {
		rs_xen_domain_unpause(engine->xen, engine->domain);
		if (rs_engine_step(engine, 1) < 0)
			tap_ok(false, "the engine steps");
		rs_xen_domain_pause(engine->xen, engine->domain);
	}
	if (is_entered())
		tap_ok(false, "every vCPU leaves the code page");
}

static void write_code(const uint8_t *code, size_t size)
{
	pause_outside();
	if (!is_written && rs_guest_read(rs_engine_guest(engine), GUEST_CODE_PAGE, original,
					 sizeof(original), NULL))
		tap_ok(false, "the guest's code is read");
	is_written = true;
	if (rs_guest_write(rs_engine_guest(engine), GUEST_CODE_PAGE, code, size, NULL))
		tap_ok(false, "the guest's code is written");
	rs_xen_domain_unpause(engine->xen, engine->domain);
}
#define WRITE_CODE(code) write_code(code, sizeof(code))

static uint64_t word_at(uint64_t address)
{
	uint64_t word = 0;

	if (rs_guest_read(rs_engine_guest(engine), address, &word, sizeof(word), NULL))
		tap_ok(false, "the guest's memory is read");
	return word;
}

static uint64_t slot(uint32_t vcpu, unsigned int offset)
{
	return word_at(GUEST_SLOTS + vcpu * GUEST_SLOT_SIZE + offset);
}

/* The engine is stepped until *count has grown by so many. */
static bool until(const uint32_t *count, uint32_t more)
{
	uint32_t wanted = rs_load_relaxed(count) + more;
	double end = now() + PATIENCE;

	while (rs_load_relaxed(count) < wanted && now() < end)
		if (rs_engine_step(engine, 10) < 0)
			return false;
	return rs_load_relaxed(count) >= wanted;
}

/* Or until vCPU 0 has done so many rounds more. */
static bool rounds(uint64_t more)
{
	uint64_t wanted = slot(0, SLOT_LOOPS) + more;
	double end = now() + PATIENCE;

	while (slot(0, SLOT_LOOPS) < wanted && now() < end)
		if (rs_engine_step(engine, 5) < 0)
			return false;
	return slot(0, SLOT_LOOPS) >= wanted;
}

static struct rs_statistics statistics(void)
{
	struct rs_statistics found;

	rs_engine_statistics(engine, &found);
	return found;
}

static void let_go(void)
{
	if (is_written)
		WRITE_CODE(original);
	is_written = false;
	detach("past");
}

static void record(bool on)
{
	options.on_message = on ? on_message : NULL;
	emulations = fast_steps = 0;
}

/* -- what must never be emulated -- */

static uint32_t faults[3];
static struct rs_reply reply;

static struct rs_reply give_reply(const struct rs_event *event, void *user)
{
	uint32_t *count = user;

	++*count;
	return reply;
}

static void watch_page(uint64_t gfn, uint32_t access, uint32_t *count, enum rs_way way)
{
	*count = 0;
	watch((struct rs_watch_options){ .kind = RS_PAGE, .handler = give_reply, .user = count,
					 .way = way, .page = { .first_gfn = gfn, .access = access } });
}

/*
 * A VCVTPS2PH stands there; by the way, what was decoded there before has to be forgotten. The
 * processor of the model does not know it: the guest gets a #UD, but not from the emulator, which
 * would tell of it.
 */
static void try_deadly(enum rs_page_method method, struct rs_reply asked, bool recorded)
{
	bool is_asked = asked.action == RS_ACTION_EMULATE, good;
	uint32_t before;

	options.page_method = method;
	record(recorded);
	attach();
	WRITE_CODE(plain);
	reply = asked;
	watch_page(CODE_GFN, RS_ACCESS_R | RS_ACCESS_W, &faults[0], RS_WAY_EMULATE);
	tap_ok(until(&faults[0], 30) && TAP_SAME(statistics().refused, 0), "harmless code passes");
	tap_ok(!recorded || emulations >= 20, "by emulation");
	WRITE_CODE(deadly);
	until(&faults[0], 6); /* what was under way */
	before = emulations;
	good = until(&faults[0], 20);
	tap_ok(good, "a VCVTPS2PH, %s", is_asked ? "to be emulated" : "let past");
	tap_ok(TAP_SAME(emulations, before) &&
		       TAP_SAME(statistics().events[RS_EMUL_UNIMPLEMENTED], 0),
	       "is never emulated");
	tap_ok(is_asked ? statistics().refused >= 20 : TAP_SAME(statistics().refused, 0),
	       "%" PRIu64 " replies refused", statistics().refused);
	tap_ok(slot(0, SLOT_UD) > 0, "what it does is done by the processor");
	WRITE_CODE(plain);
	tap_ok(rounds(10), "the guest goes on");
	let_go();
}

static void scenario_deadly(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		try_deadly(RS_PAGE_METHOD_ALTP2M, RS_EMULATE, i);
		try_deadly(RS_PAGE_METHOD_ALTP2M, RS_CONTINUE, i);
		try_deadly(RS_PAGE_METHOD_HOST, RS_EMULATE, i);
		try_deadly(RS_PAGE_METHOD_HOST, RS_CONTINUE, i);
	}
}

static struct rs_reply give_deadly(const struct rs_event *event, void *user)
{
	uint32_t *count = user;

	++*count;
	memcpy(rs_answer_instruction(event), deadly, sizeof(deadly));
	return rs_reply_emulate(RS_REPLY_INSTRUCTION);
}

/* In place of an INT3: the bytes are the handler's own. */
static void scenario_given(void)
{
	uint32_t count = 0;

	record(true);
	attach();
	WRITE_CODE(plain);
	watch((struct rs_watch_options){ .kind = RS_BREAKPOINT, .handler = give_deadly,
					 .user = &count, .way = RS_WAY_FAST_STEP,
					 .breakpoint = { GUEST_CODE_PAGE, RS_PLACE_LINEAR } });
	tap_ok(until(&count, 20) && TAP_SAME(emulations, 0) && statistics().refused >= 20,
	       "a VCVTPS2PH that a handler gives is refused: %" PRIu64, statistics().refused);
	tap_ok(rounds(10) && TAP_SAME(slot(0, SLOT_UD), 0), "what is there is executed instead");
	let_go();
}

/* -- the engine's default -- */

static void try_default(enum rs_way way, bool emulates)
{
	record(true);
	options.way = way;
	attach();
	WRITE_CODE(plain);
	reply = RS_CONTINUE;
	watch_page(DATA_GFN, 0, &faults[0], RS_WAY_AUTO);
	tap_ok(until(&faults[0], 60) && rounds(3), "way %d: faults", way);
	tap_ok(emulates ? emulations >= 50 && !fast_steps : !emulations, "way %d: %u emulated, %u "
	       "fast steps", way, emulations, fast_steps);
	tap_ok((way == RS_WAY_STEP) == (statistics().events[RS_SINGLESTEP] > 0),
	       "way %d: %" PRIu64 " steps", way, statistics().events[RS_SINGLESTEP]);
	tap_ok(all_answered(), "every request answered");
	let_go();
	options.way = RS_WAY_AUTO;
}

static void scenario_default(void)
{
	struct rs_engine_options wrong = { .way = (enum rs_way)9 };
	struct rs_engine *none;

	try_default(RS_WAY_AUTO, true);
	try_default(RS_WAY_EMULATE, true);
	try_default(RS_WAY_FAST_STEP, false);
	try_default(RS_WAY_STEP, false);
	tap_ok(rs_engine_attach(&none, "guest1", &wrong) == -EINVAL, "no such way: %s",
	       rs_error_text());
}

/* -- several pages in one instruction -- */

static uint32_t at_copy[2], writes_seen;

static struct rs_reply count_at_copy(const struct rs_event *event, void *user)
{
	if (rs_event_rip(event) != COPIES_RIP)
		return RS_CONTINUE;
	++*(uint32_t *)user;
	if (event->page.gfn == OTHER_GFN && event->page.access & RS_ACCESS_W &&
	    event->page.gla == OTHER)
		writes_seen++;
	return RS_CONTINUE;
}

static void try_copy(enum rs_way way, bool straight)
{
	bool good;

	record(!straight);
	attach();
	at_copy[0] = at_copy[1] = writes_seen = 0;
	WRITE_CODE(copies);
	for (unsigned int i = 0; i < 2; i++)
		watch((struct rs_watch_options){
			.kind = RS_PAGE, .handler = count_at_copy, .user = &at_copy[i], .way = way,
			.page = { .first_gfn = i ? OTHER_GFN : DATA_GFN, .access = 0 } });
	good = until(&at_copy[0], 30);
	tap_ok(good, "way %d: a page is copied from", way);
	tap_ok(at_copy[1] + 1 >= at_copy[0] && at_copy[1] <= at_copy[0] &&
		       TAP_SAME(writes_seen, at_copy[1]),
	       "and each time written to another, once: %u and %u", at_copy[0], at_copy[1]);
	tap_ok(TAP_SAME(word_at(OTHER), word_at(GUEST_DATA_PAGE + 0x10)) && all_answered(),
	       "the guest got what it wanted");
	WRITE_CODE(plain);
	tap_ok(rounds(3), "it goes on");
	let_go();
}

static void scenario_several(void)
{
	for (unsigned int way = RS_WAY_AUTO; way <= RS_WAY_STEP; way++) {
		try_copy((enum rs_way)way, false);
		try_copy((enum rs_way)way, true);
	}
}

/* Of a breakpoint, too; and of an instruction's own page. */
static void scenario_executed(void)
{
	bool good;

	attach();
	at_copy[0] = at_copy[1] = writes_seen = faults[0] = 0;
	WRITE_CODE(copies);
	reply = RS_CONTINUE;
	watch((struct rs_watch_options){ .kind = RS_BREAKPOINT, .handler = give_reply,
					 .user = &faults[0],
					 .breakpoint = { COPIES_RIP, RS_PLACE_PHYSICAL } });
	watch((struct rs_watch_options){ .kind = RS_PAGE, .handler = count_at_copy,
					 .user = &at_copy[1], .page.first_gfn = OTHER_GFN });
	good = until(&faults[0], 30);
	tap_ok(good && TAP_SAME(at_copy[1], faults[0]) && TAP_SAME(writes_seen, faults[0]),
	       "a breakpoint's instruction writes to a closed page: %u and %u", faults[0], at_copy[1]);
	tap_ok(all_answered() && rounds(1), "every request answered");
	let_go();
	attach();
	WRITE_CODE(copies);
	at_copy[0] = at_copy[1] = writes_seen = 0;
	watch((struct rs_watch_options){
		.kind = RS_PAGE, .handler = count_at_copy, .user = &at_copy[0],
		.page = { .first_gfn = CODE_GFN, .access = RS_ACCESS_R | RS_ACCESS_W } });
	watch((struct rs_watch_options){ .kind = RS_PAGE, .handler = count_at_copy,
					 .user = &at_copy[1], .page.first_gfn = OTHER_GFN });
	good = until(&at_copy[0], 30);
	tap_ok(good && TAP_SAME(at_copy[1], at_copy[0]),
	       "its own page is closed, too: %u and %u", at_copy[0], at_copy[1]);
	WRITE_CODE(plain);
	let_go();
}

/* Two pages by one operand; and a string instruction, that goes on into the next one. */
static void scenario_crossing(void)
{
	bool good;

	attach();
	reply = RS_CONTINUE;
	WRITE_CODE(splits);
	watch_page(OTHER_GFN, RS_ACCESS_R, &faults[0], RS_WAY_AUTO);
	watch_page(OTHER_GFN + 1, RS_ACCESS_R, &faults[1], RS_WAY_AUTO);
	good = until(&faults[0], 30);
	tap_ok(good && TAP_SAME(faults[1], faults[0]),
	       "an operand in two pages: %u and %u", faults[0], faults[1]);
	WRITE_CODE(repeats);
	until(&faults[0], 5);
	WRITE_CODE(plain);
	rounds(2);
	faults[0] = faults[1] = 0;
	WRITE_CODE(repeats);
	tap_ok(until(&faults[1], 40) && rounds(1), "four words, two in each page");
	WRITE_CODE(plain);
	rounds(2);
	/* Those before the end of a page one by one, since what is emulated would go on; then at once. */
	tap_ok(TAP_SAME(faults[0], 2 * faults[1]), "both are reported: %u and %u", faults[0], faults[1]);
	tap_ok(all_answered(), "every request answered");
	let_go();
}

/* -- replies -- */

static struct rs_reply forge(const struct rs_event *event, void *user)
{
	struct rs_read_data *data = rs_answer_read_data(event);
	uint64_t value = 0x666f72676564;

	++*(uint32_t *)user;
	data->size = sizeof(value);
	memcpy(data->bytes, &value, sizeof(value));
	return rs_reply_emulate(RS_REPLY_READ_DATA);
}

/* Writes into the answer, and wants nothing of it. */
static struct rs_reply scribble(const struct rs_event *event, void *user)
{
	++*(uint32_t *)user;
	rs_answer_read_data(event)->size = 1;
	return RS_CONTINUE;
}

/* The data that the first page's handler feeds are what counts, whatever the second's writes. */
static void try_forged_copy(void)
{
	/* mov esi, OTHER; mov edi, DATA + 0xf00; movsq; ret */
	static const uint8_t code[] = { 0xbe, 0x00, 0x00, 0x00, 0x01, 0xbf, 0x00, 0x0f, 0x13, 0x00,
					0x48, 0xa5, 0xc3 };
	uint32_t fed = 0, scribbled = 0;

	attach();
	WRITE_CODE(code);
	watch((struct rs_watch_options){ .kind = RS_PAGE, .handler = forge, .user = &fed,
					 .page = { .first_gfn = OTHER_GFN } });
	watch((struct rs_watch_options){ .kind = RS_PAGE, .handler = scribble, .user = &scribbled,
					 .page = { .first_gfn = DATA_GFN, .access = RS_ACCESS_R } });
	tap_ok(until(&fed, 20) && scribbled >= 20 &&
		       TAP_SAME(word_at(GUEST_DATA_PAGE + 0xf00), 0x666f72676564),
	       "fed to an instruction that writes to another closed page");
	tap_ok(all_answered(), "every request answered");
	let_go();
}

static void scenario_forged(void)
{
	uint64_t nothing = 0, value;
	uint32_t count = 0;

	attach();
	rs_engine_guest(engine);
	WRITE_CODE(loads);
	watch((struct rs_watch_options){
		.kind = RS_PAGE, .handler = forge, .user = &count, .way = RS_WAY_FAST_STEP,
		.page = { .first_gfn = OTHER_GFN, .access = 0 } });
	tap_ok(until(&count, 30) && TAP_SAME(word_at(OTHER + 8), 0x666f72676564),
	       "the guest reads what it is fed");
	tap_ok(statistics().refused == 0 || statistics().refused <= count / 2 + 1,
	       "its writes take none: %" PRIu64, statistics().refused);
	WRITE_CODE(plain);
	rounds(2);
	if (rs_guest_write(rs_engine_guest(engine), OTHER, &nothing, sizeof(nothing), NULL))
		tap_ok(false, "written");
	WRITE_CODE(adds);
	value = statistics().refused;
	tap_ok(until(&count, 10) && statistics().refused >= value + 8,
	       "an addition in memory would take the real bytes: refused");
	WRITE_CODE(plain);
	rounds(2);
	value = word_at(OTHER);
	tap_ok(value >= 8 && value <= count, "and takes place: %" PRIu64, value);
	let_go();
	try_forged_copy();
}

static struct rs_reply skip(const struct rs_event *event, void *user)
{
	++*(uint32_t *)user;
	rs_answer_registers(event)->rip += 4; /* add qword [rdi], 1 */
	return rs_reply_with_registers(RS_CONTINUE);
}

static struct rs_reply inject(const struct rs_event *event, void *user)
{
	uint32_t *count = user;

	return ++*count % 2 ? rs_reply_inject(6, RS_INJECT_HARDWARE_EXCEPTION, RS_NO_ERROR_CODE, 0, 0)
			    : rs_reply_inject(14, RS_INJECT_HARDWARE_EXCEPTION, 2, 0,
					      event->page.gla);
}

static struct rs_reply forget(const struct rs_event *event, void *user)
{
	struct rs_watch **made = user;

	faults[2]++;
	rs_unwatch(*made);
	*made = NULL;
	return RS_CONTINUE;
}

static void scenario_replies(void)
{
	struct rs_watch_options wanted = { .kind = RS_PAGE, .page.first_gfn = OTHER_GFN };
	struct rs_watch *made;
	uint32_t count = 0;
	uint64_t before;

	attach();
	WRITE_CODE(adds);
	wanted.user = &count;
	wanted.handler = skip;
	made = watch(wanted);
	until(&count, 3);
	before = word_at(OTHER);
	tap_ok(until(&count, 20) && TAP_SAME(word_at(OTHER), before), "skipped, it has not taken place");
	rs_unwatch(made);
	wanted.handler = inject;
	made = watch(wanted);
	count = 0;
	before = slot(0, SLOT_UD);
	tap_ok(until(&count, 20) && slot(0, SLOT_UD) >= before + 8 && slot(0, SLOT_PF) >= 8 &&
		       TAP_SAME(slot(0, SLOT_CR2), OTHER),
	       "the guest gets a #UD or a #PF with its address instead");
	rs_unwatch(made);
	wanted.handler = forget;
	wanted.user = &made;
	made = watch(wanted);
	before = word_at(OTHER);
	tap_ok(rounds(5) && TAP_SAME(faults[2], 1) && word_at(OTHER) >= before + 5,
	       "let past and forgotten: reported once");
	reply = rs_reply_emulate(RS_REPLY_NO_WRITE);
	watch_page(OTHER_GFN, 0, &faults[0], RS_WAY_AUTO);
	until(&faults[0], 3);
	before = word_at(OTHER);
	tap_ok(until(&faults[0], 20) && TAP_SAME(word_at(OTHER), before) && all_answered(),
	       "its write dropped");
	WRITE_CODE(plain);
	let_go();
}

static const struct scenario scenarios[] = {
	{ "deadly", scenario_deadly },
	{ "given", scenario_given },
	{ "default", scenario_default },
	{ "several", scenario_several },
	{ "executed", scenario_executed },
	{ "crossing", scenario_crossing },
	{ "forged", scenario_forged },
	{ "replies", scenario_replies },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	options.workers = 1;
	return scenario_run(scenarios, argc, argv);
}
