/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * turn.h: one request on its way: what Xen wrote, what it means, what Xen will get.
 *
 * There are RS_TURNS of them. A turn belongs to, one after the other: the taker, its lane's
 * owner (or whoever answers it, if its handler kept it), whoever puts its answer; then it is
 * free again. Sets of turns are bits of a 64-bit word.
 */
#ifndef RS_ENGINE_TURN_H
#define RS_ENGINE_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include <ringside/event.h>
#include <ringside/reply.h>

#include "engine/answer.h"
#include "engine/record.h"

struct rs_engine;
struct rs_lane;
struct rs_worker;

/*
 * Who may still answer it. The event's serial number is in the bits below, so that a late
 * answer to an event that has gone does not hit the turn's next one.
 */
#define RS_TURN_RUNS (1ULL << 57)     /* these four: deadline.h */
#define RS_TURN_RETURNED (1ULL << 58)
#define RS_TURN_MISSED (1ULL << 59)
#define RS_TURN_SETTLED (1ULL << 60)
#define RS_TURN_CLAIMED (1ULL << 61) /* somebody has called rs_event_reply */
#define RS_TURN_REPLIED (1ULL << 62) /* and `reply` is there */
#define RS_TURN_KEPT (1ULL << 63)    /* the handler has returned RS_LATER */
#define RS_TURN_SERIAL (RS_TURN_RUNS - 1)

/* When its answer goes. */
enum {
	RS_TURN_IN_ORDER = 0,
	RS_TURN_EARLY,      /* asynchronous, and answered when it was taken */
	RS_TURN_SUBSTITUTE, /* it is the answer of a late one, no more: deadline.h */
};

struct rs_turn {
	uint64_t state;
	struct rs_record_turn *record;
	struct rs_engine *engine;
	struct rs_lane *lane; /* NULL: there is no such vCPU */
	uint8_t number;       /* in the engine's turns */
	uint8_t early;        /* one of these */
	bool stepped;         /* `own` counts: what the engine's own step owes */
	uint32_t index;       /* of its request, on the ring */
	uint32_t parts;       /* of an early one: not yet done with it, of putter and owner */
	uint64_t seen, began, ended; /* ticks: on the ring; its handler */
	/* straight.c, of the first eight: their slot of the ring, and the next one's turn. */
	uint8_t *slot;
	struct rs_turn *next;
	struct rs_turn *in_place_of; /* of a substitute */
	uint64_t about, about_rip;   /* kind and vCPU, for what deadline.h tells */
	struct rs_reply own;
	struct rs_reply reply; /* of rs_event_reply */
	struct rs_event event __attribute__((aligned(64)));
	struct rs_answer answer;
};

/* The turn of an event that a handler was given. */
struct rs_turn *rs_turn_of(const struct rs_event *event);

/*
 * Runs a turn whose lane we own: its handlers, and the building of its answer. False: it was
 * kept, and whoever calls rs_event_reply owns it, and its lane, from now on.
 */
bool rs_turn_run(struct rs_worker *worker, struct rs_turn *turn);

/* The same from its handlers' reply on. */
bool rs_turn_end(struct rs_worker *worker, struct rs_turn *turn, struct rs_reply reply);

/* The end of a turn: from a reply to the answer that Xen gets. By its owner. */
void rs_turn_answer(struct rs_engine *engine, struct rs_turn *turn, struct rs_reply reply);

/* The same while detaching: nothing but what the kind of event needs. */
void rs_turn_drain(struct rs_engine *engine, struct rs_turn *turn);

#endif
