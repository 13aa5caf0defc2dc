/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* straight.c: copy, look up, handle, write the answer where the request was; then count. */
#include "engine/straight.h"

#include <emmintrin.h>
#include <stddef.h>
#include <string.h>

#include "engine/layout.h"
#include "engine/past.h"
#include "engine/private.h"
#include "engine/rcu.h"
#include "engine/registers.h"
#include "engine/wait.h"
#include "engine/wire.h"
#include "ring/atomics.h"
#include "ring/copy.h"
#include "xen/error.h"
#include "xen/port.h"

#define ALL_TURNS ((1ULL << RS_TURNS) - 1)
#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define NEVER_INLINE static __attribute__((noinline))

#define PAYLOAD offsetof(struct rs_event, page)
#define PAYLOAD_SIZE 32
#define SAME_PLACE(member, wire_member)                                                       \
	_Static_assert(offsetof(struct rs_event, member) - PAYLOAD ==                         \
		       offsetof(struct rs_wire, wire_member) - offsetof(struct rs_wire, u),   \
		       #member)

SAME_PLACE(page.offset, u.page.offset);
SAME_PLACE(page.gla, u.page.gla);
SAME_PLACE(page.access, u.page.flags);
SAME_PLACE(cr.which, u.cr.index);
SAME_PLACE(cr.new_value, u.cr.new_value);
SAME_PLACE(cr.old_value, u.cr.old_value);
SAME_PLACE(msr.index, u.msr.msr);
SAME_PLACE(msr.new_value, u.msr.new_value);
SAME_PLACE(msr.old_value, u.msr.old_value);
SAME_PLACE(debug.gfn, u.debug.gfn);
SAME_PLACE(debug.pending_dbg, u.debug.pending_dbg);
SAME_PLACE(debug.insn_length, u.debug.insn_length);
SAME_PLACE(debug.type, u.debug.type);
SAME_PLACE(cpuid.insn_length, u.cpuid.insn_length);
SAME_PLACE(cpuid.leaf, u.cpuid.leaf);
SAME_PLACE(cpuid.subleaf, u.cpuid.subleaf);
_Static_assert(sizeof(struct rs_event) >= PAYLOAD + PAYLOAD_SIZE &&
	       sizeof(((struct rs_wire *)0)->u) == PAYLOAD_SIZE, "the payload is 32 bytes");
/* A message's head as the event's first words: two of the reason, the vCPU, the flags. */
#define HEAD_OF_EVENT _MM_SHUFFLE(1, 3, 2, 2)
_Static_assert(offsetof(struct rs_event, reason) == 4 && offsetof(struct rs_event, vcpu) == 8 &&
	       offsetof(struct rs_event, flags) == 12, "the event's first words");

/* Of a request that was copied. */
enum outcome {
	ANSWERED,
	LEFT, /* on the ring */
	KEPT, /* by its handler; nor is anything else ours any more */
};

/* -- counting -- */

/* Handlers that have run until `now`; they share the time evenly. */
ALWAYS_INLINE void end_stage(struct rs_engine *engine, struct rs_worker *worker,
			     const struct rs_known *known, uint32_t index, uint64_t now)
{
	const struct rs_straight *straight = &worker->straight;
	uint32_t count = index - straight->first;
	uint64_t ticks = now - straight->began, queued = straight->began - straight->seen;

	if (LIKELY(count == 1)) {
		rs_counters_stage(known->counters, queued, ticks, 1);
	} else {
		ticks /= count;
		rs_counters_stage(known->counters, queued, ticks, count);
	}
	if (!LIKELY(!rs_load_relaxed(&known->rule->pace.all) && ticks <= engine->notify_ticks))
		rs_pace_change(&known->rule->pace, ticks, engine);
}

/* -- which watch -- */

/* What ran has ended, and who waited for that may go on. */
static inline void end_running(struct rs_engine *engine, struct rs_worker *worker)
{
	/* R2, R3: with one worker the handler that removed a watch was ours. */
	rs_store_release(&worker->running, (struct rs_rule *)NULL);
	if (!LIKELY(!rs_load_seq_cst(&engine->leaving)))
		rs_rules_bury(engine);
}

/* Another watch's turn. */
static void change_rule(struct rs_worker *worker, uint32_t index, const struct rs_known *known)
{
	struct rs_straight *straight = &worker->straight;

	if (index != straight->first) {
		uint64_t now = rs_ticks();

		end_stage(worker->engine, worker, straight->last, index, now);
		straight->first = index;
		straight->began = now;
	}
	end_running(worker->engine, worker);
	rs_rcu_publish(&worker->running, known->rule); /* Q1, R1 */
}

/* Ours to read, and its vCPU waits. */
static inline bool is_sound(const struct rs_ring *ring, const struct rs_wire *wire)
{
	return wire->version == ring->version && wire->vcpu_id < ring->vcpu_count &&
	       wire->flags & RS_FLAG_VCPU_PAUSED;
}

/* The one watch that wants it, which runs from now on. Or NULL. */
NEVER_INLINE struct rs_known *look_again(struct rs_worker *worker, uint32_t index,
					 const struct rs_wire *wire)
{
	struct rs_known *known = rs_known_place(worker, wire);
	struct rs_known found, *it = known;

	if (!is_sound(&worker->engine->ring, wire))
		return NULL;
	if (!rs_known_is_of(worker, known, wire)) {
		it = &found;
		if (!rs_known_find(worker, it, wire))
			return NULL;
	}
	if (it->kind == RS_PAGE && !(wire->u.page.flags & it->wanted))
		return NULL;
	if (worker->running != it->rule)
		change_rule(worker, index, it);
	/* The last one's place, perhaps: it is not looked at any more. */
	if (it != known)
		*known = found;
	worker->straight.last = known;
	return rs_known_is_current(worker->engine->table, known) ? known : NULL;
}

/* -- from the ring and to it -- */

/* The next request is to be copied into its turn. It is not taken yet. */
static inline void begin_copy(const struct rs_ring *ring, struct rs_record_turn *record,
			      uint64_t number)
{
	rs_store_relaxed(&record->request, number);
	rs_store_release(&record->answer, 0);
	/* P2, X2, X1, T1: what lay in the slot before, Xen had consumed. */
	rs_tsan_acquire(&ring->page->rsp_prod);
}

/* It stays on the ring, for others. */
static int leave_request(struct rs_turn *turn)
{
	rs_store_relaxed(&turn->record->request, 0);
	return LEFT;
}

/* What decode.c does, for these kinds, and turn.h's beginning of a turn. */
static inline void begin_event(struct rs_engine *engine, struct rs_turn *turn,
			       const struct rs_wire *wire, const struct rs_known *known)
{
	struct rs_event *event = &turn->event;
	const __m128i *head = (const void *)wire, *payload = (const void *)&wire->u;
	uint64_t serial = engine->serials + 1;

	_mm_store_si128((void *)event, _mm_shuffle_epi32(_mm_load_si128(head), HEAD_OF_EVENT));
	memcpy(&event->view, &known->event_view, sizeof(known->event_view));
	_mm_storeu_si128((void *)&event->page, _mm_loadu_si128(payload));
	_mm_storeu_si128((__m128i *)(void *)&event->page + 1, _mm_loadu_si128(payload + 1));
	engine->serials = event->serial = serial;
	/* Plain: nobody knows of this event yet. */
	rs_store_relaxed(&turn->state, serial);
}

/*
 * The answer is the request itself, where it lies, with other flags: Xen looks at nothing else that
 * they do not ask for. What they ask for is added before.
 */
static inline void write_flags(struct rs_turn *turn, uint32_t flags)
{
	rs_store_relaxed(&((struct rs_wire *)(void *)turn->slot)->flags, flags);
}

/* What rs_turn_answer and rs_event_reply want to find in a turn. */
static void complete(const struct rs_worker *worker, struct rs_turn *turn, uint32_t index)
{
	turn->lane = &worker->engine->lanes[turn->event.vcpu];
	turn->index = index;
	turn->early = turn->stepped = false;
	turn->seen = worker->straight.seen;
	turn->began = worker->straight.began;
	turn->ended = rs_ticks();
}

/* All that Xen sets of a vCPU, as it was asked for, and found sound. */
static void write_registers(struct rs_turn *turn)
{
	memcpy(turn->slot + RS_ANSWER_HEAD_SIZE, turn->answer.message + RS_ANSWER_HEAD_SIZE,
	       sizeof(struct rs_registers));
	write_flags(turn, RS_FLAG_VCPU_PAUSED | RS_FLAG_SET_REGISTERS);
	turn->answer.data = RS_ANSWER_EMPTY;
}

/* A reply that asks for more. */
static void write_other(const struct rs_worker *worker, struct rs_turn *turn, uint32_t index,
			const struct rs_reply *reply)
{
	complete(worker, turn, index);
	rs_turn_answer(worker->engine, turn, *reply);
	memcpy(turn->slot, turn->answer.message,
	       rs_answer_size(&turn->answer, worker->engine->layout));
	turn->answer.data = RS_ANSWER_EMPTY;
}

NEVER_INLINE int fail(struct rs_engine *engine, int error)
{
	rs_fail(error, "domain %u: Xen cannot be notified (%s)", engine->domain, strerror(-error));
	rs_engine_fail(engine, error);
	return error;
}

/*
 * All that is written, to Xen; then what was done is counted. `direct`: the event channel is
 * Linux's own, and the visit ends. `staged`: a handler has run since the last stage, as is known
 * beforehand.
 */
ALWAYS_INLINE int put(struct rs_engine *engine, struct rs_worker *worker,
		      const struct rs_known *known, uint32_t index, bool direct, bool staged)
{
	struct rs_straight *straight = &worker->straight;
	uint64_t ended = rs_ticks(), now;
	uint32_t count;
	int error;

	rs_ring_show(&engine->ring, index);
	error = direct ? rs_xen_port_notify(&engine->port) : rs_doorbell_notify(&engine->doorbell);
	now = rs_ticks();
	count = index - engine->ring.rsp_prod;
	rs_ring_note(&engine->ring, index);
	if (!LIKELY(!error))
		return fail(engine, error);
	if (staged || index != straight->first)
		end_stage(engine, worker, known, index, ended);
	rs_counters_batch(&worker->counters, now - straight->seen, count);
	if (!direct) {
		/* There may be more of this visit. */
		straight->first = index;
		straight->began = now;
	}
	return 0;
}

/* In the middle of a visit. */
NEVER_INLINE int put_early(struct rs_worker *worker, uint32_t index)
{
	if (index == worker->engine->ring.rsp_prod)
		return 0;
	return put(worker->engine, worker, worker->straight.last, index, false, false);
}

/* Before it is kept, when anybody may answer it: all that the general path wants to find. */
static int keep(struct rs_worker *worker, struct rs_turn *turn, uint32_t index,
		const struct rs_reply *reply)
{
	struct rs_engine *engine = worker->engine;
	int error = put_early(worker, index);

	rs_store_release(&engine->ring.req_cons, index + 1); /* T2 */
	complete(worker, turn, index);
	rs_answer_resume(&turn->answer, &turn->event);
	end_running(engine, worker);
	rs_count(&worker->counters, &worker->counters.requests, 1);
	rs_and_acq_rel(&engine->unused, ~(1ULL << turn->number));
	rs_lane_push(turn->lane, turn->number);
	if (rs_turn_end(worker, turn, *reply))
		worker->finished |= 1ULL << turn->number;
	return error ? error : KEPT;
}

/* -- the handler's reply -- */

/* Xen's emulation may come to nothing, and that be reported next. */
static inline void note_emulation(struct rs_lane *lane, const struct rs_event *event)
{
	lane->emulated = lane->events;
	lane->gfn = event->page.gfn;
}

/* The answer to the handler's usual reply, if it is not plain: a fast step. False: not to this event. */
static inline bool write_usual(const struct rs_engine *engine, const struct rs_known *known,
			       struct rs_turn *turn)
{
	struct rs_wire *answer = (void *)turn->slot;

	/* It would end the stepping that somebody has asked for. */
	if (engine->lanes[turn->event.vcpu].stepping || rs_load_relaxed(&engine->traps.count))
		return false;
	answer->altp2m_idx = 0;
	answer->u.fast_singlestep_p2midx = turn->event.view;
	rs_store_relaxed(&answer->flags, known->flags);
	return true;
}

static inline bool is_usual(const struct rs_known *known, const struct rs_reply *reply)
{
	uint64_t words[2];

	memcpy(words, reply, sizeof(words));
	return words[0] == known->usual[0] && words[1] == known->usual[1];
}

/* From a reply that is not plain to the answer. */
NEVER_INLINE int answer(struct rs_worker *worker, struct rs_turn *turn, uint32_t index,
			const struct rs_reply *reply)
{
	struct rs_known *known = worker->straight.last;
	bool empty = turn->answer.data == RS_ANSWER_EMPTY;

	if (reply->action == RS_ACTION_LATER)
		return keep(worker, turn, index, reply);
	if (empty)
		rs_known_expect(known, worker->engine, &turn->event, reply);
	if (empty && rs_known_may_emulate(known, reply) &&
	    rs_past_is_plain(worker->engine, &turn->event, reply->action == RS_ACTION_EMULATE)) {
		note_emulation(&worker->engine->lanes[turn->event.vcpu], &turn->event);
		write_flags(turn, RS_FLAG_VCPU_PAUSED | RS_FLAG_EMULATE);
	} else if (rs_known_is_skipped(turn, reply)) {
		write_registers(turn);
	} else {
		write_other(worker, turn, index, reply);
	}
	return ANSWERED;
}

/* Its handler's turn, as far as its answer: an enum outcome or -errno. */
ALWAYS_INLINE int handle(struct rs_engine *engine, struct rs_worker *worker, struct rs_turn *turn,
			 uint64_t number, const struct rs_known *known)
{
	struct rs_reply reply;
	uint64_t first_word;
	int result;

	reply = known->handler(&turn->event, known->user);
	memcpy(&first_word, &reply, sizeof(first_word));
	if (LIKELY(first_word == known->plain && turn->answer.data == RS_ANSWER_EMPTY)) {
		write_flags(turn, RS_FLAG_VCPU_PAUSED);
	} else if (!LIKELY(turn->answer.data == RS_ANSWER_EMPTY && is_usual(known, &reply) &&
			   write_usual(engine, known, turn))) {
		result = answer(worker, turn, (uint32_t)number, &reply);
		if (!LIKELY(result == ANSWERED))
			return result;
	}
	rs_store_release(&turn->record->answer, number);
	/* Whoever answers it from now on comes too late. */
	rs_store_relaxed(&turn->state, 0);
	return ANSWERED;
}

/* Most likely it is the same watch again: that, or `none`. */
ALWAYS_INLINE const struct rs_known *begin_visit(struct rs_engine *engine,
						 struct rs_worker *worker,
						 const struct rs_known *known, uint32_t begin)
{
	struct rs_straight *straight = &worker->straight;

	straight->first = begin;
	straight->seen = rs_ticks();
	rs_store_relaxed(&straight->began, straight->seen);
	rs_rcu_publish(&worker->running, known->rule); /* Q1, R1 */
	return LIKELY(rs_known_is_current(engine->table, known)) ? known : &straight->none;
}

/* After a handler, before the next one: of a watch that is quick and still there it may be. */
NEVER_INLINE const struct rs_known *look_twice(struct rs_worker *worker, uint32_t index)
{
	const struct rs_known *known = worker->straight.last;

	if (rs_load_relaxed(&known->rule->pace.held) && put_early(worker, index))
		return NULL;
	return rs_load_relaxed(&known->rule->pace.gone) ? &worker->straight.none : known;
}

/* What remains of a visit whose last request was not answered here. Returns how many were. */
NEVER_INLINE int end_otherwise(struct rs_worker *worker, uint32_t begin, uint32_t index, int result)
{
	/* Another thread may put its answer by now: nothing here is ours alone any more. */
	if (result == KEPT)
		return rs_worker_visit_lanes(worker, (int)(index - begin) + 1);
	if (result >= 0)
		result = put_early(worker, index);
	end_running(worker->engine, worker);
	return result < 0 ? result : rs_worker_visit_lanes(worker, (int)(index - begin));
}

/* -- asleep -- */

/* As watch() in wait.c, where nothing can be under way and nobody spins. */
ALWAYS_INLINE int sleep_alone(struct rs_engine *engine, struct rs_worker *worker,
			      struct pollfd fds[2], int timeout_ms)
{
	static const struct rs_doorbell_calls calls = RS_XEN_PORT_CALLS;
	struct rs_doorbell *doorbell = &engine->doorbell;
	int error;

	if (!doorbell->armed) {
		error = calls.unmask(&engine->port); /* S1 */
		if (error)
			return error;
		doorbell->armed = true;
		if (rs_load_acquire(&engine->ring.page->req_prod) != engine->ring.req_cons)
			return RS_DOORBELL_WORK;
	}
	rs_add_own(&worker->counters.sleeps, 1);
	/* Who stops us makes wake_fd readable, whether we sleep or not. */
	return rs_doorbell_block_at(doorbell, &calls, &engine->port, fds, timeout_ms);
}

/* -- the loop -- */

/* A request that is not for the watch that was the last one's: *known is its, or it is LEFT. */
NEVER_INLINE int prepare(struct rs_worker *worker, struct rs_turn *turn, uint32_t index,
			 const struct rs_known **known)
{
	*known = look_again(worker, index, (const void *)turn->record->message);
	if (!*known)
		return leave_request(turn);
	return rs_load_relaxed(&(*known)->rule->pace.held) ? put_early(worker, index) : ANSWERED;
}

/*
 * Handles the requests from *number on, whose turns begin with *turn and which are most likely for
 * *known; all three go on with them, to the end. False: not all of them, or something else besides;
 * *handled gets how many there were, or -errno. `direct` as in put; `avx`: how to copy.
 */
ALWAYS_INLINE bool handle_all(struct rs_engine *engine, struct rs_worker *worker,
			      struct rs_turn **turn, const struct rs_known **known,
			      uint64_t *number, uint32_t end, bool direct, bool avx, int *handled)
{
	uint32_t begin = (uint32_t)*number;
	int result;

	*known = begin_visit(engine, worker, *known, begin);
	for (;;) {
		struct rs_record_turn *record = (*turn)->record;
		const struct rs_wire *wire = (const void *)record->message;
		uint32_t vcpu;
		bool same;

		begin_copy(&engine->ring, record, *number);
		same = avx ? rs_copy_avx(record->message, (*turn)->slot, &(*known)->head)
			   : rs_copy_sse2(record->message, (*turn)->slot, &(*known)->head);
		rs_compiler_barrier();
		vcpu = wire->vcpu_id;
		if (!LIKELY(same && vcpu < engine->ring.vcpu_count)) {
			result = prepare(worker, *turn, (uint32_t)*number, known);
			if (result != ANSWERED)
				break;
		}
		/* T2 to who reads the record. The ring's own is noted by put. */
		rs_store_release(&engine->record->req_cons, (uint32_t)*number + 1);
		begin_event(engine, *turn, wire, *known);
		rs_add_own(&engine->lanes[vcpu].events, 1);
		result = handle(engine, worker, *turn, *number, *known);
		if (!LIKELY(result == ANSWERED))
			break;
		*turn = (*turn)->next;
		if ((uint32_t)++*number == end) {
			result = put(engine, worker, *known, end, direct, true);
			end_running(engine, worker);
			*handled = result ? result : (int)(end - begin);
			return !result;
		}
		if (!LIKELY(!rs_load_relaxed(&(*known)->rule->pace.all))) {
			*known = look_twice(worker, (uint32_t)*number);
			result = LEFT;
			if (!*known)
				break;
		}
	}
	*handled = end_otherwise(worker, begin, (uint32_t)*number, result);
	return false;
}

/* Nothing is under way, and nobody else can put: he would need a turn. */
static bool is_alone(const struct rs_worker *worker)
{
	const struct rs_engine *engine = worker->engine;

	return rs_load_acquire(&engine->unused) == ALL_TURNS && /* F1 */
	       !worker->pulling &&
	       !rs_load_acquire(&engine->responder.word) && /* C2 */
	       engine->ring.rsp_prod == engine->ring.req_cons;
}

/* How many requests wait: more than there can be, too, if their numbers begin anew among them. */
static inline uint64_t pending(const struct rs_ring *ring, uint64_t number)
{
	return (uint64_t)rs_load_acquire(&ring->page->req_prod) - (uint32_t)number; /* T1 */
}

int rs_straight_visit(struct rs_worker *worker)
{
	struct rs_engine *engine = worker->engine;
	uint64_t number = engine->ring.req_cons | RS_RECORD_SET;
	uint64_t count = pending(&engine->ring, number);
	struct rs_turn *turn = &engine->turns[number % RS_RING_SLOTS];
	const struct rs_known *known = worker->straight.last;
	int handled = 0;

	if (!is_alone(worker) || count > RS_RING_SLOTS)
		return rs_worker_visit_lanes(worker, 0);
	if (count)
		handle_all(engine, worker, &turn, &known, &number, (uint32_t)(number + count),
			   false, false, &handled);
	return handled;
}

/* `ours`: to sleep is all there is to waiting. */
ALWAYS_INLINE int serve(struct rs_worker *worker, bool ours, bool avx)
{
	struct rs_engine *engine = worker->engine;
	int timeout_ms = engine->release_fd < 0 ? RS_LOOK_MS : -1;
	uint64_t number = engine->ring.req_cons | RS_RECORD_SET;
	struct rs_turn *turn = &engine->turns[number % RS_RING_SLOTS];
	const struct rs_known *known = worker->straight.last;
	struct pollfd fds[2];
	int result = rs_doorbell_fds(&engine->doorbell, fds), handled;

	if (result)
		return result;
	while (!rs_load_relaxed(&engine->stop)) {
		uint64_t count = pending(&engine->ring, number);

		if (!count) {
			result = ours ? sleep_alone(engine, worker, fds, timeout_ms)
				      : rs_wait(worker, -1);
			if (!LIKELY(result == RS_DOORBELL_WORK))
				return result;
			continue;
		}
		if (!LIKELY(count <= RS_RING_SLOTS &&
			    handle_all(engine, worker, &turn, &known, &number,
				       (uint32_t)(number + count), true, avx, &handled)))
			break;
	}
	return RS_DOORBELL_WORK;
}

NEVER_INLINE int serve_asleep(struct rs_worker *worker)
{
	return serve(worker, true, true);
}

NEVER_INLINE int serve_awake(struct rs_worker *worker)
{
	return serve(worker, false, true);
}

NEVER_INLINE int serve_without_avx(struct rs_worker *worker)
{
	return serve(worker, false, false);
}

int rs_straight_serve(struct rs_worker *worker)
{
	const struct rs_engine *engine = worker->engine;

	if (!is_alone(worker) || engine->doorbell.calls != &rs_xen_port_calls)
		return RS_DOORBELL_WORK;
	if (!engine->straight_avx)
		return serve_without_avx(worker);
	return engine->waiting == RS_WAIT_SPIN || engine->may_spin ? serve_awake(worker)
								   : serve_asleep(worker);
}

void rs_straight_open(struct rs_engine *engine)
{
	engine->straight = engine->worker_count == 1 && !engine->on_message && rs_rcu_can_publish();
	engine->straight_avx = __builtin_cpu_supports("avx");
	engine->ring.mirror = &engine->record->req_cons;
	for (uint32_t i = 0; i < RS_RING_SLOTS; i++) {
		engine->turns[i].slot = rs_ring_slot(&engine->ring, i);
		engine->turns[i].next = &engine->turns[(i + 1) % RS_RING_SLOTS];
	}
	for (uint32_t i = 0; i < engine->worker_count; i++) {
		struct rs_straight *straight = &engine->workers[i].straight;

		straight->none.head = rs_known_no_head;
		straight->last = &straight->none;
	}
}
