/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * story.c: a program that attaches, watches this and that, and detaches or dies; whoever takes the
 * domain back then; and that afterwards all is as it was.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ringside/ringside.h>

#include "guests/map.h"
#include "journal/folder.h"
#include "tests/sim/sim.h"

#define MS 1000000ULL
#define SECOND (1000 * MS)
#define WATCHES 16 /* made in one life */
#define KEPT 16
#define MSR_LSTAR 0xc0000082

/* How a handler behaves. */
enum style { QUICK, SLOW, LATER, SKIP, LEAVE, STYLES };

struct note {
	struct rs_watch *watch;
	struct rs_watch_options options;
	enum style style;
	bool removed;  /* rs_unwatch has returned */
	bool leaving;  /* it has removed itself */
	uint32_t calls;
};

/* Of the engine that lives. */
static struct {
	struct rs_engine *engine;
	struct note notes[WATCHES];
	struct { bool inside, kept; uint64_t serial; } vcpus[SIM_VCPUS_MAX];
	struct { bool used; struct rs_event event; } kept[KEPT];
	bool host;  /* pages by the host's map */
	bool hasty; /* at its deadline an event is answered without its handler */
	bool skips; /* of two watches that reply differently one would not be heard */
	int run_result;
	uint32_t calls;
} it;

/* What has happened to it so far. */
static struct {
	bool recovered; /* by another ring: with more answers than requests */
	bool hopeless;  /* in a way that nobody can take back */
	bool died;      /* at some time somebody has */
} fate;

static void on_log(enum rs_log_level level, const char *line, void *user)
{
	sim_tell("%s", line);
}

/* -- handlers -- */

static void enter(const struct rs_event *event, struct note *note)
{
	if (note->removed)
		sim_complain("a handler is called although its watch was removed");
	if (event->vcpu >= world_vcpus())
		sim_complain("an event of vCPU %u", event->vcpu);
	if (it.vcpus[event->vcpu].inside)
		sim_complain("two events of vCPU %u are handled at once", event->vcpu);
	if (it.vcpus[event->vcpu].kept && !it.hasty)
		sim_complain("an event of vCPU %u, of which one is kept", event->vcpu);
	if (event->serial < it.vcpus[event->vcpu].serial)
		sim_complain("events of vCPU %u out of their order", event->vcpu);
	it.vcpus[event->vcpu].serial = event->serial;
	it.vcpus[event->vcpu].inside = true;
	it.calls++;
	note->calls++;
	fiber_edge("in a handler");
}

static bool keep(const struct rs_event *event)
{
	for (unsigned int i = 0; i < KEPT; i++) {
		if (it.kept[i].used)
			continue;
		it.kept[i].used = true;
		it.kept[i].event = *event;
		it.vcpus[event->vcpu].kept = true;
		return true;
	}
	return false;
}

static struct rs_reply skip(const struct rs_event *event)
{
	struct rs_registers *registers;

	if (event->kind != RS_BREAKPOINT && event->kind != RS_CPUID)
		return RS_CONTINUE;
	registers = rs_answer_registers(event);
	if (event->kind == RS_BREAKPOINT)
		registers->rip = rs_event_rip(event) + event->breakpoint.insn_length;
	return RS_SET_REGISTERS;
}

static struct rs_reply on_event(const struct rs_event *event, void *user)
{
	struct note *note = user;
	struct rs_reply reply = RS_CONTINUE;

	enter(event, note);
	if (note->style == SLOW)
		fiber_sleep((1 + sim_choose("a handler takes", 8) * 400) * 1000ULL);
	if (note->style == SKIP)
		reply = skip(event);
	if (note->style == LEAVE && note->calls > 2 && !note->leaving) {
		note->leaving = true;
		rs_unwatch(note->watch);
	}
	it.vcpus[event->vcpu].inside = false;
	return note->style == LATER && keep(event) ? RS_LATER : reply;
}

static void on_gone(void *user)
{
	struct note *note = user;

	note->removed = true;
}

/* -- what the program does -- */

