/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * keeper.h: the process that lets the domain go if its engine dies.
 *
 * It is a program of its own, ringside-keeper, so that it shares nothing with the process that
 * may break: no heap, no threads, no handles. It maps the ring's page before the ring is enabled,
 * when anybody still can, and the record and the journal by their descriptors. Then it sleeps until
 * the engine ends, which a pidfd tells. The engine asks nothing of it on an event's way.
 *
 * What they say to each other, over a socket that only these two have:
 *
 *   engine  HELLO, with the descriptors   keeper  READY: it has opened all, and waits
 *   engine  MAP, with the domain paused   keeper  MAPPED
 *   engine  END: nothing is left to be undone
 *
 * The keeper answers FAILED, and why, where it cannot; it says nothing else. Its end closes the socket,
 * and so does the engine's.
 */
#ifndef RS_ENGINE_KEEPER_H
#define RS_ENGINE_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

struct rs_engine;

/* The keeper's descriptor of the socket. */
#define RS_KEEPER_FD 3
#define RS_KEEPER_MAGIC 0x6b656570
#define RS_KEEPER_LIMIT_MS 10000

enum rs_keeper_word {
	RS_KEEPER_HELLO = 1,
	RS_KEEPER_READY,
	RS_KEEPER_MAP,
	RS_KEEPER_MAPPED,
	RS_KEEPER_END,
	RS_KEEPER_FAILED,
};

/* Which descriptors come with HELLO, in this order. */
enum { RS_KEEPER_RECORD, RS_KEEPER_JOURNAL, RS_KEEPER_PIDFD, RS_KEEPER_FDS };

struct rs_keeper_message {
	uint32_t magic;
	uint32_t word;   /* enum rs_keeper_word */
	uint32_t domain; /* HELLO */
	uint32_t pid;    /* of who sends it */
	uint32_t fds;    /* HELLO: how many come with it; without the last there is no pidfd */
	uint32_t stall_ms; /* HELLO: 0: never look */
	char text[232];  /* FAILED */
};

struct rs_keeper {
	int fd; /* -1: there is none */
	uint32_t pid;
	uint32_t restarts;
	uint32_t looking; /* somebody is in rs_keeper_look, or is to do the rest of it */
};

/* Before the ring is taken. 0, with or without one, as the options say; or -errno. */
int rs_keeper_start(struct rs_engine *engine);

/* With the domain paused, and just before the ring is enabled. As above. */
int rs_keeper_map(struct rs_engine *engine);

/*
 * Has it died? Then another is started, as far as that is possible: any thread. One that may start no
 * program (a sandbox) leaves that to another: true, and rs_keeper_replace is to be called.
 */
bool rs_keeper_look(struct rs_engine *engine, bool may_start);
void rs_keeper_replace(struct rs_engine *engine);

/* Everything is undone: it leaves, and is waited for. */
void rs_keeper_end(struct rs_engine *engine);

#endif
