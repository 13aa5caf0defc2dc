/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * journal.h: what has to be undone for a domain if this process dies now.
 *
 * A file, /run/ringside/DOMAIN, mapped shared, so that to note something is a plain store and
 * costs no system call. The folder xen/ notes each change where it makes it, before the call; no
 * event's way leads there. What belongs together lies in one word, so that there is no moment at
 * which half of something stands there; a word is read as it is, and means something by itself.
 * Whatever it says, to undo it twice is the same as once.
 *
 * Calls with NULL do nothing. Pauses may be noted by any thread; all else is serialised by the
 * caller (the engine's control lock).
 */
#ifndef RS_JOURNAL_JOURNAL_H
#define RS_JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "journal/owner.h"

#define RS_JOURNAL_MAGIC "ringjrnl"
#define RS_JOURNAL_VERSION 2

/*
 * The tools' pauses of the domain, which Xen only counts. A call that is under way may have been
 * made or not; doubts are such calls of those that have died.
 */
struct rs_journal_pauses {
	uint16_t certain;
	uint8_t under_way;
	uint8_t doubts;
	uint8_t before; /* it was paused when our first pause came: somebody else's */
	uint8_t reserved[3];
};

/* What stays behind when Xen takes the ring back: intercepts, by the source that made them. */
#define RS_JOURNAL_CR(index) (1U << (index))
#define RS_JOURNAL_DESCRIPTOR (1U << 8)
#define RS_JOURNAL_HELD_WRITES (1U << 9) /* no intercept: writes wait for answers */
/* None either: the ring's page may be in the guest's memory, or vCPUs wait for a ring that has gone. */
#define RS_JOURNAL_RING_PAGE (1U << 10)

struct rs_journal {
	char magic[8]; /* written last: the rest means something */
	uint32_t version;
	uint32_t domain;
	uint8_t handle[16]; /* the domain's UUID: its number is another's some day */
	struct rs_owner owner;
	struct rs_owner keeper; /* who takes it over if the owner dies; pid 0: nobody */
	uint64_t inode;
	uint64_t pauses; /* struct rs_journal_pauses */
	uint32_t sources; /* RS_JOURNAL_* */
	uint32_t altp2m; /* 1: it is on because of us */
	uint64_t views;  /* bit by bit: made by us */
	/* Pages of the host's map that we have closed lie from there to before here; end 0: none. */
	uint64_t closed_first, closed_end;
	uint32_t pool_mib; /* of shadow memory, before we raised it; 0: we have not */
	uint32_t recorded_pid; /* its first owner, whose record of open requests counts */
	/* Pages that we have given to the domain; count 0: none. */
	uint64_t added_first, added_count;
	uint64_t max_pages; /* that it might have before we raised that; 0: we have not */
};

/*
 * A fresh journal of this process's. -errno: there can be no file. *fd is the file's, the caller's to
 * close; with it another process can map the journal, too.
 */
int rs_journal_create(struct rs_journal **journal, uint32_t domain, const uint8_t handle[16],
		      int *fd);
/* Where there can be none: a journal that only those know who are given *fd. */
int rs_journal_create_nameless(struct rs_journal **journal, uint32_t domain,
			       const uint8_t handle[16], int *fd);
/* Maps one by its descriptor, which stays the caller's. -EINVAL: it is none. */
int rs_journal_map(struct rs_journal **journal, int fd);

/*
 * Maps what is there for a domain. -ENOENT: nothing, or nothing about this domain in this boot.
 * -EINVAL: something that cannot be a journal.
 */
int rs_journal_find(struct rs_journal **journal, uint32_t domain, const uint8_t handle[16]);

/* Unmaps it; with `remove`, the file goes too, if it is still this one. */
void rs_journal_close(struct rs_journal *journal, bool remove);

/* Does it say that something is to be undone? */
bool rs_journal_is_clean(const struct rs_journal *journal);

struct rs_journal_pauses rs_journal_pauses(const struct rs_journal *journal);

/* Around a call that pauses; `was_paused` counts for the first. `done`: the pause holds now. */
void rs_journal_pause_begin(struct rs_journal *journal, bool was_paused);
void rs_journal_pause_end(struct rs_journal *journal, bool done);
/* Around one that lifts a pause. One that fails has found none. */
void rs_journal_unpause_begin(struct rs_journal *journal);
void rs_journal_unpause_end(struct rs_journal *journal);

/* A new process goes on with it: what was under way has become a doubt. */
void rs_journal_take_over(struct rs_journal *journal);
/* All is lifted. */
void rs_journal_forget_pauses(struct rs_journal *journal);

/* RS_JOURNAL_* to be noted, or to be forgotten. */
void rs_journal_source(struct rs_journal *journal, uint32_t bits, bool on);
void rs_journal_altp2m(struct rs_journal *journal, bool on);
void rs_journal_view(struct rs_journal *journal, uint16_t view, bool made);
void rs_journal_closed(struct rs_journal *journal, uint64_t first_gfn, uint64_t count);
/* Only the first value counts: that is what was there before us. */
void rs_journal_pool(struct rs_journal *journal, uint32_t mib);
void rs_journal_max_pages(struct rs_journal *journal, uint64_t pages);
/* Pages added lie one range above the other; they are forgotten when all are removed at once. */
void rs_journal_added(struct rs_journal *journal, uint64_t first_gfn, uint64_t count);
void rs_journal_removed(struct rs_journal *journal, uint64_t first_gfn, uint64_t count);
/* What was undone. */
void rs_journal_forget_closed(struct rs_journal *journal);
void rs_journal_forget_pool(struct rs_journal *journal);
void rs_journal_forget_max_pages(struct rs_journal *journal);

#endif
