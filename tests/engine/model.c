/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * model.c: the engine on fakexen's default guest, guests/worker.S.
 *
 *	fakexen --vcpus 4 --report FILE -- tests/engine/model SCENARIO
 *
 * Each scenario attaches, does one thing, looks at what the guest noticed of it (its own
 * counters), and detaches. model.sh runs them all and looks at the model's report.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/private.h"
#include "guests/map.h"
#include "tests/engine/bed.h"
#include "tests/engine/scenario.h"
#include "tests/unit/tap.h"
#include "xen/memory.h"

#define MSR_LSTAR 0xc0000082
#define DATA_GFN (GUEST_DATA_PAGE >> 12)
#define CODE_GFN (GUEST_CODE_PAGE >> 12)
#define HYPERCALL_HVM_OP 34

/* What the handlers have seen. */
static struct {
	unsigned int events;
	unsigned int steps;
	uint64_t first, last;
	bool good;
} seen;

static void begin(void)
{
	attach();
	memset(&seen, 0, sizeof(seen));
	seen.good = true;
}

/* Until a handler has seen that many events; false when patience ends. */
static bool run(unsigned int wanted)
{
	time_t limit = time(NULL) + PATIENCE;
	int result = 0;

	while (seen.events < wanted && result >= 0 && time(NULL) < limit)
		result = rs_engine_step(engine, 100);
	if (result < 0)
		printf("# step: %s\n", rs_strerror(result));
	return seen.events >= wanted;
}

/* Does the guest do a hundred rounds more, while nobody watches? */
static bool runs_on(void)
{
	uint64_t loops = guest_counter(SLOT_LOOPS);
	time_t limit = time(NULL) + PATIENCE;

	while (guest_counter(SLOT_LOOPS) < loops + 100 && time(NULL) < limit)
		if (rs_engine_step(engine, 1) < 0)
			return false;
	return guest_counter(SLOT_LOOPS) >= loops + 100;
}

static struct rs_reply count_seen(const struct rs_event *event, void *user)
{
	seen.events++;
	return RS_CONTINUE;
}

/* One kind: it comes, the guest notices nothing, and goes on without it. */
static void try_kind(struct rs_watch_options wanted, const char *name)
{
	struct rs_watch *made;

	begin();
	wanted.handler = count_seen;
	made = watch(wanted);
	tap_ok(run(100), "%s: 100 events", name);
	rs_unwatch(made);
	tap_ok(runs_on() && guest_mishaps() == 0, "%s: the guest runs on, unharmed", name);
	tap_ok(all_answered(), "%s: every request answered", name);
	detach(name);
}

static void scenario_kinds(void)
{
	try_kind((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3 }, "CR3");
	try_kind((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR4 }, "CR4");
	try_kind((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_XCR0 }, "XCR0");
	try_kind((struct rs_watch_options){ .kind = RS_CR, .asynchronous = true,
					    .cr.which = RS_CR3 }, "CR3, asynchronous");
	try_kind((struct rs_watch_options){ .kind = RS_MSR, .msr.index = MSR_LSTAR }, "MSR");
	try_kind((struct rs_watch_options){ .kind = RS_BREAKPOINT }, "breakpoint");
	try_kind((struct rs_watch_options){ .kind = RS_CPUID }, "CPUID");
	try_kind((struct rs_watch_options){ .kind = RS_DESCRIPTOR }, "descriptor");
	try_kind((struct rs_watch_options){ .kind = RS_GUEST_REQUEST }, "guest request");
	try_kind((struct rs_watch_options){ .kind = RS_GUEST_REQUEST, .asynchronous = true },
		 "guest request, asynchronous");
	try_kind((struct rs_watch_options){ .kind = RS_VMEXIT }, "VM exit");
}

