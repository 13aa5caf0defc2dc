/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* watch_options.h: the command line of `ringside watch`. */
#ifndef TOOLS_WATCH_OPTIONS_H
#define TOOLS_WATCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <ringside/ringside.h>

#define WATCHES_MAX 256

enum output {
	OUTPUT_LINES,
	OUTPUT_JSON,
	OUTPUT_TABLE,
	OUTPUT_NONE,
};

/* One thing to watch, and what has been seen of it. */
struct watched {
	struct rs_watch_options options;
	const char *symbol;     /* a breakpoint at a name; NULL: at options' address */
	char label[64];         /* "cr3", "msr 0xc0000082", "page 0x300-0x301:rx" */
	uint64_t seen, seen_before;
};

struct watch_options {
	const char *domain;
	enum output output;
	uint64_t count;         /* 0: no limit */
	double seconds;         /* 0: no limit */
	bool verbose;
	const char *symbols;    /* a System.map; NULL: none */
	bool follow;            /* over the domain's reboots */
	uint32_t workers;
	bool keeper;
	bool sandbox;
	uint32_t stall_ms; /* 0: never */
	uint32_t deadline_ms; /* 0: none */
	enum rs_waiting waiting;
	unsigned int watched_count;
	struct watched watched[WATCHES_MAX];
};

/* Returns -1 to go on, or the exit status to leave with. */
int watch_options_parse(struct watch_options *options, int argc, char **argv);

#endif
