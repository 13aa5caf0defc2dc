/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * record.h: which requests are open, in memory that outlives the engine.
 *
 * After the death of an agent the page alone does not say which requests still want an answer:
 * an answer out of order lies in the slot of a request that is still open. So the engine keeps
 * what it has taken in a file, /run/ringside/DOMAIN.lanes, mapped shared, and another process
 * that has mapped it too can read from it, at any instant:
 *
 *   a request is open if it is set, its number is before `req_cons`, and its answer is not set
 *   or not before the page's rsp_prod; there are req_cons - rsp_prod of them.
 *
 * It costs a few plain stores. Their order is what that rests on:
 *
 *   take  the request's number; "no answer"; the copy of the request; req_cons
 *   put   the response into the page; its number, the answer; the page's rsp_prod
 *
 * Model: tests/model/record.pml.
 */
#ifndef RS_ENGINE_RECORD_H
#define RS_ENGINE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "ring/ring.h"

struct rs_log;

#define RS_RECORD_MAGIC "ringlane"
#define RS_RECORD_VERSION 1
/* Of requests that are taken. Eight are in flight at most; the others are asynchronous ones,
 * answered already, that wait for their handlers. */
#define RS_TURNS 32
/*
 * In a number of the ring: it is one. Without, there is none (yet). Where numbers are counted on in 64
 * bits, it is that or a greater one, so whoever asks looks at all bits from it on.
 */
#define RS_RECORD_SET (1ULL << 32)

struct rs_record_turn {
	uint64_t request; /* its number on the ring, with RS_RECORD_SET */
	uint64_t answer;  /* likewise */
	uint8_t message[RS_RING_MESSAGE_SIZE_MAX] __attribute__((aligned(16)));
} __attribute__((aligned(64)));

struct rs_record {
	char magic[8]; /* written last: the rest means something */
	uint32_t version;
	uint32_t domain;
	uint32_t pid;
	uint32_t port; /* of ours */
	uint32_t remote_port; /* of Xen's, to bind to when ours has died */
	uint32_t message_version;
	uint32_t message_size;
	uint32_t vcpu_count;
	uint32_t turn_count;
	uint64_t inode; /* of the file, 0: it is in none */
	/* The taker's line. */
	uint32_t req_cons __attribute__((aligned(64)));
	struct rs_record_turn turns[RS_TURNS];
};

/*
 * Maps a fresh record: the domain's file or, where there can be none (the log says why), memory
 * without a name. *fd is the caller's to close; with it another process can map it, too. -ENOMEM.
 */
int rs_record_open(struct rs_record **record, uint32_t domain, const struct rs_log *log, int *fd);
/* Maps one by its descriptor, which stays the caller's, whatever it says yet. -ENOMEM. */
int rs_record_map(struct rs_record **record, int fd);
/* Does it say something, about this domain? */
bool rs_record_is_sound(const struct rs_record *record, uint32_t domain);

/*
 * Maps the record that somebody has left. -ENOENT: there is none. -EINVAL: it is none, or none that
 * says anything yet. To close it removes the file, to leave it does not.
 */
int rs_record_find(struct rs_record **record, uint32_t domain);
void rs_record_leave(struct rs_record *record);
/* Removes one that says nothing yet, if that process has begun it, which is dead. */
void rs_record_discard(uint32_t domain, uint32_t pid);

/* Unmaps it and, if the file is still the domain's record, removes that. NULL is nothing. */
void rs_record_close(struct rs_record *record);

/* A reader's question about one of them, by the rule above. */
static inline bool rs_record_is_open(const struct rs_record_turn *turn, uint32_t req_cons,
				     uint32_t rsp_prod)
{
	if (turn->request < RS_RECORD_SET || (int32_t)((uint32_t)turn->request - req_cons) >= 0)
		return false;
	return turn->answer < RS_RECORD_SET || (int32_t)((uint32_t)turn->answer - rsp_prod) >= 0;
}

#endif
