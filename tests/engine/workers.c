/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * workers.c: several threads on one engine, on fakexen's default guest.
 *
 *	fakexen --vcpus 4 --report FILE -- tests/engine/workers SCENARIO [WORKERS [WAITING]]
 *
 * workers.sh runs the scenarios and looks at the model's report.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/record.h"
#include "ring/atomics.h"
#include "tests/engine/bed.h"
#include "tests/engine/scenario.h"
#include "tests/unit/tap.h"

#define MSR_LSTAR 0xc0000082

/* Nothing can have taken, or waited for, longer than there has been an engine. */
static bool times_are_possible(double since)
{
	uint64_t limit_ns = (uint64_t)((now() - since) * 1e9);
	struct rs_statistics statistics;
	bool all = true;

	rs_engine_statistics(engine, &statistics);
	for (unsigned int kind = 0; kind < RS_KIND_COUNT; kind++)
		all &= statistics.queueing[kind].max_ns <= limit_ns &&
		       statistics.handler[kind].max_ns <= limit_ns;
	return all;
}

static void scenario_storm(void)
{
	double since = now();
	pthread_t thread;

	attach();
	watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3,
					 .handler = count_event });
	watch((struct rs_watch_options){ .kind = RS_CPUID, .handler = count_event });
	watch((struct rs_watch_options){ .kind = RS_GUEST_REQUEST, .handler = count_event,
					 .asynchronous = true });
	thread = start();
	tap_ok(wait_for(2000), "2000 events");
	tap_ok(stop(thread), "stopped");
	tap_ok(in_order(), "each vCPU's in order, one at a time");
	tap_ok(all_answered(), "each answered");
	tap_ok(times_are_possible(since), "in times that can be true");
	for (int i = 0; i < 20; i++) {
		thread = start();
		sleep_us(2000);
		if (!stop(thread))
			break;
	}
	tap_ok(in_order() && all_answered(), "and so after being stopped again and again");
	detach("storm");
}

static unsigned int handler_us;

static struct rs_reply wait_in_handler(const struct rs_event *event, void *user)
{
	enter(event);
	sleep_us(handler_us);
	leave(event);
	return RS_CONTINUE;
}

/* Handlers that wait: as many at once as there are workers, vCPUs and slots for. */
static void scenario_waiting_handlers(void)
{
	uint32_t vcpus, wanted, most;
	pthread_t thread;
	double begin;
	bool enough;

	attach();
	handler_us = 2000;
	vcpus = rs_engine_vcpu_count(engine);
	wanted = vcpus < options.workers ? vcpus : options.workers;
	watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3,
					 .handler = wait_in_handler });
	thread = start();
	begin = now();
	enough = wait_for(50 * vcpus);
	tap_ok(enough, "handlers of 2 ms: %.0f events/s", sum_events() / (now() - begin));
	most = rs_load_relaxed(&at_once_max);
	tap_ok(most >= wanted, "%u at once, with %u workers and %u vCPUs", most, options.workers,
	       vcpus);
	tap_ok(stop(thread) && in_order() && all_answered(), "in order, each answered");
	detach("waiting handlers");
}

static uint32_t blocked, released;

/* vCPU 0's handler gets stuck once it has been quick for long. */
static struct rs_reply block_once(const struct rs_event *event, void *user)
{
	enter(event);
	if (event->vcpu == 0 && sum_events() > 500 && !rs_exchange_acquire(&blocked, 1))
		while (!rs_load_acquire(&released))
			sleep_us(1000);
	leave(event);
	return RS_CONTINUE;
}

static void scenario_stuck(void)
{
	double end = now() + PATIENCE;
	uint32_t before;
	pthread_t thread;

	attach();
	watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3,
					 .handler = block_once });
	thread = start();
	while (!rs_load_acquire(&blocked) && now() < end)
		sleep_us(1000);
	sleep_us(20000);
	before = sum_events();
	tap_ok(wait_for(before + 50), "a handler that gets stuck unexpectedly holds up no other "
	       "vCPU: %u more events", sum_events() - before);
	rs_store_release(&released, 1);
	tap_ok(stop(thread) && in_order() && all_answered(), "in order, each answered");
	detach("stuck");
}

/* Events that are kept, by one at most for each vCPU. */
static struct rs_event kept[VCPUS_MAX];
static uint32_t is_kept[VCPUS_MAX];
static uint32_t done, refused, replied;

static struct rs_reply keep_event(const struct rs_event *event, void *user)
{
	enter(event);
	leave(event);
	kept[event->vcpu] = *event;
	rs_store_release(&is_kept[event->vcpu], 1);
	return RS_LATER;
}

