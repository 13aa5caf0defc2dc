/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* straight.c: copy, look up, handle, write the answer where the request was; then count. */
#include "engine/straight.h"

#include <immintrin.h>
#include <stddef.h>
#include <string.h>

#include "engine/layout.h"
#include "engine/past.h"
#include "engine/private.h"
#include "engine/rcu.h"
#include "engine/registers.h"
#include "engine/wire.h"
#include "ring/atomics.h"
#include "ring/copy.h"
#include "xen/error.h"

#define ALL_TURNS ((1ULL << RS_TURNS) - 1)
#define ACCESS_ALL (RS_ACCESS_R | RS_ACCESS_W | RS_ACCESS_X)
#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define NEVER_INLINE static __attribute__((noinline))

/* Their payload lies in the event as it does in the message, and no state of the lane matters. */
#define STRAIGHT_KINDS \
	(1U << RS_PAGE | 1U << RS_CR | 1U << RS_MSR | 1U << RS_BREAKPOINT | \
	 1U << RS_GUEST_REQUEST | 1U << RS_DEBUG | 1U << RS_CPUID)
/* Xen has seen to these: to go on is no more than to resume. */
#define ANSWERED_KINDS (1U << RS_CR | 1U << RS_MSR | 1U << RS_GUEST_REQUEST)

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

/*
 * Where in a message the key is that its watch is looked up by, and which of its bits. Of all that
 * a reason can be there is one, in its lower bits: only those of straight kinds are ever found.
 */
#define KEYS 32
_Static_assert(RS_KIND_COUNT <= KEYS, "a key for each kind");
static const uint64_t key_offsets[KEYS] = {
	[RS_PAGE] = offsetof(struct rs_wire, u.page.gfn),
	[RS_CR] = offsetof(struct rs_wire, u.cr.index),
	[RS_MSR] = offsetof(struct rs_wire, u.msr.msr),
	[RS_BREAKPOINT] = RS_LAYOUT_RIP,
};
static const uint64_t key_masks[KEYS] = {
	[RS_PAGE] = UINT64_MAX,
	[RS_CR] = UINT32_MAX,
	[RS_MSR] = UINT64_MAX,
	[RS_BREAKPOINT] = UINT64_MAX,
};

/* Of a request that was copied. */
enum outcome {
	ANSWERED,
	LEFT, /* on the ring */
	KEPT, /* by its handler; nor is anything else ours any more */
};

/* -- counting -- */

/* Handlers that have run until `now`; they share the time evenly. */
ALWAYS_INLINE void end_stage(struct rs_worker *worker, uint32_t index, uint64_t now)
{
	struct rs_straight *straight = &worker->straight;
	uint32_t count = index - straight->first;
	uint64_t ticks = now - straight->began;

	if (count > 1)
		ticks /= count;
	rs_counters_stage(&worker->counters, (enum rs_kind)straight->kind,
			  straight->began - straight->seen, ticks, count);
	rs_pace_learn(&worker->running->pace, ticks, worker->engine);
	straight->first = index;
}

/* -- which watch -- */

/* What ran has ended, and who waited for that may go on. */
static inline void end_running(struct rs_worker *worker)
{
	/* R2, R3: with one worker the handler that removed a watch was ours. */
	rs_store_release(&worker->running, (struct rs_rule *)NULL);
	if (!LIKELY(!rs_load_seq_cst(&worker->engine->leaving)))
		rs_rules_bury(worker->engine);
}

/* What a reply begins with that asks for nothing but to resume. */
static uint64_t plain_reply(uint32_t kind)
{
	return ANSWERED_KINDS >> kind & 1 ? RS_ACTION_CONTINUE : RS_ACTION_RESUME;
}