static void try_pages(enum rs_page_method method, const char *name)
{
	static const uint32_t accesses[] = { 0, RS_ACCESS_R, RS_ACCESS_R | RS_ACCESS_W,
					     RS_ACCESS_R | RS_ACCESS_X };
	struct rs_watch *made;

	options.page_method = method;
	begin();
	for (unsigned int i = 0; i < 4; i++) {
		made = watch((struct rs_watch_options){
			.kind = RS_PAGE, .handler = count_seen,
			.page = { .first_gfn = DATA_GFN, .last_gfn = CODE_GFN,
				  .access = accesses[i] } });
		seen.events = 0;
		tap_ok(run(50), "pages by %s: 50 faults with access %u left", name, accesses[i]);
		rs_unwatch(made);
		tap_ok(runs_on() && guest_mishaps() == 0, "pages by %s: opened, unharmed", name);
	}
	tap_ok(all_answered(), "pages by %s: every request answered", name);
	detach(name);
}

static void scenario_pages(void)
{
	try_pages(RS_PAGE_METHOD_ALTP2M, "views");
	try_pages(RS_PAGE_METHOD_HOST, "the host's map");
}

/* Breakpoints go back to the guest, whose own handler counts them. */
static void scenario_give_back(void)
{
	uint64_t before;

	begin();
	before = guest_counter(SLOT_BP);
	watch((struct rs_watch_options){ .kind = RS_BREAKPOINT, .handler = count_seen });
	tap_ok(run(200), "200 breakpoints");
	tap_ok(guest_counter(SLOT_BP) >= before + 190, "the guest's own handler has seen them");
	detach("give back");
}

static struct rs_reply skip_breakpoint(const struct rs_event *event, void *user)
{
	seen.events++;
	rs_answer_registers(event)->rip += event->breakpoint.insn_length;
	return RS_SET_REGISTERS;
}

static void scenario_registers(void)
{
	uint64_t before, after;

	begin();
	watch((struct rs_watch_options){ .kind = RS_BREAKPOINT, .handler = skip_breakpoint });
	run(20);
	before = guest_counter(SLOT_BP);
	tap_ok(run(220), "200 breakpoints skipped by setting RIP");
	after = guest_counter(SLOT_BP);
	tap_ok(TAP_SAME(after, before) && guest_mishaps() == 0, "the guest has seen none of them");
	detach("registers");
}

/* Were the instruction executed a second time, it would write the old value back, for ever. */
static struct rs_reply set_back(const struct rs_event *event, void *user)
{
	struct rs_registers *registers = rs_answer_registers(event);

	seen.events++;
	if (event->kind == RS_CR)
		registers->rax = event->cr.old_value;
	else if (event->kind == RS_MSR)
		registers->rax = (uint32_t)event->msr.old_value;
	else
		registers->rax = HYPERCALL_HVM_OP;
	return RS_SET_REGISTERS;
}

static void try_executed(struct rs_watch_options wanted, const char *name)
{
	begin();
	wanted.handler = set_back;
	watch(wanted);
	tap_ok(run(20), "%s: 20 events answered by registers, RIP left alone", name);
	tap_ok(runs_on() && guest_mishaps() == 0 && all_answered(),
	       "%s: each was executed once, and the guest runs on", name);
	detach(name);
}

static void scenario_executed(void)
{
	try_executed((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3 }, "CR3");
	try_executed((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR4 }, "CR4");
	try_executed((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_XCR0 }, "XCR0");
	try_executed((struct rs_watch_options){ .kind = RS_MSR, .msr.index = MSR_LSTAR }, "MSR");
	try_executed((struct rs_watch_options){ .kind = RS_GUEST_REQUEST }, "guest request");
}

static struct rs_reply deny(const struct rs_event *event, void *user)
{
	seen.events++;
	if (!seen.first)
		seen.first = event->msr.old_value;
	seen.good &= event->msr.old_value == seen.first;
	return RS_DENY;
}

static void scenario_deny(void)
{
	begin();
	watch((struct rs_watch_options){ .kind = RS_MSR, .deny = true, .msr.index = MSR_LSTAR,
					 .handler = deny });
	tap_ok(run(engine->vcpu_count * 100) || engine->vcpu_count > 1, "MSR writes denied");
	tap_ok(seen.good || engine->vcpu_count > 1, "the MSR has never changed");
	tap_ok(all_answered() && guest_mishaps() == 0, "and the guest does not mind");
	detach("deny");
}

