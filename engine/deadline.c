/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* deadline.c: look, claim, answer in another's place. */
#include "engine/deadline.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "engine/dispatch.h"
#include "engine/full.h"
#include "engine/private.h"
#include "engine/wait.h"
#include "ring/atomics.h"
#include "xen/error.h"
#include "xen/log.h"
#include "xen/sandbox.h"

#define NS_PER_MS 1000000ULL
#define SUBSTITUTES (((1ULL << RS_RING_SLOTS) - 1) << RS_TURNS)
#define LOOKS 4 /* within the limit */
#define LOOK_NS_MAX (250 * NS_PER_MS)
/* While it stands in for workers that are all late. */
#define RELIEF_NS NS_PER_MS

/* A turn that nobody holds any more. */
static void free_late(struct rs_engine *engine, struct rs_turn *turn)
{
	/* Of an early one there is the putter, too. */
	if (!turn->early || rs_sub_acq_rel(&turn->parts, 1) == 1)
		rs_turns_free(engine, 1ULL << turn->number);
}

/* -- who answers too late -- */

int rs_deadline_refuse(struct rs_turn *turn, uint64_t serial)
{
	struct rs_engine *engine = turn->engine;
	uint64_t state = rs_load_acquire(&turn->state), mark;

	do {
		if ((state & RS_TURN_SERIAL) != serial || !(state & RS_TURN_MISSED) ||
		    state & RS_TURN_RETURNED)
			return -EALREADY;
		/* That was the last of one that is kept; who is about to keep it is told. */
		mark = state & RS_TURN_KEPT ? RS_TURN_RETURNED : RS_TURN_REPLIED;
		if (state & mark)
			return -EALREADY;
	} while (!rs_compare_exchange_acq_rel(&turn->state, &state, state | mark));
	if (mark == RS_TURN_RETURNED && state & RS_TURN_SETTLED) /* Z4 */
		free_late(engine, turn);
	return -ETIMEDOUT;
}

/* -- the worker's side -- */

void rs_deadline_note(struct rs_turn *turn)
{
	rs_store_relaxed(&turn->about, (uint64_t)turn->event.kind << 32 | turn->event.vcpu);
	rs_store_relaxed(&turn->about_rip, rs_event_rip(&turn->event));
}

/* What it has replied is not looked at. A turn that is kept is the handler's until it is answered. */
static bool come_late(struct rs_worker *worker, struct rs_lane *lane, struct rs_turn *turn,
		      enum rs_action action, uint64_t before)
{
	struct rs_engine *engine = worker->engine;

	if (action != RS_ACTION_LATER && action != RS_ACTION_CONTINUE)
		rs_add_relaxed(&engine->refused, 1);
	/* Releases what the handler did to that vCPU's next one. */
	rs_sub_acq_rel(&lane->late, 1);
	rs_sub_acq_rel(&engine->deadline.late, 1);
	if (action != RS_ACTION_LATER && before & RS_TURN_SETTLED) /* Z4 */
		free_late(engine, turn);
	else if (action == RS_ACTION_LATER && before & RS_TURN_REPLIED)
		rs_deadline_refuse(turn, before & RS_TURN_SERIAL);
	return false;
}

/* Nobody is asked. */
static bool pass_over(struct rs_worker *worker, struct rs_turn *turn)
{
	rs_add_relaxed(&worker->engine->deadline.passed_over, 1);
	return rs_turn_end(worker, turn, RS_CONTINUE);
}

static bool keep(struct rs_worker *worker, struct rs_turn *turn, uint64_t before)
{
	if (!(before & RS_TURN_REPLIED)) {
		rs_full_look(worker->engine);
		return false;
	}
	worker->pulled = false;
	return rs_turn_end(worker, turn, turn->reply);
}

bool rs_deadline_run(struct rs_worker *worker, struct rs_turn *turn)
{
	struct rs_lane *lane = turn->lane;
	enum rs_kind kind = turn->event.kind;
	struct rs_reply reply;
	uint64_t before, ticks;
	bool later;

	if (worker->relief || rs_lane_is_late(lane))
		return pass_over(worker, turn);
	rs_deadline_note(turn);
	rs_or_acq_rel(&turn->state, RS_TURN_RUNS); /* Z1 */
	reply = rs_dispatch(worker, turn);
	later = reply.action == RS_ACTION_LATER;
	ticks = turn->ended - turn->began;
	/* E2, Z3: from here on it may be somebody else's. */
	before = rs_or_acq_rel(&turn->state, later ? RS_TURN_KEPT : RS_TURN_RETURNED);
	if (before & RS_TURN_MISSED) {
		rs_counters_handler(&worker->counters, kind, ticks);
		return come_late(worker, lane, turn, reply.action, before);
	}
	return later ? keep(worker, turn, before) : rs_turn_end(worker, turn, reply);
}

/* -- the deadline's: its end of a turn -- */

static void settle(struct rs_engine *engine, struct rs_turn *turn)
{
	if (rs_or_acq_rel(&turn->state, RS_TURN_SETTLED) & RS_TURN_RETURNED) /* Z4 */
		free_late(engine, turn);
}

