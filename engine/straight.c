/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* straight.c: copy, look up, handle, write the answer where the request was; then count. */
#include "engine/straight.h"

#include <emmintrin.h>
#include <stddef.h>
#include <string.h>

#include "engine/private.h"
#include "engine/rcu.h"
#include "engine/visit.h"
#include "engine/wait.h"
#include "engine/wire.h"
#include "ring/atomics.h"
#include "ring/copy.h"
#include "xen/error.h"
#include "xen/port.h"

#define ALL_TURNS ((1ULL << RS_TURNS) - 1)
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

/* -- from the ring and to it -- */

/* The next request is to be copied into its turn. It is not taken yet. */
static inline void begin_copy(const struct rs_ring_page *page, struct rs_record_turn *record,
			      uint64_t number)
{
	rs_store_relaxed(&record->request, number);
	rs_store_release(&record->answer, 0);
	/* P2, X2, X1, T1: what lay in the slot before, Xen had consumed. */
	rs_tsan_acquire(&page->rsp_prod);
}

/* What decode.c does, for these kinds, but for the payload; and turn.h's beginning of a turn. */
static inline void begin_event(struct rs_straight *straight, struct rs_turn *turn,
			       const struct rs_wire *wire, const struct rs_known *known)
{
	struct rs_event *event = &turn->event;
	uint64_t serial = straight->serial + 1;

	_mm_store_si128((void *)event, _mm_shuffle_epi32(_mm_load_si128((const void *)wire),
							 HEAD_OF_EVENT));
	memcpy(&event->view, &known->event_view, sizeof(known->event_view));
	straight->serial = event->serial = serial;
	/* Plain: nobody knows of this event yet. */
	rs_store_relaxed(&turn->state, serial);
}

/* All that is answered, to Xen; then what was done is counted. `direct`: Linux's own event channel. */
ALWAYS_INLINE int put(struct rs_worker *worker, struct rs_known *known, uint32_t end, uint32_t count,
		      bool direct, bool lone)
{
	struct rs_straight *straight = &worker->straight;
	uint64_t ended = rs_ticks(), ticks;
	uint32_t notify_ticks;
	int error;

	/* P2: releases our answers to X2. */
	rs_store_release(&straight->page->rsp_prod, end);
	error = direct ? rs_xen_port_notify(&straight->port)
		       : rs_doorbell_notify(&worker->engine->doorbell);
	notify_ticks = (uint32_t)rs_ticks() - (uint32_t)ended;
	if (!RS_LIKELY(!error))
		return rs_visit_fail(worker, end, error);
	if (!lone && !RS_LIKELY(!straight->is_split)) {
		rs_visit_end_split(worker, end, ended, ended + notify_ticks);
		return 0;
	}
	ticks = ended - straight->seen;
	rs_counters_visit(&worker->counters, known->counters, ticks, notify_ticks,
			  lone ? 1 : count);
	if (!RS_LIKELY(ticks < known->quick_ticks))
		rs_visit_learn(worker->engine, known, ticks / count);
	return 0;
}

/* -- the handler's reply -- */

/* The answer to the handler's usual reply, if it is not plain. A breakpoint's is a fast step. */
static inline bool write_usual(struct rs_worker *worker, const struct rs_known *known,
			       struct rs_turn *turn)
{
	return known->kind == RS_BREAKPOINT ? rs_visit_write_step(worker->engine, turn)
					    : rs_visit_write_usual(worker, known, turn);
}

/* Its handler's turn, as far as its answer: an enum rs_outcome or -errno. */
ALWAYS_INLINE int handle(struct rs_worker *worker, struct rs_turn *turn,
			 struct rs_record_turn *record, uint64_t number,
			 const struct rs_known *known)
{
	const struct rs_reply reply = known->handler(&turn->event, known->user);
	uint64_t first_word;
	int result;

	memcpy(&first_word, &reply, sizeof(first_word));
	if (RS_LIKELY(first_word == known->plain && !rs_is_set(&turn->answer.data))) {
		rs_visit_write_flags(turn, RS_FLAG_VCPU_PAUSED);
	} else if (!RS_LIKELY(!rs_is_set(&turn->answer.data) && rs_known_is_usual(known, &reply) &&
			   write_usual(worker, known, turn))) {
		result = rs_visit_answer(worker, turn, number, reply);
		if (!RS_LIKELY(result == RS_ANSWERED))
			return result;
	}
	rs_store_release(&record->answer, number);
	/* Whoever answers it from now on comes too late. */
	rs_store_relaxed(&turn->state, 0);
	return RS_ANSWERED;
}

