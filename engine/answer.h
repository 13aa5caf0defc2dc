/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * answer.h: from an event and a reply to the one response that Xen gets.
 *
 * Nothing here talks to Xen. A response is built from zero: Xen looks at flags whatever the
 * event was, at the vCPU's state and not at the request's, so what does not belong to the
 * kind of event must not be there.
 */
#ifndef RS_ENGINE_ANSWER_H
#define RS_ENGINE_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include <ringside/reply.h>

#include "ring/ring.h"

/* Which of the three that share their place in the message it holds. */
enum rs_answer_data {
	RS_ANSWER_EMPTY = 0,
	RS_ANSWER_REGISTERS,
	RS_ANSWER_READ_DATA,
	RS_ANSWER_INSTRUCTION,
};

/* To be queued before the response is pushed. */
struct rs_injection {
	bool wanted;
	uint8_t vector;
	uint8_t type;
	uint8_t insn_length;
	uint32_t error_code;
	uint64_t extra;
};

/* Up to where registers or data begin, in all versions. */
#define RS_ANSWER_HEAD_SIZE 56

struct rs_answer {
	uint8_t message[RS_RING_MESSAGE_SIZE_MAX] __attribute__((aligned(64)));
	uint32_t data; /* enum rs_answer_data */
	struct rs_injection injection;
};

/* What the domain allows, and what its vCPU is doing. */
struct rs_answer_rules {
	uint32_t views;    /* bit by bit: those that exist; 0: altp2m is off */
	bool holds_writes; /* DENY means something */
	bool can_step;     /* single-step events are on */
	bool stepping;     /* this vCPU single-steps already */
	bool can_reset_fork; /* looked at only if a reply asks for that */
};

/* Makes an answer of nothing to an event, which then points to it. */
void rs_answer_init(struct rs_answer *answer, struct rs_event *event);

/*
 * Builds the response. The reply must not be RS_ACTION_CONTINUE any more: what a kind does by
 * default is settled before (settle.h). On success NULL, and *stepping is whether the vCPU
 * will single-step. Otherwise the reason, a constant sentence, why Xen would ignore or
 * misuse this reply to this event; then the answer is as rs_answer_resume makes it.
 */
const char *rs_answer_build(struct rs_answer *answer, const struct rs_event *event,
			    const struct rs_reply *reply, const struct rs_answer_rules *rules,
			    bool *stepping);

/* The plainest response: frees the slot, and lets the vCPU run if it waits. */
void rs_answer_resume(struct rs_answer *answer, const struct rs_event *event);

/* How many of its bytes mean something: more than the head if registers or data were asked for. */
static inline uint32_t rs_answer_size(const struct rs_answer *answer,
				      const struct rs_layout *layout)
{
	return answer->data == RS_ANSWER_EMPTY ? RS_ANSWER_HEAD_SIZE : layout->message_size;
}

/* Fills in the rest of the message, for who looks at all of it. Returns its size. */
uint32_t rs_answer_complete(struct rs_answer *answer, const struct rs_layout *layout);

/* Its flags, for those who want to know whether it asks anything of the vCPU. */
uint32_t rs_answer_flags(const struct rs_answer *answer);

#endif