static struct rs_reply inject_gp(const struct rs_event *event, void *user)
{
	seen.events++;
	return seen.events % 10 ? RS_CONTINUE
				: rs_reply_inject(13, RS_INJECT_HARDWARE_EXCEPTION, 0, 0, 0);
}

static void scenario_inject(void)
{
	begin();
	watch((struct rs_watch_options){ .kind = RS_MSR, .msr.index = MSR_LSTAR,
					 .handler = inject_gp });
	tap_ok(run(100), "100 MSR writes, every tenth with a #GP");
	tap_ok(guest_counter(SLOT_GP) >= 9 && guest_counter(SLOT_GP) <= 10,
	       "which the guest has seen: %" PRIu64, guest_counter(SLOT_GP));
	detach("inject");
}

static struct rs_reply begin_steps(const struct rs_event *event, void *user)
{
	seen.events++;
	return seen.events % 3 ? RS_CONTINUE : RS_STEP;
}

static struct rs_reply take_step(const struct rs_event *event, void *user)
{
	seen.steps++;
	seen.good &= rs_event_rip(event) != seen.last;
	seen.last = rs_event_rip(event);
	return seen.steps % 5 ? RS_STEP : RS_CONTINUE;
}

/* Also with pages closed on the way: a step must not get lost in the way past a fault. */
static void try_steps(bool closed)
{
	begin();
	watch((struct rs_watch_options){ .kind = RS_SINGLESTEP, .handler = take_step });
	watch((struct rs_watch_options){ .kind = RS_MSR, .msr.index = 0xc0000102,
					 .handler = begin_steps });
	if (closed)
		watch((struct rs_watch_options){
			.kind = RS_PAGE, .page = { .first_gfn = DATA_GFN, .last_gfn = CODE_GFN } });
	tap_ok(run(100), "100 events, a third of them followed by five steps");
	tap_ok(seen.steps >= 33 * 5 - 20, "%u steps were taken", seen.steps);
	tap_ok(guest_mishaps() == 0, "the guest does not notice");
	tap_ok(all_answered(), "no reply was refused");
	detach("steps");
}

static void scenario_steps(void)
{
	try_steps(false);
	try_steps(true);
}

static struct rs_reply step_for_ever(const struct rs_event *event, void *user)
{
	seen.events++;
	return RS_STEP;
}

/* Every instruction of every vCPU, through closed pages. */
static void scenario_step_everything(void)
{
	begin();
	watch((struct rs_watch_options){ .kind = RS_SINGLESTEP, .handler = step_for_ever });
	watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3,
					 .handler = step_for_ever });
	watch((struct rs_watch_options){ .kind = RS_PAGE,
					 .page = { .first_gfn = DATA_GFN, .last_gfn = CODE_GFN } });
	tap_ok(run(3000), "3000 instructions stepped through closed pages");
	tap_ok(guest_mishaps() == 0, "the guest does not notice");
	detach("step everything");
}

static struct rs_reply emulate(const struct rs_event *event, void *user)
{
	seen.events++;
	return *(const struct rs_reply *)user;
}

static uint64_t locked_word(void)
{
	uint64_t value = 0;

	rs_xen_memory_read(engine->xen, engine->domain, DATA_GFN, 8, &value, sizeof(value));
	return value;
}

static void scenario_emulate(void)
{
	struct rs_reply reply = RS_EMULATE;
	uint64_t before;

	begin();
	watch((struct rs_watch_options){ .kind = RS_PAGE, .handler = emulate, .user = &reply,
					 .page = { .first_gfn = DATA_GFN } });
	before = locked_word();
	tap_ok(run(100), "100 faults emulated");
	tap_ok(locked_word() > before, "what they write is written");
	reply = rs_reply_emulate(RS_REPLY_NO_WRITE);
	run(120);
	before = locked_word();
	tap_ok(run(220), "100 faults emulated without writing");
	tap_ok(TAP_SAME(locked_word(), before), "nothing is written");
	tap_ok(all_answered() && guest_mishaps() == 0, "no reply was refused");
	detach("emulate");
}