static void *answer_main(void *unused)
{
	while (!rs_load_relaxed(&done)) {
		for (unsigned int i = 0; i < VCPUS_MAX; i++) {
			struct rs_event event;

			if (!rs_load_acquire(&is_kept[i]) || rs_exchange_acquire(&is_kept[i], 0) != 1)
				continue;
			event = kept[i];
			if (!rs_event_reply(&event, RS_CONTINUE))
				rs_add_relaxed(&replied, 1);
			if (rs_event_reply(&event, RS_CONTINUE) == -EALREADY)
				rs_add_relaxed(&refused, 1);
		}
		sched_yield();
	}
	return NULL;
}

static void scenario_later(void)
{
	pthread_t thread, answerers[2];

	attach();
	watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3,
					 .handler = keep_event });
	thread = start();
	for (int i = 0; i < 2; i++)
		pthread_create(&answerers[i], NULL, answer_main, NULL);
	tap_ok(wait_for(1000), "1000 events kept, and answered by other threads");
	tap_ok(stop(thread), "stopped");
	rs_store_relaxed(&done, 1);
	for (int i = 0; i < 2; i++)
		pthread_join(answerers[i], NULL);
	tap_ok(TAP_SAME(refused, replied), "a second answer is refused");
	tap_ok(in_order(), "each vCPU's in order, one at a time");
	detach("later, with some of them kept");
}

static struct rs_reply answer_inside(const struct rs_event *event, void *user)
{
	enter(event);
	leave(event);
	if (rs_event_reply(event, RS_CONTINUE))
		rs_add_relaxed(&refused, 1);
	return RS_LATER;
}

static void scenario_later_inside(void)
{
	pthread_t thread;

	attach();
	watch((struct rs_watch_options){ .kind = RS_CPUID, .handler = answer_inside });
	thread = start();
	tap_ok(wait_for(500), "500 events answered before their handler has returned RS_LATER");
	tap_ok(stop(thread) && in_order() && all_answered() && TAP_SAME(refused, 0),
	       "each answered, once");
	detach("later, inside");
}

static void *pull_main(void *count)
{
	struct rs_event event;
	int result;

	while ((result = rs_engine_next(engine, &event, 100)) >= 0 && !rs_load_relaxed(&done)) {
		if (!result)
			continue;
		enter(&event);
		if (event.kind == RS_CPUID)
			rs_answer_registers(&event)->rbx = 0x1234;
		leave(&event);
		if (rs_event_reply(&event, RS_CONTINUE))
			rs_add_relaxed(&refused, 1);
	}
	if (result == 1 && rs_event_reply(&event, RS_CONTINUE))
		rs_add_relaxed(&refused, 1);
	return NULL;
}

static void scenario_pull(void)
{
	pthread_t threads[8];
	uint32_t count = options.workers < 8 ? options.workers : 8;

	attach();
	watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3 });
	watch((struct rs_watch_options){ .kind = RS_CPUID });
	watch((struct rs_watch_options){ .kind = RS_MSR, .msr.index = MSR_LSTAR,
					 .handler = count_event });
	for (uint32_t i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, pull_main, NULL);
	tap_ok(wait_for(1000), "1000 events pulled by %u threads", count);
	rs_store_relaxed(&done, 1);
	for (uint32_t i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	tap_ok(TAP_SAME(refused, 0) && in_order(), "in order, each answered once");
	/* What was taken in the last moment nobody has pulled. */
	detach("pull");
}

/* Several events open at a time, in one thread, answered in the other order. */
static void scenario_pull_many(void)
{
	struct rs_event events[4];
	uint32_t count = 0, vcpus;
	bool good = true;

	attach();
	vcpus = rs_engine_vcpu_count(engine) < 4 ? rs_engine_vcpu_count(engine) : 4;
	watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3 });
	for (int round = 0; round < 50; round++) {
		while (count < vcpus && rs_engine_next(engine, &events[count], 5000) == 1)
			count++;
		good &= TAP_SAME(count, vcpus);
		good &= vcpus > 1 || rs_engine_next(engine, &events[1], 0) == 0;
		while (count)
			good &= !rs_event_reply(&events[--count], RS_CONTINUE);
	}
	tap_ok(good && all_answered(), "%u events open at a time, 50 times", vcpus);
	detach("pull many");
}

