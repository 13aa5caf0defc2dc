/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * private.h: the engine itself.
 *
 * Who touches what:
 *   - whoever has `taking`: the ring's taking end, free turns, the ends of the lanes;
 *   - whoever puts (responder.h): the ring's putting end, and notifies;
 *   - a lane's owner: the lane, its first turn;
 *   - the watcher (wait.h): the doorbell;
 *   - whoever holds `control`: watches, sources, pages, the publishing of `table`;
 *   - anybody: what is atomic, and counters by relaxed loads.
 */
#ifndef RS_ENGINE_PRIVATE_H
#define RS_ENGINE_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <ringside/engine.h>
#include <ringside/guest.h>
#include <ringside/watch.h>

#include "altp2m/pages.h"
#include "altp2m/traps.h"
#include "altp2m/views.h"
#include "engine/answer.h"
#include "engine/code.h"
#include "engine/deadline.h"
#include "engine/ground.h"
#include "engine/keeper.h"
#include "engine/lane.h"
#include "engine/record.h"
#include "engine/responder.h"
#include "engine/rule.h"
#include "engine/sources.h"
#include "engine/statistics.h"
#include "engine/table.h"
#include "engine/taker.h"
#include "engine/turn.h"
#include "engine/worker.h"
#include "journal/journal.h"
#include "ring/doorbell.h"
#include "ring/ring.h"
#include "xen/error.h"
#include "xen/log.h"
#include "xen/port.h"

/* What its maker holds. */
struct rs_watch {
	struct rs_engine *engine;
	struct rs_rule *rule;
	struct rs_watch *next, *before; /* of the engine's, in no particular order */
};

/* A view that the user has made. */
struct rs_view {
	struct rs_engine *engine;
	struct rs_view_map *map;
	struct rs_watch *watch; /* its handler's; NULL: it has none */
	uint32_t watch_count;   /* page watches in it that are published */
	struct rs_view *next;
};

struct rs_engine {
	struct rs_log log;
	struct rs_xen *xen;
	uint32_t domain;
	uint32_t vcpu_count;
	uint32_t kinds;         /* that the domain can report: bits 1 << enum rs_kind */
	enum rs_waiting waiting;
	enum rs_way way; /* past page faults and breakpoints of watches that want none of their own */
	bool may_spin;
	bool recovers; /* what an earlier engine has left */
	enum rs_keeper_mode keeper_mode;
	uint32_t stall_ms; /* 0: nobody looks */
	char keeper_path[256]; /* "": the installed one */
	struct rs_keeper keeper;
	enum rs_sandbox_mode sandbox_mode;
	bool sandboxed; /* it was asked for, and can be done: rs_engine_run's workers */
	struct rs_ground ground;
	const struct rs_layout *layout;
	rs_message_function on_message; /* NULL: nobody records */
	void *on_message_user;
	char name[64];

	struct rs_ring ring;
	struct rs_doorbell doorbell;
	struct rs_xen_port port;
	void *page;
	struct rs_record *record;
	struct rs_journal *journal; /* NULL: there can be none */
	int record_fd, journal_fd;  /* for a keeper; -1: closed */
	struct rs_lane *lanes;
	struct rs_code *codes; /* of each vCPU */
	struct rs_turn *turns; /* RS_TURNS, and as many substitutes as slots of the ring */
	struct rs_worker *workers; /* and one more, the deadline's */
	uint32_t worker_count;
	bool draining;         /* detaching: the sources are off */
	bool guarded;          /* that, or there are deadlines */
	bool straight;         /* one worker, nobody records, not draining: see straight.h */
	bool straight_avx;
	bool can_step;
	uint64_t notify_ticks; /* what a notify takes */
	uint64_t wake_ticks;   /* a handler that takes longer is worth waking another worker */
	struct rs_counters strangers; /* of threads that are no workers */
	uint64_t refused;
	uint64_t switched_off; /* watches, at their limit */
	uint64_t full, full_told_ns; /* full.h */
	uint64_t conflicts, conflicts_told_ns; /* of replies to one event */
	uint32_t told_suspended;
	uint64_t start_ticks, start_ns;

	/* The takers' line. */
	uint32_t taking __attribute__((aligned(64)));
	uint64_t serials;
	/* Written a batch. */
	uint64_t unused __attribute__((aligned(64))); /* turns that are free */
	struct rs_responder responder;
	uint64_t ready __attribute__((aligned(64))); /* turns, the first of lanes without owner */
	/* Written when somebody sleeps or wakes. */
	uint64_t parked __attribute__((aligned(64))); /* workers that sleep at their futex */
	uint32_t watcher;
	uint32_t deputy;
	uint32_t blocked; /* the watcher sleeps at the event channel */
	uint32_t stop;

	uint64_t max_gfn;       /* before there were pages of ours */
	struct rs_guest *guest; /* NULL: nobody has asked for it */
	pthread_mutex_t guest_opening;