static struct rs_reply ask_for_interrupt(const struct rs_event *event, void *user)
{
	return rs_reply_with_next_interrupt(RS_CONTINUE);
}

static struct rs_reply see_interrupt(const struct rs_event *event, void *user)
{
	seen.events++;
	seen.good &= event->interrupt.vector >= 32 || event->interrupt.type != RS_INJECT_EXTERNAL;
	return RS_CONTINUE;
}

static void scenario_interrupt(void)
{
	begin();
	watch((struct rs_watch_options){ .kind = RS_INTERRUPT, .handler = see_interrupt });
	watch((struct rs_watch_options){ .kind = RS_GUEST_REQUEST, .handler = ask_for_interrupt });
	tap_ok(run(5) && seen.good, "the next interrupt is reported");
	tap_ok(guest_mishaps() == 0, "and delivered");
	detach("interrupt");
}

static struct rs_reply nonsense(const struct rs_event *event, void *user)
{
	seen.events++;
	return seen.events % 2 ? RS_EMULATE : rs_reply_with_view(RS_CONTINUE, 7);
}

static void scenario_refused(void)
{
	struct rs_statistics statistics;

	options.log_level = RS_LOG_ERROR;
	begin();
	engine->log.function = NULL;
	watch((struct rs_watch_options){ .kind = RS_CPUID, .handler = nonsense });
	tap_ok(run(100), "100 replies that make no sense");
	rs_engine_statistics(engine, &statistics);
	tap_ok(statistics.refused >= 100 && guest_mishaps() == 0,
	       "are refused, and the guest gets the default");
	detach("refused");
}

static struct rs_reply reset(const struct rs_event *event, void *user)
{
	seen.events++;
	return seen.events % 2 ? rs_reply_with_vmtrace_reset(RS_CONTINUE)
			       : rs_reply_with_fork_reset(RS_CONTINUE);
}

/* This Xen has no memory sharing, as Debian's have none, and this processor no traces. */
static void scenario_resets(void)
{
	struct rs_statistics statistics;

	options.log_level = RS_LOG_ERROR;
	begin();
	watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3, .handler = reset });
	tap_ok(run(4), "a vCPU that is not traced is to be reset, and a domain that is no fork");
	rs_engine_statistics(engine, &statistics);
	tap_ok(statistics.refused >= 4 && guest_mishaps() == 0,
	       "which is refused, and the guest gets the default");
	detach("resets");
}

static void scenario_no_cpuid(void)
{
	struct rs_watch_options wanted = { .kind = RS_CPUID };
	int error;

	begin();
	error = rs_watch(engine, &wanted, NULL);
	tap_ok(error == -EOPNOTSUPP, "an event that is not offered: %s", rs_strerror(error));
	wanted = (struct rs_watch_options){ .kind = RS_PAGE,
					     .page = { .first_gfn = 0xfee00,
						       .access = RS_ACCESS_R } };
	error = rs_watch(engine, &wanted, NULL);
	tap_ok(error < 0, "a page that is no RAM: %s", rs_strerror(error));
	detach("not offered");
}

static const struct scenario scenarios[] = {
	{ "kinds", scenario_kinds },
	{ "pages", scenario_pages },
	{ "give_back", scenario_give_back },
	{ "registers", scenario_registers },
	{ "executed", scenario_executed },
	{ "deny", scenario_deny },
	{ "inject", scenario_inject },
	{ "steps", scenario_steps },
	{ "step_everything", scenario_step_everything },
	{ "emulate", scenario_emulate },
	{ "interrupt", scenario_interrupt },
	{ "refused", scenario_refused },
	{ "resets", scenario_resets },
	{ "no_cpuid", scenario_no_cpuid },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return scenario_run(scenarios, argc, argv);
}