static void scenario_loop(void)
{
	double end = now() + PATIENCE;
	struct pollfd poll_fd;
	int result = 0;

	attach();
	watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3,
					 .handler = count_event });
	poll_fd = (struct pollfd){ .fd = rs_engine_fd(engine), .events = POLLIN };
	tap_ok(poll_fd.fd >= 0 && rs_engine_fd(engine) == poll_fd.fd, "a descriptor for a loop");
	while (sum_events() < 500 && result >= 0 && now() < end) {
		while ((result = rs_engine_step(engine, 0)) > 0)
			;
		poll(&poll_fd, 1, 1000);
	}
	tap_ok(sum_events() >= 500 && all_answered(), "500 events by somebody else's loop");
	detach("loop");
}

static struct rs_reply unwatch_other(const struct rs_event *event, void *user)
{
	enter(event);
	leave(event);
	return RS_CONTINUE;
}

/* In the middle of all that. */
static void scenario_detach_under_load(void)
{
	bool good = true;

	for (int i = 0; i < 15; i++) {
		pthread_t thread;
		double begin;
		int error;

		attach();
		watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3,
						 .handler = unwatch_other });
		watch((struct rs_watch_options){ .kind = RS_CPUID, .handler = count_event });
		watch((struct rs_watch_options){ .kind = RS_BREAKPOINT, .handler = count_event });
		thread = start();
		good &= wait_for(50 + 13 * i);
		begin = now();
		error = rs_engine_detach(engine);
		pthread_join(thread, NULL);
		good &= TAP_SAME(error, 0) && TAP_SAME(run_result, -ESHUTDOWN);
		if (now() - begin > 0.5)
			printf("# detaching took %.0f ms\n", (now() - begin) * 1e3);
	}
	tap_ok(good, "15 times detached while workers are busy: they return -ESHUTDOWN");
}

static struct rs_reply detach_inside(const struct rs_event *event, void *user)
{
	enter(event);
	leave(event);
	if (rs_engine_detach(engine) != -EDEADLK)
		rs_add_relaxed(&refused, 1);
	return RS_CONTINUE;
}

static void scenario_detach_inside(void)
{
	pthread_t thread;

	attach();
	watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3,
					 .handler = detach_inside });
	thread = start();
	tap_ok(wait_for(10) && stop(thread) && TAP_SAME(refused, 0), "a handler cannot detach");
	released = blocked = 0;
	watch((struct rs_watch_options){ .kind = RS_MSR, .msr.index = MSR_LSTAR,
					 .handler = block_once });
	lanes[0].events = 501;
	thread = start();
	while (!rs_load_acquire(&blocked))
		sleep_us(1000);
	tap_ok(rs_engine_detach(engine) == -ETIMEDOUT, "a stuck handler: %s", rs_error_text());
	rs_store_release(&released, 1);
	detach("the second time");
	pthread_join(thread, NULL);
}

/* Context switches that the engine's threads have asked for. */
static uint64_t count_sleeps(void)
{
	DIR *folder = opendir("/proc/self/task");
	struct dirent *entry;
	uint64_t sum = 0;

	while ((entry = readdir(folder))) {
		char path[300], line[128];
		FILE *file;

		if (entry->d_name[0] == '.' || strtol(entry->d_name, NULL, 10) == gettid())
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
		file = fopen(path, "r");
		while (file && fgets(line, sizeof(line), file)) {
			uint64_t count;

			if (sscanf(line, "voluntary_ctxt_switches: %lu", &count) == 1)
				sum += count;
		}
		if (file)
			fclose(file);
	}
	closedir(folder);
	return sum;
}

static void scenario_idle(void)
{
	struct rs_statistics first, second;
	uint64_t before, after;
	struct rs_watch *made;
	pthread_t thread;

	attach();
	made = watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3,
						.handler = count_event });
	thread = start();
	wait_for(500);
	rs_unwatch(made);
	sleep_us(300000);
	before = count_sleeps();
	rs_engine_statistics(engine, &first);
	sleep_us(3000000);
	after = count_sleeps();
	rs_engine_statistics(engine, &second);
	if (after != before)
		printf("# %lu requests, %lu sleeps, %lu parks, %lu spins\n",
		       second.requests - first.requests, second.sleeps - first.sleeps,
		       second.parks - first.parks, second.spins - first.spins);
#ifdef RS_TSAN
	/* It has a thread of its own, which is not idle. */
	after = before + second.sleeps - first.sleeps + second.parks - first.parks;
#endif
	tap_ok(TAP_SAME(after, before), "an idle engine wakes nobody: %lu wake-ups in 3 s",
	       (unsigned long)(after - before));
	tap_ok(stop(thread), "and stops");
	detach("idle");
}