static void answer_kept(void)
{
	for (unsigned int i = 0; i < KEPT; i++) {
		struct rs_event event = it.kept[i].event;
		int error;

		if (!it.kept[i].used)
			continue;
		it.vcpus[event.vcpu].kept = false;
		it.kept[i].used = false;
		error = rs_event_reply(&event, RS_CONTINUE);
		if (error && !(it.hasty && (error == -ETIMEDOUT || error == -EALREADY)))
			sim_complain("an event that was kept cannot be answered: %s",
				     rs_error_text());
	}
}

static struct rs_watch_options choose_watch(void)
{
	static const uint32_t accesses[] = { 0, RS_ACCESS_R, RS_ACCESS_R | RS_ACCESS_W,
					     RS_ACCESS_R | RS_ACCESS_X };
	struct rs_watch_options wanted = { .kind = RS_CR, .cr.which = RS_CR3 };

	switch (sim_choose("watch", 9)) {
	case 1: wanted.asynchronous = true; break;
	case 2: wanted = (struct rs_watch_options){ .kind = RS_MSR, .msr.index = MSR_LSTAR }; break;
	case 3: wanted = (struct rs_watch_options){ .kind = RS_BREAKPOINT }; break;
	case 4: wanted = (struct rs_watch_options){ .kind = RS_CPUID }; break;
	case 5: wanted = (struct rs_watch_options){ .kind = RS_DESCRIPTOR }; break;
	case 6:
		wanted = (struct rs_watch_options){ .kind = RS_GUEST_REQUEST };
		wanted.asynchronous = sim_choose("asynchronous", 2);
		break;
	case 7:
		wanted = (struct rs_watch_options){ .kind = RS_PAGE, .page = {
			.first_gfn = (GUEST_DATA_PAGE >> 12) + sim_choose("page", 2),
			.access = accesses[sim_choose("access", 4)] } };
		wanted.way = sim_choose("way", 4);
		break;
	case 8:
		/* Nobody takes an INT3 out of the guest's own memory when its engine has died. */
		if (it.host)
			break;
		wanted = (struct rs_watch_options){ .kind = RS_BREAKPOINT, .breakpoint = {
			.place = RS_PLACE_PHYSICAL, .address = GUEST_CODE_PAGE } };
		wanted.way = sim_choose("way", 4);
		break;
	default: break;
	}
	return wanted;
}

static void add_watch(void)
{
	struct note *note = it.notes;
	int error;

	/* A note is used once: who comes too late is found by it. */
	while (note < it.notes + WATCHES && note->options.kind)
		note++;
	if (note == it.notes + WATCHES)
		return;
	note->style = sim_choose("its handler's style", STYLES);
	if (note->style == LATER && it.skips)
		note->style = SKIP;
	else if (note->style == SKIP && !it.skips)
		note->style = LATER;
	note->options = choose_watch();
	note->options.handler = on_event;
	note->options.user = note;
	note->options.gone = note->style == LEAVE ? on_gone : NULL;
	/* A breakpoint of ours is not the guest's to be skipped. */
	if (note->style == SKIP && note->options.breakpoint.place)
		note->style = QUICK;
	sim_tell("add a watch of %s, style %u", rs_kind_name(note->options.kind), note->style);
	error = rs_watch(it.engine, &note->options, &note->watch);
	if (error)
		note->watch = NULL;
	if (error && error != -EEXIST && !xen_is_short_of_memory)
		sim_complain("rs_watch: %s", rs_error_text());
}

/* One of those that do not remove themselves, or NULL. */
static struct note *choose_note(void)
{
	struct note *found[WATCHES];
	uint32_t count = 0;

	for (unsigned int i = 0; i < WATCHES; i++)
		if (it.notes[i].watch && it.notes[i].style != LEAVE)
			found[count++] = &it.notes[i];
	return count ? found[sim_choose("which watch", count)] : NULL;
}