/* Looks a key up in the table. False: none wants it, or several, or there is a filter. */
static bool find(struct rs_worker *worker, struct rs_known *known, uint32_t kind, uint64_t key)
{
	const struct rs_table *table = worker->engine->table;
	uint64_t changes = rs_load_acquire(rs_table_changes(table)), order = 0;
	struct rs_rule *rule;
	bool more, alone;

	if (kind >= RS_KIND_COUNT || !(STRAIGHT_KINDS >> kind & 1))
		return false;
	/* It may be one that the engine placed, which only those watches are to see. */
	if (kind == RS_BREAKPOINT && rs_table_has(table, RS_TABLE_TRAPS))
		return false;
	rs_rcu_begin();
	rule = rs_table_next(table, (enum rs_kind)kind, key, 0, &order, &more);
	alone = rule && !more && !rule->filtered && rule->options.handler;
	if (alone)
		*known = (struct rs_known){
			.key = key,
			.changes = changes,
			.rule = rule,
			.plain = plain_reply(kind),
			.kind = kind,
			.wanted = kind == RS_PAGE ? ACCESS_ALL & ~rule->options.page.access : 0,
		};
	rs_rcu_done();
	return alone;
}

/* Another watch's turn. */
static void change_rule(struct rs_worker *worker, uint32_t index, const struct rs_known *known)
{
	struct rs_straight *straight = &worker->straight;

	if (index != straight->first) {
		uint64_t now = rs_ticks();

		end_stage(worker, index, now);
		straight->began = now;
	}
	end_running(worker);
	straight->rule = known->rule;
	straight->kind = known->kind;
	rs_rcu_publish(&worker->running, known->rule); /* Q1, R1 */
}

static inline uint64_t key_of(const struct rs_wire *wire)
{
	uint32_t kind = wire->reason % KEYS;
	uint64_t key;

	memcpy(&key, (const char *)wire + key_offsets[kind], sizeof(key));
	key &= key_masks[kind];
	if (kind == RS_PAGE && wire->flags & RS_FLAG_ALTERNATE_P2M)
		key = rs_table_page_key(wire->altp2m_idx, key);
	return key;
}

static inline struct rs_known *known_at(struct rs_worker *worker, uint32_t kind, uint64_t key)
{
	return &worker->known[(key + kind) % RS_KNOWN_COUNT];
}

/* The one watch that wants it, if it was found before, is still there, and runs. Or NULL. */
static inline const struct rs_known *look_up(struct rs_worker *worker, const struct rs_wire *wire)
{
	uint64_t key = key_of(wire);
	const struct rs_known *known = known_at(worker, wire->reason, key);

	if (!LIKELY(known->key == key && known->kind == wire->reason &&
		    worker->running == known->rule &&
		    /* Q1: after `running`, which we have stored ourselves. */
		    rs_load_acquire(rs_table_changes(worker->engine->table)) == known->changes))
		return NULL;
	if (wire->reason == RS_PAGE && !(wire->u.page.flags & known->wanted))
		return NULL;
	return known;
}

/* The same in all other cases. */
NEVER_INLINE const struct rs_known *look_again(struct rs_worker *worker, uint32_t index,
					       const struct rs_wire *wire)
{
	uint64_t key = key_of(wire);
	struct rs_known *known = known_at(worker, wire->reason, key);

	if ((known->key != key || known->kind != wire->reason ||
	     known->changes != rs_load_acquire(rs_table_changes(worker->engine->table))) &&
	    !find(worker, known, wire->reason, key))
		return NULL;
	if (worker->running != known->rule)
		change_rule(worker, index, known);
	return look_up(worker, wire);
}

/* -- from the ring and to it -- */

/* T2, and before it to who reads the record: see ring.h, where there may be none. */
static inline void consume(struct rs_engine *engine, uint32_t index)
{
	rs_store_release(&engine->record->req_cons, index);
	rs_store_release(&engine->ring.req_cons, index);
}