/* Most likely it is the same watch again: that, or `none`. */
ALWAYS_INLINE struct rs_known *begin_visit(struct rs_worker *worker, struct rs_known *known,
					   uint32_t begin)
{
	struct rs_straight *straight = &worker->straight;

	straight->begin = begin;
	straight->seen = rs_ticks();
	rs_rcu_publish(&worker->running, known->rule); /* Q1, R1 */
	return RS_LIKELY(!rs_is_set(&straight->attention)) ? known : &straight->none;
}

/* -- asleep -- */

/* How many requests wait. */
static inline uint32_t pending(const struct rs_ring_page *page, uint64_t number)
{
	return rs_load_acquire(&page->req_prod) - (uint32_t)number; /* T1 */
}

/* As watch() in wait.c, where nothing can be under way and nobody spins. `next`: the next request. */
ALWAYS_INLINE int sleep_alone(struct rs_worker *worker, uint64_t next, int sleep_fd)
{
	struct rs_straight *straight = &worker->straight;
	int result, rang;

	if (RS_LIKELY(!straight->armed)) {
		result = rs_xen_port_unmask(&straight->port); /* S1 */
		if (!RS_LIKELY(!result))
			return result;
		if (pending(straight->page, next)) {
			straight->armed = true;
			return RS_DOORBELL_WORK;
		}
	} else {
		straight->armed = false;
	}
	rs_wait_settle(worker);
	rs_add_own(&worker->counters.sleeps, 1);
	/* Who stops us makes wake_fd readable, whether we sleep or not. */
	result = rs_doorbell_sleep(sleep_fd, -1);
	if (RS_LIKELY(result == RS_DOORBELL_WORK)) {
		rang = rs_xen_port_pending(&straight->port);
		return RS_LIKELY(rang > 0) ? RS_DOORBELL_WORK : rang;
	}
	straight->armed = true;
	return result;
}

/* -- the loop -- */

/* Where the worker is, from one visit to the next. */
struct place {
	struct rs_turn *turn;   /* of the next request, */
	uint64_t number;        /* which is that one */
	struct rs_known *known; /* and most likely for that watch */
};

/*
 * Handles `count` requests from `place` on. False: not all of them, or something else besides;
 * *handled gets how many there were, or -errno. `direct` as in put; `avx`: how to copy; `lone`: there
 * is one.
 */
ALWAYS_INLINE bool handle_all(struct rs_worker *worker, struct place *place, uint32_t count,
			      bool direct, bool avx, bool lone, int *handled)
{
	struct rs_straight *straight = &worker->straight;
	struct rs_known *known = place->known;
	struct rs_turn *turn = place->turn;
	uint64_t number = place->number;
	uint64_t end = number + count;
	int result;

	known = begin_visit(worker, known, (uint32_t)number);
	for (;;) {
		struct rs_record_turn *record = turn->record;
		const struct rs_wire *wire = (const void *)record->message;
		void *payload = &turn->event.page;
		uint64_t vcpu;
		bool same;

		begin_copy(straight->page, record, number);
		same = avx ? rs_copy_avx(record->message, turn->slot, &known->head, payload)
			   : rs_copy_sse2(record->message, turn->slot, &known->head, payload);
		rs_compiler_barrier();
		vcpu = wire->vcpu_id;
		if (!RS_LIKELY(same && vcpu < straight->vcpu_count)) {
			known = rs_visit_prepare(worker, turn, (uint32_t)number);
			result = RS_LEFT;
			if (!known)
				break;
		}
		/* T2 to who reads the record. The ring's own is noted when this way is left. */
		rs_store_release(&straight->record->req_cons, (uint32_t)(number + 1));
		begin_event(straight, turn, wire, known);
		rs_add_own(&straight->lanes[vcpu].events, 1);
		result = handle(worker, turn, record, number, known);
		if (!RS_LIKELY(result == RS_ANSWERED))
			break;
		turn = turn->next;
		number++;
		if (lone || number == end) {
			result = put(worker, known, (uint32_t)number, count, direct, lone);
			/* R2 */
			rs_store_release(&worker->running, (struct rs_rule *)NULL);
			*place = (struct place){ turn, number, known };
			*handled = result ? result : (int)count;
			return !result;
		}
		if (!RS_LIKELY(!rs_is_set(&known->rule->pace.all))) {
			known = rs_visit_look_twice(worker, (uint32_t)number);
			result = RS_LEFT;
			if (!known)
				break;
		}
	}
	*handled = rs_visit_end_otherwise(worker, (uint32_t)number, result);
	return false;
}