static void remove_watch(void)
{
	struct note *note = choose_note();

	if (!note)
		return;
	sim_tell("remove the watch of %s", rs_kind_name(note->options.kind));
	rs_unwatch(note->watch);
	note->removed = true;
	note->watch = NULL;
}

static void *run_engine(void *unused)
{
	it.run_result = rs_engine_run(it.engine);
	return NULL;
}

static pthread_t start_running(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, run_engine, NULL);
	return thread;
}

static bool watches_cr3(void)
{
	for (unsigned int i = 0; i < WATCHES; i++)
		if (it.notes[i].watch && it.notes[i].options.kind == RS_CR &&
		    it.notes[i].style != LEAVE)
			return true;
	return false;
}

/* Every round of the guest has such events. */
static void expect_events(void)
{
	uint64_t end = sim_now + 30 * SECOND;
	uint32_t before = it.calls;

	if (!watches_cr3())
		return;
	while (it.calls < before + 3) {
		if (sim_now > end)
			sim_complain("no event comes for 30 seconds, though there are some");
		fiber_sleep(MS / 2);
		answer_kept();
	}
}

static void act(void)
{
	struct rs_statistics statistics;

	switch (sim_choose("action", 8)) {
	case 0: case 1: add_watch(); break;
	case 2: case 3: remove_watch(); break;
	case 4: expect_events(); break;
	case 5: rs_engine_statistics(it.engine, &statistics); break;
	default: fiber_sleep((1 + sim_choose("a pause", 16)) * 20000); break;
	}
	if (sim_choose("answers what it has kept", 2) == 0)
		answer_kept();
}

static void check_run(bool detaching)
{
	if (it.run_result == (detaching ? -ESHUTDOWN : 0) || !it.run_result)
		return;
	sim_complain("rs_engine_run: %s", rs_error_text());
}

static void end_well(pthread_t thread)
{
	bool detaching = sim_choose("detaches while it runs", 2);
	int error;

	if (!detaching) {
		rs_engine_stop(it.engine);
		pthread_join(thread, NULL);
		check_run(false);
	}
	error = rs_engine_detach(it.engine);
	if (error)
		sim_complain("rs_engine_detach: %s", rs_error_text());
	if (detaching) {
		pthread_join(thread, NULL);
		check_run(true);
	}
}

/* A handler takes up to 2.8 ms, and what is kept may wait for long. */
static void choose_deadline(struct rs_engine_options *options)
{
	static const uint8_t limits[] = { 0, 0, 1, 5 };

	options->deadline_ms = limits[sim_choose("a deadline", 4)];
	if (options->deadline_ms && !sim_choose("and only tells of it", 4))
		options->at_deadline = RS_AT_DEADLINE_TELL;
	else if (options->deadline_ms)
		options->at_deadline = RS_AT_DEADLINE_CONTINUE;
	it.hasty = options->at_deadline == RS_AT_DEADLINE_CONTINUE;
}

static struct rs_engine_options choose_options(void)
{
	struct rs_engine_options options = {
		.log = on_log, .log_level = RS_LOG_INFO, .keeper_path = "keeper",
		.keeper = sim_choose("a keeper", 2) ? RS_KEEPER_NONE : RS_KEEPER_WANTED,
		.recover = true,
	};

	options.workers = 1 + sim_choose("more workers", 3);
	options.waiting = sim_choose("it never spins", 2) ? RS_WAIT_BLOCK : RS_WAIT_ADAPTIVE;
	options.page_method = sim_choose("pages by the host's map", 3) == 2
				      ? RS_PAGE_METHOD_HOST : RS_PAGE_METHOD_AUTO;
	choose_deadline(&options);
	return options;
}

/* The one state that there is no way out of. */
static bool is_hopeless(int error)
{
	return error == -EBUSY && strstr(rs_error_text(), "its ring was full");
}