void rs_deadline_settled(struct rs_turn *substitute)
{
	struct rs_turn *turn = substitute->in_place_of;

	/* Its number means nothing any more, however long it is held. */
	rs_store_relaxed(&turn->record->request, 0);
	settle(turn->engine, turn);
	rs_and_acq_rel(&substitute->engine->deadline.busy, ~(1ULL << substitute->number));
}

/* Another turn with the same event, of which nobody else knows. */
static struct rs_turn *make_substitute(struct rs_engine *engine, struct rs_turn *turn, bool replied)
{
	/* One is free: the others are of requests that are open, as this one is. */
	uint64_t unused = SUBSTITUTES & ~rs_load_acquire(&engine->deadline.busy);
	struct rs_turn *other = &engine->turns[__builtin_ctzll(unused)];

	rs_or_acq_rel(&engine->deadline.busy, 1ULL << other->number);
	other->in_place_of = turn;
	other->record = turn->record;
	other->lane = turn->lane;
	other->index = turn->index;
	other->seen = other->began = other->ended = turn->seen;
	other->early = RS_TURN_IN_ORDER;
	other->stepped = turn->stepped;
	other->own = turn->own;
	other->event = turn->event;
	rs_answer_init(&other->answer, &other->event);
	/* What it holds was said with the reply. */
	if (replied)
		other->answer = turn->answer;
	return other;
}

static void answer(struct rs_engine *engine, struct rs_turn *turn, bool replied)
{
	struct rs_turn *other = make_substitute(engine, turn, replied);
	uint64_t ready = 0;
	int error;

	rs_turn_answer(engine, other, replied ? turn->reply : RS_CONTINUE);
	other->early = RS_TURN_SUBSTITUTE;
	error = rs_responder_put(engine, &engine->strangers, 1ULL << other->number, &ready);
	if (ready)
		rs_worker_offer(engine, ready);
	if (error)
		rs_engine_fail(engine, error);
}

/* Its answer has gone long since: it is its lane that waits. */
static void pass_on(struct rs_engine *engine, struct rs_turn *turn)
{
	int next = rs_lane_next(turn->lane);

	settle(engine, turn);
	if (next >= 0)
		rs_worker_offer(engine, 1ULL << next);
}

/* Z2. False: it has ended just now, or somebody answers it. */
static bool claim(struct rs_engine *engine, struct rs_turn *turn, uint64_t state)
{
	if (!rs_compare_exchange_acq_rel(&turn->state, &state,
					 state | RS_TURN_CLAIMED | RS_TURN_MISSED))
		return false;
	if (!(state & RS_TURN_KEPT)) {
		rs_add_acq_rel(&turn->lane->late, 1);
		rs_add_acq_rel(&engine->deadline.late, 1);
	}
	if (turn->early)
		pass_on(engine, turn);
	else
		answer(engine, turn, state & RS_TURN_REPLIED);
	return true;
}

/* -- looking -- */

/* With one worker nobody is left while its handler runs. */
static bool is_open(const struct rs_engine *engine, uint64_t state)
{
	if (!(state & RS_TURN_SERIAL) || state & (RS_TURN_MISSED | RS_TURN_RETURNED))
		return false;
	if (state & RS_TURN_KEPT)
		return !(state & RS_TURN_CLAIMED);
	return state & RS_TURN_RUNS && engine->worker_count > 1 &&
	       (!(state & RS_TURN_CLAIMED) || state & RS_TURN_REPLIED);
}

/* Of those that were kept the one that has been late for longest makes room, if need be. */
static bool make_room(struct rs_engine *engine)
{
	struct rs_turn *oldest = NULL;
	uint64_t least = UINT64_MAX;
	uint32_t count = 0;

	for (uint32_t i = 0; i < RS_TURNS; i++) {
		uint64_t state = rs_load_acquire(&engine->turns[i].state);

		if (!(state & RS_TURN_MISSED) || state & RS_TURN_RETURNED)
			continue;
		count++;
		if (state & RS_TURN_KEPT && (state & RS_TURN_SERIAL) < least) {
			least = state & RS_TURN_SERIAL;
			oldest = &engine->turns[i];
		}
	}
	return count < RS_LATE_MAX || (oldest && rs_deadline_refuse(oldest, least));
}

static void tell(struct rs_engine *engine, uint32_t vcpu, enum rs_kind kind, uint64_t rip,
		 bool kept, const char *what)
{
	rs_add_relaxed(&engine->deadline.missed, 1);
	if (!rs_engine_may_tell(&engine->lanes[vcpu].late_told_ns))
		return;
	rs_log(&engine->log, RS_LOG_WARNING,
	       "domain %u, vCPU %u: a %s event at %#" PRIx64 " %s for more than %u ms: %s",
	       engine->domain, vcpu, rs_reason_name(kind), rip,
	       kept ? "has been kept" : "has been in its handler",
	       (unsigned int)(engine->deadline.limit_ns / NS_PER_MS), what);
}