static struct rs_watch *watches[2];
static uint32_t gone[2], both[2];

static struct rs_reply remove_each_other(const struct rs_event *event, void *user)
{
	unsigned int mine = (unsigned int)(uintptr_t)user;

	enter(event);
	/* The first one of each, and not before the other one runs too, on another vCPU. */
	if (!rs_exchange_acq_rel(&both[mine], 1)) {
		while (!rs_load_acquire(&both[!mine]) && !rs_load_relaxed(&done))
			sleep_us(100);
		rs_unwatch(watches[!mine]);
	}
	leave(event);
	return RS_CONTINUE;
}

static void on_gone(void *user)
{
	rs_add_acq_rel(&gone[(uintptr_t)user], 1);
}

/* Two handlers that run at once remove each other's watch. */
static void scenario_mutual(void)
{
	double end = now() + PATIENCE;
	pthread_t thread;

	attach();
	for (uintptr_t i = 0; i < 2; i++)
		watches[i] = watch((struct rs_watch_options){
			.kind = i ? RS_CPUID : RS_MSR, .msr.index = i ? 0 : MSR_LSTAR,
			.handler = remove_each_other, .user = (void *)i, .gone = on_gone });
	thread = start();
	while ((!rs_load_acquire(&gone[0]) || !rs_load_acquire(&gone[1])) && now() < end)
		sleep_us(1000);
	tap_ok(TAP_SAME(rs_load_acquire(&gone[0]), 1) && TAP_SAME(rs_load_acquire(&gone[1]), 1),
	       "two handlers remove each other's watch, and both are told when it is gone");
	rs_store_relaxed(&done, 1);
	tap_ok(stop(thread) && all_answered(), "each answered");
	detach("mutual");
}

static uint64_t wanted_cr3;
static uint32_t unwanted;

static struct rs_reply check_filtered(const struct rs_event *event, void *user)
{
	enter(event);
	if (event->vcpu != 1 || (wanted_cr3 && rs_event_cr3(event) != wanted_cr3))
		rs_add_relaxed(&unwanted, 1);
	leave(event);
	return RS_CONTINUE;
}

static struct rs_reply note_cr3(const struct rs_event *event, void *user)
{
	enter(event);
	if (event->vcpu == 1)
		rs_store_relaxed(&wanted_cr3, rs_event_cr3(event));
	leave(event);
	return RS_CONTINUE;
}

/* Filters are the engine's: what they keep out costs no call of a handler. */
static void scenario_filters(void)
{
	struct rs_statistics statistics;
	struct rs_watch *made;
	pthread_t thread;
	uint32_t before;

	attach();
	made = watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3,
						.handler = check_filtered, .vcpus = { 1 << 1 } });
	thread = start();
	tap_ok(wait_for(100) && TAP_SAME(rs_load_relaxed(&unwanted), 0), "one vCPU's events only");
	rs_unwatch(made);
	made = watch((struct rs_watch_options){ .kind = RS_CPUID, .handler = note_cr3 });
	wait_for(sum_events() + 20);
	rs_unwatch(made);
	watch((struct rs_watch_options){ .kind = RS_CPUID, .handler = check_filtered,
					 .vcpus = { 1 << 1 }, .cr3 = wanted_cr3 });
	tap_ok(wait_for(sum_events() + 20) && TAP_SAME(rs_load_relaxed(&unwanted), 0),
	       "and only with one CR3");
	stop(thread);
	detach("filters");

	attach();
	watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3, .handler = count_event,
					 .calls_per_second_max = 20 });
	thread = start();
	sleep_us(1200000);
	before = sum_events();
	rs_engine_statistics(engine, &statistics);
	tap_ok(before >= 20 && before <= 60 && statistics.throttled > before,
	       "a rate limit of 20: %u calls in 1.2 s, %lu events kept from it", before,
	       (unsigned long)statistics.throttled);
	tap_ok(stop(thread) && all_answered(), "all answered all the same");
	detach("rate");
}