static void *engine_main(void *unused)
{
	struct rs_engine_options options;
	struct sim_process *self = fiber_process();
	uint32_t actions = 1 + sim_choose("so many actions", 20);
	pthread_t thread;
	int error;

	memset(&it, 0, sizeof(it));
	options = choose_options();
	it.skips = sim_choose("it skips, and keeps nothing", 2);
	it.host = options.page_method == RS_PAGE_METHOD_HOST;
	error = rs_engine_attach(&it.engine, SIM_DOMAIN, &options);
	if (error) {
		fate.hopeless = is_hopeless(error);
		if (!fate.hopeless && !xen_is_short_of_memory)
			sim_complain("rs_engine_attach: %s", rs_error_text());
		process_end(self);
	}
	thread = start_running();
	add_watch();
	while (actions--)
		act();
	answer_kept();
	end_well(thread);
	process_end(self);
	return NULL;
}

/* -- its fate -- */

static bool is_dead(const void *process)
{
	return !((const struct sim_process *)process)->alive;
}

static void await_end(const struct sim_process *process, const char *what)
{
	if (process && !fiber_wait(is_dead, process, sim_now + 200 * SECOND))
		sim_complain("%s does not come to its end", what);
}

/* `tame` in four live. */
static bool choose_death(enum sim_role role, const char *what, uint32_t tame)
{
	uint32_t scale;

	if (sim_choose(what, 4) < tame)
		return false;
	scale = sim_choose("how far it comes", 14);
	process_doom(role, 1 + sim_choose("and so many edges", 2U << scale));
	fate.died = true;
	return true;
}

static void *recoverer_main(void *unused)
{
	const struct rs_recover_options options = { .log = on_log, .log_level = RS_LOG_INFO };
	struct sim_process *self = fiber_process();
	int error = rs_recover(SIM_DOMAIN, &options);

	fate.hopeless = is_hopeless(error);
	if (error && !fate.hopeless)
		sim_complain("rs_recover: %s", rs_error_text());
	process_end(self);
	return NULL;
}

static void recover(void)
{
	struct sim_process *process;

	for (int tries = 3; tries; tries--) {
		process_spare_all();
		if (tries > 1)
			choose_death(SIM_RECOVERER, "who recovers dies, too", 2);
		process = process_start(SIM_RECOVERER);
		fiber_start(process, "recoverer", recoverer_main, NULL);
		await_end(process, "the recovery");
	}
	process_spare_all();
}

static bool is_left(void)
{
	char path[RS_FOLDER_PATH_SIZE];

	rs_folder_path(1, "", path);
	return !faccessat(-1, path, F_OK, 0);
}

static void live(bool last)
{
	struct sim_process *process;

	choose_death(SIM_ENGINE, "the engine dies", 1);
	/* Its successor has not mapped the ring. */
	fate.recovered |= choose_death(SIM_KEEPER, "the keeper dies", 3);
	process = process_start(SIM_ENGINE);
	fiber_start(process, "main", engine_main, NULL);
	await_end(process, "the program");
	await_end(process_living(SIM_KEEPER), "the keeper");
	process_spare_all();
	if (!is_left())
		return;
	fate.recovered = true;
	if (last || sim_choose("who comes next recovers it", 2) == 0)
		recover();
}

static void check_guest_goes_on(void)
{
	uint64_t before[SIM_VCPUS_MAX], end = sim_now + 5 * SECOND;

	for (uint32_t i = 0; i < world_vcpus(); i++)
		before[i] = world_rounds(i);
	for (uint32_t i = 0; i < world_vcpus(); i++)
		while (world_rounds(i) == before[i]) {
			if (sim_now > end)
				sim_complain("vCPU %u does not go on", i);
			fiber_sleep(MS / 10);
		}
}

void *story_main(void *unused)
{
	uint32_t lives = 1 + (sim_choose("one life after another", 4) == 3);

	xen_is_short_of_memory = sim_choose("Xen may be short of memory", 5) == 4;
	xen_loses_doorbells = sim_choose("doorbells may be lost", 5) == 4;
	while (lives-- && !fate.hopeless)
		live(!lives);
	if (fate.hopeless)
		return NULL;
	check_guest_goes_on();
	world_check(fate.recovered, !fate.died && !xen_loses_doorbells);
	return NULL;
}
