/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * private.h: the engine itself.
 *
 * Who touches what:
 *   - the thread that runs or steps the engine: ring, doorbell, turns, lanes, counters;
 *   - whoever holds `control`: watches, sources, pages, the publishing of `table`;
 *   - anybody: `stop`, `running` and `table` by atomics, the counters by relaxed loads.
 */
#ifndef RS_ENGINE_PRIVATE_H
#define RS_ENGINE_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <ringside/engine.h>
#include <ringside/watch.h>

#include "altp2m/pages.h"
#include "engine/answer.h"
#include "engine/lane.h"
#include "engine/sources.h"
#include "engine/statistics.h"
#include "engine/table.h"
#include "ring/doorbell.h"
#include "ring/ring.h"
#include "xen/log.h"
#include "xen/port.h"

struct rs_watch {
	struct rs_engine *engine;
	struct rs_watch_options options;
	uint64_t order;
	uint64_t first, last; /* of the kind's key */
	struct rs_watch *next; /* of the engine's, in no particular order */
	bool removed; /* by its own handler, after which it is freed */
};

/* One request on its way: what Xen wrote, what it means, what Xen will get. */
struct rs_turn {
	uint8_t message[RS_RING_MESSAGE_SIZE_MAX] __attribute__((aligned(64)));
	struct rs_event event;
	struct rs_answer answer;
};

struct rs_engine {
	struct rs_log log;
	struct rs_xen *xen;
	uint32_t domain;
	uint32_t vcpu_count;
	uint32_t kinds;         /* that the domain can report: bits 1 << enum rs_kind */
	enum rs_waiting waiting;
	const struct rs_layout *layout;
	rs_message_function on_message; /* NULL: nobody records */
	void *on_message_user;
	char name[64];

	struct rs_ring ring;
	struct rs_doorbell doorbell;
	struct rs_xen_port port;
	void *page;
	struct rs_lane *lanes;
	struct rs_turn *turns; /* RS_RING_SLOTS */
	bool draining;         /* detaching: the sources are off */
	bool can_step;
	struct rs_counters counters;

	int wake_fd;    /* an epoll of the two below */
	int stop_fd;    /* an eventfd */
	int release_fd; /* xenstore's; -1: we look now and then instead */
	uint32_t stop;

	struct rs_table *table;   /* RCU */
	struct rs_watch *running; /* whose handler runs */

	pthread_mutex_t control;
	struct rs_watch *watches;
	uint64_t orders;
	struct rs_sources sources;
	struct rs_pages pages;
	uint32_t holds_writes;
};

/* The engine that this thread runs, or NULL. */
extern _Thread_local struct rs_engine *rs_engine_here;

/* round.c: takes what is on the ring, settles it, puts and notifies. How many, or -errno. */
int rs_round(struct rs_engine *engine);

/* The vCPU's lane, or NULL if there is no such vCPU. */
static inline struct rs_lane *rs_engine_lane(struct rs_engine *engine, uint32_t vcpu)
{
	return vcpu < engine->vcpu_count ? &engine->lanes[vcpu] : NULL;
}

/* watch.c, read sections of their own: what the watches add up to at this moment. */
uint32_t rs_engine_page_access(struct rs_engine *engine, uint64_t gfn);
bool rs_engine_watches(struct rs_engine *engine, enum rs_kind kind);

/* watch.c: the sources that an engine wants always, and those of its watches. */
int rs_watch_apply_sources(struct rs_engine *engine);
/* watch.c: detaching: opens all pages of the host's map; frees all watches. */
int rs_watch_open_pages(struct rs_engine *engine);
void rs_watch_free_all(struct rs_engine *engine);

/* run.c: -ENODEV and its text if the guest has ended, 0 if it lives, or -errno. */
int rs_engine_check_life(struct rs_engine *engine);

/* attach.c: everything but the ring itself, as far as it exists. */
void rs_engine_free(struct rs_engine *engine);

#endif