/* The next request is to be copied into its turn. It is not taken yet. */
static inline void begin_copy(const struct rs_ring *ring, struct rs_record_turn *record,
			      uint32_t index)
{
	rs_store_relaxed(&record->request, index | RS_RECORD_SET);
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

/* Ours to read, and its vCPU waits. */
static inline bool is_sound(const struct rs_ring *ring, const struct rs_wire *wire)
{
	return wire->version == ring->version && wire->vcpu_id < ring->vcpu_count &&
	       wire->flags & RS_FLAG_VCPU_PAUSED;
}

/* What decode.c does, for these kinds, and turn.h's beginning of a turn. */
static inline void begin_event(struct rs_engine *engine, struct rs_turn *turn,
			       const struct rs_wire *wire)
{
	struct rs_event *event = &turn->event;
	const __m128i *from = (const void *)wire;
	__m128i *head = (void *)event, *payload = (void *)&event->page;

	_mm_store_si128(head, _mm_shuffle_epi32(_mm_load_si128(from), HEAD_OF_EVENT));
	event->view = wire->flags & RS_FLAG_ALTERNATE_P2M ? wire->altp2m_idx : 0;
	event->synchronous = true;
	from = (const void *)&wire->u;
	_mm_storeu_si128(payload, _mm_loadu_si128(from));
	_mm_storeu_si128(payload + 1, _mm_loadu_si128(from + 1));
	event->serial = ++engine->serials;
	/* Plain: nobody knows of this event yet. */
	rs_store_relaxed(&turn->state, event->serial << RS_TURN_SERIAL_SHIFT);
}

/* The request's own head, and of its flags only that the vCPU waits; and `flags`. */
static inline void write_head(struct rs_turn *turn, const struct rs_wire *wire, uint32_t flags)
{
	__m128i head = _mm_load_si128((const void *)wire);

	head = _mm_and_si128(head, _mm_setr_epi32(-1, RS_FLAG_VCPU_PAUSED, -1, -1));
	if (flags)
		head = _mm_or_si128(head, _mm_setr_epi32(0, (int)flags, 0, 0));
	_mm_storeu_si128((void *)turn->slot, head);
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

/* Xen looks at the payload whether the page is still closed. */
static void write_emulate(struct rs_lane *lane, struct rs_turn *turn, const struct rs_wire *wire)
{
	lane->emulating = true;
	lane->gfn = wire->u.page.gfn;
	write_head(turn, wire, RS_FLAG_EMULATE);
	memcpy(turn->slot + offsetof(struct rs_wire, u), &wire->u, sizeof(wire->u));
}

/* All that Xen sets of a vCPU, as it was asked for, and found sound. */
static void write_registers(struct rs_lane *lane, struct rs_turn *turn, const struct rs_wire *wire)
{
	lane->emulating = false;
	write_head(turn, wire, RS_FLAG_SET_REGISTERS);
	memcpy(turn->slot + RS_ANSWER_HEAD_SIZE, turn->answer.message + RS_ANSWER_HEAD_SIZE,
	       sizeof(struct rs_registers));
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

/* All that is written, to Xen; then what was done is counted. */
ALWAYS_INLINE int put(struct rs_worker *worker, uint32_t index)
{
	struct rs_engine *engine = worker->engine;
	struct rs_ring *ring = &engine->ring;
	uint32_t count = index - ring->rsp_prod;
	uint64_t now = rs_ticks();
	int error;

	rs_ring_push_to(ring, index);
	error = rs_doorbell_notify(&engine->doorbell);
	if (index != worker->straight.first)
		end_stage(worker, index, now);
	worker->straight.began = now = rs_ticks();
	rs_counters_batch(&worker->counters, now - worker->straight.seen, count);
	return LIKELY(!error) ? 0 : fail(engine, error);
}

/* Before a handler that may take longer than a notify. */
NEVER_INLINE int put_early(struct rs_worker *worker, uint32_t index)
{
	return put(worker, index);
}

/* Before it is kept, when anybody may answer it: all that the general path wants to find. */
static int keep(struct rs_worker *worker, struct rs_turn *turn, uint32_t index,
		const struct rs_reply *reply)
{
	struct rs_engine *engine = worker->engine;
	int error = index != engine->ring.rsp_prod ? put_early(worker, index) : 0;

	complete(worker, turn, index);
	rs_answer_resume(&turn->answer, &turn->event);
	end_running(worker);
	rs_count(&worker->counters, &worker->counters.requests, 1);
	rs_and_acq_rel(&engine->unused, ~(1ULL << turn->number));
	rs_lane_push(turn->lane, turn->number);
	if (rs_turn_end(worker, turn, *reply))
		worker->finished |= 1ULL << turn->number;
	return error ? error : KEPT;
}

/* Of a page fault Xen emulates the instruction, without more ado, as settle.c would have it do. */
static inline bool is_emulated(const struct rs_turn *turn, const struct rs_wire *wire,
			       const struct rs_reply *reply)
{
	if (wire->reason != RS_PAGE || reply->flags || turn->answer.data != RS_ANSWER_EMPTY)
		return false;
	return (reply->action == RS_ACTION_EMULATE || reply->action == RS_ACTION_CONTINUE) &&
	       rs_past_is_plain(turn->engine, &turn->event, reply->action == RS_ACTION_EMULATE);
}

/*
 * A breakpoint or a CPUID that is moved past, which is all that was asked for: by the handler or, of
 * CPUID, by default. Then it is in the answer's registers.
 */
static bool is_skipped(struct rs_turn *turn, const struct rs_wire *wire,
		       const struct rs_reply *reply)
{
	const struct rs_registers *registers;
	bool cpuid = wire->reason == RS_CPUID;

	if ((wire->reason != RS_BREAKPOINT && !cpuid) || reply->action > RS_ACTION_RESUME)
		return false;
	if (cpuid && reply->action == RS_ACTION_CONTINUE && !reply->flags &&
	    turn->answer.data == RS_ANSWER_EMPTY)
		rs_answer_registers(&turn->event);
	else if (reply->flags != RS_REPLY_SET_REGISTERS || turn->answer.data != RS_ANSWER_REGISTERS)
		return false;
	registers = (const void *)(turn->answer.message + RS_ANSWER_HEAD_SIZE);
	return registers->rip != rs_event_rip(&turn->event) &&
	       !rs_registers_check(registers, &turn->event);
}

/* From a reply that is not plain to the answer. */
NEVER_INLINE int answer(struct rs_worker *worker, struct rs_turn *turn, uint32_t index,
			const struct rs_reply *reply)
{
	const struct rs_wire *wire = (const void *)turn->record->message;
	struct rs_lane *lane = &worker->engine->lanes[wire->vcpu_id];

	if (reply->action == RS_ACTION_LATER)
		return keep(worker, turn, index, reply);
	if (is_emulated(turn, wire, reply))
		write_emulate(lane, turn, wire);
	else if (is_skipped(turn, wire, reply))
		write_registers(lane, turn, wire);
	else
		write_other(worker, turn, index, reply);
	return ANSWERED;
}

/* The request that was copied, as far as its answer: an enum outcome or -errno. */
ALWAYS_INLINE int handle(struct rs_worker *worker, struct rs_turn *turn, uint32_t index)
{
	struct rs_engine *engine = worker->engine;
	const struct rs_wire *wire = (const void *)turn->record->message;
	const struct rs_known *known;
	const struct rs_rule *rule;
	struct rs_reply reply;
	struct rs_lane *lane;
	uint64_t first_word;
	int result;

	if (!LIKELY(is_sound(&engine->ring, wire)))
		return leave_request(turn);
	known = look_up(worker, wire);
	if (!LIKELY(known)) {
		known = look_again(worker, index, wire);
		if (!known)
			return leave_request(turn);
	}
	rule = known->rule;
	if (!LIKELY(!rs_load_relaxed(&rule->pace.held)) && index != engine->ring.rsp_prod) {
		result = put_early(worker, index);
		if (result)
			return result;
	}
	consume(engine, index + 1);
	begin_event(engine, turn, wire);
	reply = rule->options.handler(&turn->event, rule->options.user);
	memcpy(&first_word, &reply, sizeof(first_word));
	lane = &engine->lanes[wire->vcpu_id];
	rs_count_own(&lane->events, 1);
	if (LIKELY(first_word == known->plain && turn->answer.data == RS_ANSWER_EMPTY)) {
		lane->emulating = false;
		write_head(turn, wire, 0);
	} else {
		result = answer(worker, turn, index, &reply);
		if (result != ANSWERED)
			return result;
	}
	rs_store_release(&turn->record->answer, index | RS_RECORD_SET);
	/* Whoever answers it from now on comes too late. */
	rs_store_relaxed(&turn->state, 0);
	return ANSWERED;
}

/* Nobody else can put: he would need a turn. */
static inline bool may_begin(const struct rs_worker *worker)
{
	const struct rs_engine *engine = worker->engine;

	return !worker->pulling &&
	       !rs_load_acquire(&engine->responder.word) && /* C2 */
	       engine->ring.rsp_prod == engine->ring.req_cons;
}

ALWAYS_INLINE void begin_visit(struct rs_worker *worker, uint32_t begin)
{
	struct rs_straight *straight = &worker->straight;

	straight->first = begin;
	straight->seen = straight->began = rs_ticks();
	/* Most likely it is the same watch again. */
	rs_rcu_publish(&worker->running, straight->rule); /* Q1, R1 */
}

/* What remains of a visit whose last request was not answered here. */
NEVER_INLINE int end_otherwise(struct rs_worker *worker, uint32_t begin, uint32_t index, int result)
{
	/* Another thread may put its answer by now: nothing here is ours alone any more. */
	if (result == KEPT)
		return rs_worker_visit_lanes(worker, (int)(index - begin) + 1);
	if (result >= 0 && index != worker->engine->ring.rsp_prod)
		result = put(worker, index);
	end_running(worker);
	return result < 0 ? result : rs_worker_visit_lanes(worker, (int)(index - begin));
}

/* The same for each way to copy a message, which is inside. */
#define VISIT(name, attributes, copy)                                                         \
	attributes NEVER_INLINE int name(struct rs_worker *worker, uint32_t begin,            \
					 uint32_t end)                                        \
	{                                                                                     \
		struct rs_engine *engine = worker->engine;                                    \
		struct rs_turn *turn = &engine->turns[begin % RS_RING_SLOTS];                 \
		uint32_t index = begin;                                                       \
		int result;                                                                   \
                                                                                              \
		begin_visit(worker, begin);                                                   \
		do {                                                                          \
			struct rs_record_turn *record = turn->record;                         \
                                                                                              \
			begin_copy(&engine->ring, record, index);                             \
			copy(record->message, turn->slot);                                    \
			rs_compiler_barrier();                                                \
			result = handle(worker, turn, index);                                 \
			if (!LIKELY(result == ANSWERED))                                      \
				return end_otherwise(worker, begin, index, result);           \
			turn = turn->next;                                                    \
		} while (++index != end);                                                     \
		result = put(worker, index);                                                  \
		end_running(worker);                                                          \
		return result < 0 ? result : (int)(index - begin);                            \
	}

VISIT(visit_avx, __attribute__((target("avx"))), rs_copy_avx)
VISIT(visit_sse2, , rs_copy_sse2)

int rs_straight_visit(struct rs_worker *worker)
{
	const struct rs_engine *engine = worker->engine;
	uint32_t begin = engine->ring.req_cons;
	uint32_t end = rs_load_acquire(&engine->ring.page->req_prod); /* T1 */

	/* F1 */
	if (rs_load_acquire(&engine->unused) != ALL_TURNS)
		return rs_worker_visit_lanes(worker, 0);
	if (begin == end)
		return 0;
	if (!may_begin(worker) || end - begin > RS_RING_SLOTS)
		return rs_worker_visit_lanes(worker, 0);
	return engine->straight_avx ? visit_avx(worker, begin, end)
				    : visit_sse2(worker, begin, end);
}

void rs_straight_open(struct rs_engine *engine)
{
	engine->straight = engine->worker_count == 1 && !engine->on_message;
	engine->straight_avx = __builtin_cpu_supports("avx");
	engine->ring.mirror = &engine->record->req_cons;
	for (uint32_t i = 0; i < RS_RING_SLOTS; i++) {
		engine->turns[i].slot = rs_ring_slot(&engine->ring, i);
		engine->turns[i].next = &engine->turns[(i + 1) % RS_RING_SLOTS];
	}
}
