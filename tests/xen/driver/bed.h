/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bed.h: a guest with an engine attached, and a log of the events that came.
 *
 * A test watches something, gives the guest a command, and says by a function how each event is
 * to be answered. Then it looks at the log and at what the guest has seen. One thread does
 * all of it: the engine is stepped while the guest is waited for.
 */
#ifndef TESTS_XEN_DRIVER_BED_H
#define TESTS_XEN_DRIVER_BED_H

#include <ringside/ringside.h>

#include "tests/xen/driver/check.h"
#include "tests/xen/driver/guest.h"

#define BED_LOG_MAX 64
#define BED_WATCHES_MAX 16
#define BED_MESSAGE_MAX 400

struct bed;
typedef struct rs_reply bed_answer(struct bed *bed, const struct rs_event *event);

struct bed_entry {
	struct rs_event event; /* its message points to ours */
	uint8_t message[BED_MESSAGE_MAX];
};

struct bed {
	struct guest guest;
	struct rs_engine *engine;
	struct rs_watch *watches[BED_WATCHES_MAX];
	unsigned int watch_count;
	bed_answer *answer; /* of the command that runs; NULL: RS_CONTINUE */
	struct bed_entry log[BED_LOG_MAX];
	unsigned int seen; /* since the command began; the first BED_LOG_MAX are in the log */
	unsigned int expected_refusals;
	int error; /* of the engine's last step */
	struct rs_probe probe; /* of this Xen */
	/* For an answer's own use, set by the test. */
	unsigned int countdown;
	uint64_t value;
	uint32_t flag;
};

/* Attaches. false: a check has failed. `options` may be NULL. */
bool bed_attach(struct bed *bed, const struct rs_engine_options *options);
/* Detaches, and checks that all went well: every answer given, the guest alive. */
void bed_detach(struct bed *bed);

/* Watches, with a handler that logs and asks bed->answer. Fails a check if refused. */
bool bed_watch(struct bed *bed, struct rs_watch_options options);
bool bed_watch_kind(struct bed *bed, enum rs_kind kind);
/* By a fast step where nothing else is answered. */
bool bed_watch_page(struct bed *bed, uint64_t address, uint32_t access);
void bed_unwatch_all(struct bed *bed);

/* Forgets the log and lets vCPU `vcpu` begin. */
void bed_start(struct bed *bed, unsigned int vcpu, unsigned int command, uint64_t a, uint64_t b);
/* Steps the engine until the vCPU is done and nothing more comes. A failed check if not. */
bool bed_finish(struct bed *bed, unsigned int vcpu);
/* Both, for vCPU 0. */
bool bed_run(struct bed *bed, unsigned int command, uint64_t a, uint64_t b, bed_answer *answer);
/* Steps until no event has come for a little while. */
void bed_settle(struct bed *bed);

/* What the engine has counted. */
struct rs_statistics bed_statistics(const struct bed *bed);

/* The guest's mailbox, vCPU 0. */
uint64_t bed_get(const struct bed *bed, unsigned int offset);

/* The log's event `index`, or one that is all zero. */
const struct rs_event *bed_event(const struct bed *bed, unsigned int index);

/* One event came, it is of `kind`, and RIP is at the command's instruction plus `offset`. */
bool bed_saw_one(const struct bed *bed, enum rs_kind kind, uint64_t offset);

/* Answers that many tests want. */
bed_answer bed_continue, bed_resume, bed_emulate, bed_give_back, bed_deny, bed_fast_step;
/* Registers as they were, with RIP behind the instruction. */
bed_answer bed_skip;

#endif