/* It has missed its deadline, if it is still what it was. */
static bool miss(struct rs_engine *engine, struct rs_turn *turn, uint64_t state, bool told)
{
	uint64_t about = rs_load_acquire(&turn->about), rip = rs_load_acquire(&turn->about_rip);
	bool kept = state & RS_TURN_KEPT;
	const char *what = "it goes on waiting";

	if (engine->deadline.answers && make_room(engine)) {
		if (!claim(engine, turn, state))
			return false;
		what = kept ? "the engine has answered it, and refuses the handler's answer"
			    : "the engine has answered it, and all others of that vCPU until the "
			      "handler returns";
	} else if (rs_load_acquire(&turn->state) != state) {
		return false;
	}
	if (!told)
		tell(engine, (uint32_t)about, (enum rs_kind)(about >> 32), rip, kept, what);
	return true;
}

static void look_at(struct rs_engine *engine, uint32_t number, uint64_t now)
{
	struct rs_deadline *deadline = &engine->deadline;
	struct rs_turn *turn = &engine->turns[number];
	uint64_t state = rs_load_acquire(&turn->state), serial = state & RS_TURN_SERIAL;

	if (!is_open(engine, state))
		return;
	if (deadline->seen[number].serial != serial) {
		deadline->seen[number].serial = serial;
		deadline->seen[number].since_ns = now;
		deadline->seen[number].told = false;
	} else if (now - deadline->seen[number].since_ns >= deadline->limit_ns) {
		deadline->seen[number].told |= miss(engine, turn, state,
						    deadline->seen[number].told);
	}
}

/* Are all that run this engine in late handlers? */
static bool is_alone(const struct rs_engine *engine)
{
	int32_t late = (int32_t)rs_load_acquire(&engine->deadline.late);
	int32_t inside = (int32_t)engine->worker_count -
			 __builtin_popcountll(rs_load_acquire(&engine->seats));

	return late > 0 && late >= inside;
}

/* What comes is answered without anybody's being asked, until one of them returns. */
static void stand_in(struct rs_engine *engine)
{
	struct rs_worker *relief = &engine->workers[engine->worker_count];

	for (uint32_t i = 0; i < engine->worker_count; i++)
		relief->finished |= rs_exchange_acq_rel(&engine->workers[i].held, 0); /* D2 */
	rs_worker_visit_lanes(relief, 0);
}

/* Returns how long to sleep. */
static uint64_t look(struct rs_engine *engine)
{
	uint64_t pause = engine->deadline.limit_ns / LOOKS, now = rs_now_ns();

	for (uint32_t i = 0; i < RS_TURNS; i++)
		look_at(engine, i, now);
	if (is_alone(engine)) {
		stand_in(engine);
		return RELIEF_NS;
	}
	if (pause < NS_PER_MS)
		return NS_PER_MS;
	return pause < LOOK_NS_MAX ? pause : LOOK_NS_MAX;
}

/* -- the thread -- */

/* False: it is to end. */
static bool sleep_for(struct rs_deadline *deadline, uint64_t ns)
{
	struct timespec until;
	bool ending;

	ns += rs_now_ns();
	until.tv_sec = (time_t)(ns / 1000000000);
	until.tv_nsec = (long)(ns % 1000000000);
	pthread_mutex_lock(&deadline->lock);
	while (!deadline->ending &&
	       pthread_cond_timedwait(&deadline->ends, &deadline->lock, &until) != ETIMEDOUT)
		continue;
	ending = deadline->ending;
	pthread_mutex_unlock(&deadline->lock);
	return !ending;
}

static void *run(void *argument)
{
	struct rs_engine *engine = argument;
	int error = engine->sandboxed ? rs_sandbox_enter() : 0;

	if (error)
		rs_engine_fail(engine, error);
	while (sleep_for(&engine->deadline, look(engine)))
		continue;
	return NULL;
}

/* Signals are the program's own threads' affair. */
static int begin_thread(struct rs_engine *engine)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&engine->deadline.thread, NULL, run, engine);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

int rs_deadline_start(struct rs_engine *engine)
{
	struct rs_deadline *deadline = &engine->deadline;
	pthread_condattr_t clock;
	int error;

	if (!deadline->limit_ns)
		return 0;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_mutex_init(&deadline->lock, NULL);
	pthread_cond_init(&deadline->ends, &clock);
	pthread_condattr_destroy(&clock);
	engine->guarded = true;
	error = begin_thread(engine);
	deadline->runs = !error;
	return error ? rs_fail(error, "domain %u: no thread for deadlines: %s", engine->domain,
			       strerror(error)) : 0;
}

void rs_deadline_end(struct rs_engine *engine)
{
	struct rs_deadline *deadline = &engine->deadline;

	if (!deadline->runs)
		return;
	pthread_mutex_lock(&deadline->lock);
	deadline->ending = true;
	pthread_cond_signal(&deadline->ends);
	pthread_mutex_unlock(&deadline->lock);
	pthread_join(deadline->thread, NULL);
	pthread_cond_destroy(&deadline->ends);
	pthread_mutex_destroy(&deadline->lock);
	deadline->runs = false;
}