/* Somebody wants to be looked at: whoever stops us, or changes the table, or buries a rule. */
NEVER_INLINE bool attend(struct rs_worker *worker)
{
	struct rs_engine *engine = worker->engine;

	/* A2: acquires A1. */
	rs_exchange_seq_cst(&worker->straight.attention, 0);
	if (rs_load_seq_cst(&engine->leaving))
		rs_rules_bury(engine);
	return !rs_load_relaxed(&engine->stop);
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

/* The next request, and what was known when this way was left. */
static struct place place_of(struct rs_worker *worker)
{
	struct rs_engine *engine = worker->engine;
	struct rs_known *known = worker->straight.last;

	worker->straight.serial = engine->serials;
	return (struct place){
		.number = engine->ring.req_cons | RS_RECORD_SET,
		.turn = &engine->turns[engine->ring.req_cons % RS_RING_SLOTS],
		.known = rs_known_is_current(engine->table, known) ? known : &worker->straight.none,
	};
}

int rs_straight_visit(struct rs_worker *worker)
{
	struct place place = place_of(worker);
	uint32_t count = pending(worker->straight.page, place.number);
	int handled = 0;

	if (!is_alone(worker) || count > RS_RING_SLOTS)
		return rs_worker_visit_lanes(worker, 0);
	if (count && handle_all(worker, &place, count, false, false, false, &handled)) {
		rs_visit_note(worker, (uint32_t)place.number);
		rs_visit_end_running(worker);
	}
	return handled;
}

/* `ours`: to sleep is all there is to waiting. */
ALWAYS_INLINE int wait_at(struct rs_worker *worker, const struct place *place, bool ours)
{
	if (ours)
		return sleep_alone(worker, place->number, worker->engine->doorbell.sleep_fd);
	rs_visit_note(worker, (uint32_t)place->number);
	return rs_wait(worker, -1);
}

/* Until it has to be left; returns as rs_straight_serve. */
ALWAYS_INLINE int serve_from(struct rs_worker *worker, struct place *place, bool ours, bool avx)
{
	const struct rs_ring_page *page = worker->straight.page;
	int result, handled;
	bool all;

	for (;;) {
		uint32_t count = pending(page, place->number);

		if (!count) {
			result = wait_at(worker, place, ours);
			if (!RS_LIKELY(result == RS_DOORBELL_WORK))
				break;
			count = pending(page, place->number);
		}
		result = RS_DOORBELL_WORK;
		/* Who was only called finds nothing there. */
		if (RS_LIKELY(count == 1))
			all = handle_all(worker, place, 1, true, avx, true, &handled);
		else if (!count)
			all = true;
		else if (RS_LIKELY(count <= RS_RING_SLOTS))
			all = handle_all(worker, place, count, true, avx, false, &handled);
		else
			break;
		if (!RS_LIKELY(all))
			return result;
		if (!RS_LIKELY(!rs_is_set(&worker->straight.attention))) {
			place->known = &worker->straight.none;
			if (!attend(worker))
				break;
		}
	}
	rs_visit_note(worker, (uint32_t)place->number);
	return result;
}

ALWAYS_INLINE int serve(struct rs_worker *worker, bool ours, bool avx)
{
	struct rs_doorbell *doorbell = &worker->engine->doorbell;
	struct place place = place_of(worker);
	int result;

	worker->straight.armed = doorbell->armed;
	result = serve_from(worker, &place, ours, avx);
	if (ours)
		doorbell->armed = worker->straight.armed;
	return result;
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
		straight->page = engine->ring.page;
		straight->record = engine->record;
		straight->lanes = engine->lanes;
		straight->vcpu_count = engine->ring.vcpu_count;
		straight->port = engine->port;
	}
}