/* The record in its file, as another process would read it. */
static void scenario_record(void)
{
	const struct rs_record *record = MAP_FAILED;
	uint32_t vcpus, open_count = 0, kept_here = 0;
	struct rs_event events[4];
	char path[64];
	bool good = true;
	int fd;

	attach();
	snprintf(path, sizeof(path), "/run/ringside/%u.lanes", rs_engine_domain(engine));
	fd = open(path, O_RDONLY);
	if (fd >= 0)
		record = mmap(NULL, sizeof(*record), PROT_READ, MAP_SHARED, fd, 0);
	if (record == MAP_FAILED || record->pid != (uint32_t)getpid()) {
		printf("ok %d - record # SKIP no file of ours at %s\n", ++tap_count, path);
		detach("record");
		return;
	}
	vcpus = rs_engine_vcpu_count(engine) < 4 ? rs_engine_vcpu_count(engine) : 4;
	watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3 });
	while (kept_here < vcpus && rs_engine_next(engine, &events[kept_here], 5000) == 1)
		kept_here++;
	/* All but one of them: those after it are answered before it. */
	for (uint32_t i = 1; i < kept_here; i++)
		good &= !rs_event_reply(&events[i], RS_CONTINUE);
	for (uint32_t i = 0; i < record->turn_count; i++) {
		bool is_open = rs_record_is_open(&record->turns[i], record->req_cons,
						 record->req_cons - 1);

		open_count += is_open;
		if (is_open)
			good &= !memcmp(record->turns[i].message, events[0].message, 400);
	}
	tap_ok(good && TAP_SAME(open_count, 1) && !memcmp(record->magic, RS_RECORD_MAGIC, 8) &&
		       record->vcpu_count == rs_engine_vcpu_count(engine),
	       "the file tells which request is open, and holds it");
	tap_ok(rs_event_reply(&events[0], RS_CONTINUE) == 0, "until it is answered");
	detach("record");
	tap_ok(access(path, F_OK) && errno == ENOENT, "the file goes with the engine");
}

/* -- a worker that is stopped where others need it -- */

#define STOP_US 50000

static uint32_t stop_at; /* 1 and a direction: the next message that goes there stops its worker */
static uint32_t handled_meanwhile;

/* Called with the takers' lock held, for requests, and with the putters', for answers. */
static void stop_there(enum rs_message_way way, const void *message,
		       const struct rs_layout *layout, void *user)
{
	uint32_t before = 1 + (uint32_t)way;

	if (rs_load_relaxed(&stop_at) != before ||
	    !rs_compare_exchange_acq_rel(&stop_at, &before, 0))
		return;
	before = sum_events();
	sleep_us(STOP_US);
	rs_store_release(&handled_meanwhile, 1 + sum_events() - before);
}

static void stop_in_window(enum rs_message_way way, const char *window)
{
	uint32_t handled;
	double begin = now(), end;

	rs_store_relaxed(&handled_meanwhile, 0);
	rs_store_release(&stop_at, 1 + (uint32_t)way);
	while (!rs_load_acquire(&handled_meanwhile) && now() < begin + 10)
		sleep_us(1000);
	handled = rs_load_acquire(&handled_meanwhile);
	begin = now();
	tap_ok(handled && wait_for(sum_events() + 100), "stopped while it %s: all go on afterwards",
	       window);
	end = now();
	/* As many as were taken or had a slot. */
	tap_ok(handled && handled - 1 <= 8,
	       "of others %u events were handled in those %u ms, and 100 in the %.1f ms after them",
	       handled - 1, STOP_US / 1000, (end - begin) * 1000);
}

static void scenario_stopped(void)
{
	pthread_t thread;

	options.on_message = stop_there;
	attach();
	watch((struct rs_watch_options){ .kind = RS_CR, .cr.which = RS_CR3,
					 .handler = count_event });
	thread = start();
	wait_for(100);
	stop_in_window(RS_MESSAGE_REQUEST, "takes");
	stop_in_window(RS_MESSAGE_RESPONSE, "puts");
	tap_ok(stop(thread) && in_order() && all_answered(), "in order, and each answered");
	detach("stopped");
}

static const struct scenario scenarios[] = {
	{ "storm", scenario_storm },
	{ "waiting_handlers", scenario_waiting_handlers },
	{ "stuck", scenario_stuck },
	{ "later", scenario_later },
	{ "later_inside", scenario_later_inside },
	{ "pull", scenario_pull },
	{ "pull_many", scenario_pull_many },
	{ "loop", scenario_loop },
	{ "detach_under_load", scenario_detach_under_load },
	{ "detach_inside", scenario_detach_inside },
	{ "idle", scenario_idle },
	{ "mutual", scenario_mutual },
	{ "filters", scenario_filters },
	{ "record", scenario_record },
	{ "stopped", scenario_stopped },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	static const char *const modes[] = { "adaptive", "block", "spin" };

	options.workers = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 4;
	for (unsigned int i = 0; argc > 3 && i < 3; i++)
		if (!strcmp(argv[3], modes[i]))
			options.waiting = (enum rs_waiting)i;
	return scenario_run(scenarios, argc, argv);
}
