/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bed.c: steps the engine, and writes down what comes. */
#include <inttypes.h>
#include <string.h>

#include "tests/xen/driver/bed.h"
#include "tests/xen/driver/recorder.h"

#define COMMAND_LIMIT_NS UINT64_C(20000000000)
#define QUIET_MS 2

static void note_log(enum rs_log_level level, const char *line, void *user)
{
	static const char *const names[] = { "?", "error", "warning", "info", "debug" };

	static bool said;

	/* Without xenstore every attach says so: once is enough. */
	if (strstr(line, "its end is looked for")) {
		if (said)
			return;
		said = true;
	}
	check_note("engine, %s: %s", names[level <= RS_LOG_DEBUG ? level : 0], line);
}

bool bed_attach(struct bed *bed, const struct rs_engine_options *options)
{
	struct rs_engine_options ours = { 0 };
	int error;

	if (options)
		ours = *options;
	ours.log = note_log;
	/* Who wants to see each message has no straight way from the ring to its answer. */
	if (recorder_is_on())
		ours.on_message = recorder_message;
	bed->watch_count = bed->seen = bed->expected_refusals = 0;
	bed->error = 0;
	error = rs_engine_attach(&bed->engine, bed->guest.name, &ours);
	return check(!error, "attach%s%s", error ? ": " : "", error ? rs_strerror(error) : "");
}

void bed_detach(struct bed *bed)
{
	struct rs_statistics statistics;
	int error;

	if (!bed->engine)
		return;
	rs_engine_statistics(bed->engine, &statistics);
	check(statistics.requests == statistics.answers && !statistics.faults &&
		      !statistics.lost && statistics.refused == bed->expected_refusals,
	      "%" PRIu64 " requests, %" PRIu64 " answers, %" PRIu64 " refused, %" PRIu64
	      " faults, %" PRIu64 " lost",
	      statistics.requests, statistics.answers, statistics.refused, statistics.faults,
	      statistics.lost);
	error = rs_engine_detach(bed->engine);
	bed->engine = NULL;
	bed->watch_count = 0;
	check(!error && guest_lives(&bed->guest), "detach, and the guest runs on%s%s",
	      error ? ": " : "", error ? rs_strerror(error) : "");
}

static struct rs_reply handle(const struct rs_event *event, void *user)
{
	struct bed *bed = user;

	if (bed->seen < BED_LOG_MAX) {
		struct bed_entry *entry = &bed->log[bed->seen];

		memcpy(entry->message, event->message, event->layout->message_size);
		entry->event = *event;
		entry->event.message = entry->message;
		entry->event.answer = NULL;
	}
	bed->seen++;
	return bed->answer ? bed->answer(bed, event) : RS_CONTINUE;
}

bool bed_watch(struct bed *bed, struct rs_watch_options options)
{
	int error;

	if (bed->watch_count == BED_WATCHES_MAX)
		check_bail("too many watches");
	options.handler = handle;
	options.user = bed;
	error = rs_watch(bed->engine, &options, &bed->watches[bed->watch_count]);
	if (error)
		return check(false, "watch %s: %s", rs_kind_name(options.kind),
			     rs_strerror(error));
	bed->watch_count++;
	return true;
}

bool bed_watch_kind(struct bed *bed, enum rs_kind kind)
{
	return bed_watch(bed, (struct rs_watch_options){ .kind = kind });
}

bool bed_watch_page(struct bed *bed, uint64_t address, uint32_t access)
{
	return bed_watch(bed, (struct rs_watch_options){
				      .kind = RS_PAGE, .way = RS_WAY_FAST_STEP,
				      .page = { .first_gfn = address >> 12, .access = access },
			      });
}

void bed_unwatch_all(struct bed *bed)
{
	while (bed->watch_count)
		rs_unwatch(bed->watches[--bed->watch_count]);
}

static int step(struct bed *bed, int timeout_ms)
{
	int handled = rs_engine_step(bed->engine, timeout_ms);

	if (handled < 0 && !bed->error) {
		bed->error = handled;
		check(false, "the engine goes on: %s", rs_strerror(handled));
	}
	return handled;
}

void bed_start(struct bed *bed, unsigned int vcpu, unsigned int command, uint64_t a, uint64_t b)
{
	bed->seen = 0;
	guest_start(&bed->guest, vcpu, command, a, b);
}

/* The command may be done, on another processor, before its last event is taken. */
void bed_settle(struct bed *bed)
{
	while (!bed->error && step(bed, QUIET_MS) > 0)
		continue;
}

bool bed_finish(struct bed *bed, unsigned int vcpu)
{
	uint64_t limit = now_ns() + COMMAND_LIMIT_NS;

	while (!guest_is_done(&bed->guest, vcpu)) {
		if (step(bed, 1) < 0)
			return false;
		if (now_ns() > limit)
			return check(false,
				     "vCPU %u does command %" PRIu64 " (%u events; the last "
				     "exception at %#" PRIx64 ")",
				     vcpu, guest_get(&bed->guest, vcpu, MB_COMMAND), bed->seen,
				     guest_get(&bed->guest, vcpu, MB_FAULT_RIP));
	}
	bed_settle(bed);
	return !bed->error;
}

bool bed_run(struct bed *bed, unsigned int command, uint64_t a, uint64_t b, bed_answer *answer)
{
	bed->answer = answer;
	bed_start(bed, 0, command, a, b);
	return bed_finish(bed, 0);
}

struct rs_statistics bed_statistics(const struct bed *bed)
{
	struct rs_statistics statistics;

	rs_engine_statistics(bed->engine, &statistics);
	return statistics;
}

uint64_t bed_get(const struct bed *bed, unsigned int offset)
{
	return guest_get(&bed->guest, 0, offset);
}

const struct rs_event *bed_event(const struct bed *bed, unsigned int index)
{
	static const uint8_t zeros[BED_MESSAGE_MAX];
	static struct rs_event none;

	if (index < bed->seen && index < BED_LOG_MAX)
		return &bed->log[index].event;
	none.message = zeros;
	none.layout = rs_layout_find(7);
	return &none;
}

bool bed_saw_one(const struct bed *bed, enum rs_kind kind, uint64_t offset)
{
	const struct rs_event *event = bed_event(bed, 0);

	return bed->seen == 1 && event->kind == kind &&
	       rs_event_rip(event) == bed_get(bed, MB_MARK) + offset;
}

struct rs_reply bed_continue(struct bed *bed, const struct rs_event *event)
{
	return RS_CONTINUE;
}

struct rs_reply bed_resume(struct bed *bed, const struct rs_event *event)
{
	return RS_RESUME;
}

struct rs_reply bed_emulate(struct bed *bed, const struct rs_event *event)
{
	return RS_EMULATE;
}

struct rs_reply bed_give_back(struct bed *bed, const struct rs_event *event)
{
	return RS_GIVE_BACK;
}

struct rs_reply bed_deny(struct bed *bed, const struct rs_event *event)
{
	return RS_DENY;
}

struct rs_reply bed_fast_step(struct bed *bed, const struct rs_event *event)
{
	return RS_FAST_STEP;
}

struct rs_reply bed_skip(struct bed *bed, const struct rs_event *event)
{
	struct rs_registers *registers = rs_answer_registers(event);

	if (event->kind == RS_BREAKPOINT || event->kind == RS_DEBUG)
		registers->rip += event->breakpoint.insn_length;
	return RS_SET_REGISTERS;
}