	int wake_fd;    /* an epoll of the three below, and of the keeper's socket */
	int stop_fd;    /* an eventfd */
	int release_fd; /* xenstore's; -1: we look now and then instead, */
	int look_fd;    /* by this timer; -1: no need */
	int loop_fd;    /* rs_engine_fd's: an epoll of the port and of wake_fd; -1: nobody asked */

	/* Who is inside: threads that run, step or pull. */
	uint32_t users __attribute__((aligned(64)));
	uint32_t closing;
	uint64_t seats; /* workers that no thread is */
	int failure;
	struct rs_error_note failure_note; /* set before `failure` */
	uint32_t failing;
	struct rs_deadline deadline;

	struct rs_table *table;   /* RCU */

	pthread_mutex_t control;
	struct rs_watch *watches;
	uint64_t orders;
	struct rs_sources sources;
	struct rs_pages pages;
	struct rs_views views;
	struct rs_view *own_views; /* that the user has made */
	struct rs_traps traps;
	struct rs_coverage *coverage; /* NULL: none */
	uint32_t ways; /* rules that want one of their own */
	uint32_t holds_writes;
	uint32_t fork_resets; /* whether Xen has them: 0: not asked yet; 1: no; 2: yes */
	/* Read on each event's way. */
	uint32_t leaving __attribute__((aligned(64))); /* how many are in `buried` */
	pthread_mutex_t burial;
	struct rs_rule *buried; /* removed inside a handler, while another may run theirs */
};

/* A1: what the straight way's worker is to look at was stored before. */
static inline void rs_straight_call(struct rs_engine *engine)
{
	if (engine->workers)
		rs_store_seq_cst(&engine->workers[0].straight.attention, 1);
}

/* From how long a handler has taken. */
static inline void rs_pace_learn(struct rs_pace *pace, uint64_t ticks,
				 const struct rs_engine *engine)
{
	if (__builtin_expect(ticks > engine->notify_ticks || rs_load_relaxed(&pace->held) ||
			     rs_load_relaxed(&pace->slow), 0))
		rs_pace_change(pace, ticks, engine);
}

/* What may come with every event is told every ten seconds at most: is it to be told now? */
#define RS_TELL_NS 10000000000ULL

static inline bool rs_engine_may_tell(uint64_t *told_ns)
{
	uint64_t now = rs_now_ns(), told = rs_load_relaxed(told_ns);

	if (told && now - told < RS_TELL_NS)
		return false;
	rs_store_relaxed(told_ns, now);
	return true;
}

/* run.c: a thread becomes a worker, and is none any more; -ESHUTDOWN if the engine detaches. */
int rs_engine_enter(struct rs_engine *engine, struct rs_worker **worker);
void rs_engine_leave(struct rs_worker *worker, struct rs_worker *outer);

/* run.c: nobody gets in any more, and all that are inside leave; false: not within the limit. */
bool rs_engine_close(struct rs_engine *engine, uint64_t limit_ns);

/* run.c: something that no thread can go on after: all stop, and report it. */
void rs_engine_fail(struct rs_engine *engine, int error);

/* run.c: one wait of a worker, and what comes of it: 0, or STOPPED, or -errno. */
#define RS_ENGINE_STOPPED (-1000)
int rs_engine_wait(struct rs_worker *worker, int timeout_ms);

/* later.c: keeps a turn; true: it was answered already, *reply is that, and it is ours. */
bool rs_turn_keep(struct rs_turn *turn, struct rs_reply *reply);
/* later.c: detaching: answers what is still kept. Returns how many. */
uint32_t rs_turns_reclaim(struct rs_worker *worker);

/* watch.c: detaching, when no worker is left: frees all watches. */
void rs_watch_free_all(struct rs_engine *engine);

/*
 * watch.c: a rule has had its calls in this second: that is logged, and its watch switched off if
 * it was made so. By the worker that runs it.
 */
void rs_watch_over_limit(struct rs_engine *engine, struct rs_rule *rule) __attribute__((cold));

/* watch.c, with `control` held: a view's own handler becomes a watch that rs_unwatch removes. */
struct rs_view_options;
int rs_watch_view(struct rs_engine *engine, const struct rs_view_options *options, uint16_t index,
		  struct rs_watch **watch);

/*
 * watch.c, with `control` held: a watch that sees the hits of all placed breakpoints, of whoever has
 * set them, and sets none.
 */
int rs_watch_all_traps(struct rs_engine *engine, rs_handler handler, void *user, uint64_t cr3,
		       struct rs_watch **watch);

/* view.c: detached: frees all views. */
void rs_view_free_all(struct rs_engine *engine);

/* run.c: -ENODEV and its text if the guest has ended, 0 if it lives, or -errno. */
int rs_engine_check_life(struct rs_engine *engine);

/* attach.c: the memory of an engine whose domain, vCPUs and workers are known. */
int rs_engine_allocate(struct rs_engine *engine);

/* attach.c: everything but the ring itself, as far as it exists. */
void rs_engine_free(struct rs_engine *engine);

#endif
