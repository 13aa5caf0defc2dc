/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * visit.h: what is seldom done in a visit of straight.c: a request that is for another watch than the
 * last one, a reply that is not the usual one, an answer that is not to wait for the visit's end.
 */
#ifndef RS_ENGINE_VISIT_H
#define RS_ENGINE_VISIT_H

#include <stdint.h>

#include "engine/private.h"
#include "engine/wire.h"

#define RS_LIKELY(condition) __builtin_expect(!!(condition), 1)

/* Of a request that was copied. */
enum rs_outcome {
	RS_ANSWERED,
	RS_LEFT, /* on the ring */
	RS_KEPT, /* by its handler; nor is anything else ours any more */
};

/* How long a handler has taken: more than usual, or the first times. */
void rs_visit_learn(struct rs_engine *engine, struct rs_known *known, uint64_t ticks);

/*
 * The answer is the request itself, where it lies, with other flags: Xen looks at nothing else that
 * they do not ask for. What they ask for is added before.
 */
static inline void rs_visit_write_flags(struct rs_turn *turn, uint32_t flags)
{
	rs_store_relaxed(&((struct rs_wire *)(void *)turn->slot)->flags, flags);
}

/* A request that is not for the watch that was the last one's: its own; or NULL: it is left. */
struct rs_known *rs_visit_prepare(struct rs_worker *worker, struct rs_turn *turn, uint32_t index);

/* A fast step in view 0. False: it would end the stepping that somebody has asked for. */
static inline bool rs_visit_write_step(const struct rs_engine *engine, struct rs_turn *turn)
{
	struct rs_wire *answer = (void *)turn->slot;

	if (engine->lanes[turn->event.vcpu].stepping || rs_load_relaxed(&engine->traps.count))
		return false;
	answer->altp2m_idx = 0;
	answer->u.fast_singlestep_p2midx = turn->event.view;
	rs_visit_write_flags(turn, RS_KNOWN_FAST_STEP);
	return true;
}

/*
 * The answer to the handler's usual reply, if it is not plain: a fast step, or Xen's emulation. False:
 * not to this event.
 */
bool rs_visit_write_usual(struct rs_worker *worker, const struct rs_known *known,
			  struct rs_turn *turn);

/* From a reply that is not plain to the answer: an enum rs_outcome, or -errno. */
int rs_visit_answer(struct rs_worker *worker, struct rs_turn *turn, uint64_t number,
		    struct rs_reply reply);

/*
 * After a handler, before the next one: of a watch that is quick and still there it may be. NULL: Xen
 * could not be told of what is answered.
 */
struct rs_known *rs_visit_look_twice(struct rs_worker *worker, uint32_t index);

/* What a split visit has not counted yet, at its end. */
void rs_visit_end_split(struct rs_worker *worker, uint32_t end, uint64_t ended, uint64_t now);

/* What remains of a visit whose last request was not answered here. Returns how many were. */
int rs_visit_end_otherwise(struct rs_worker *worker, uint32_t index, int result);

/* What ran has ended, and who waited for that may go on. */
void rs_visit_end_running(struct rs_worker *worker);

/* All before that request is answered: what others go by catches up with it. */
void rs_visit_note(struct rs_worker *worker, uint32_t index);

/* Xen could not be told: everybody stops. Returns the error. */
int rs_visit_fail(struct rs_worker *worker, uint32_t index, int error);

#endif
