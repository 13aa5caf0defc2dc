/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * coverage.h: which of many instructions a guest has executed, for fuzzers.
 *
 * A coverage is a list of addresses, of basic blocks as a rule, each with a hidden breakpoint
 * (enum rs_place) that is removed when it is hit for the first time: one byte in a shadow page,
 * without a hypercall, after which the guest executes what was there. So an address costs one event,
 * and nothing from then on. What was hit is in a map of the caller's, as AFL's is. Between two
 * executions rs_coverage_rearm sets all that were hit again: a byte each.
 *
 * Needs altp2m to be hidden, as breakpoints do; without it the INT3s are in the guest's memory.
 */
#ifndef RINGSIDE_COVERAGE_H
#define RINGSIDE_COVERAGE_H

#include <stddef.h>
#include <stdint.h>

#include <ringside/watch.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct rs_engine;
struct rs_coverage;

/* `addresses`, `count` and `place` are needed; what is 0 is the default. */
struct rs_coverage_options {
	/*
	 * Of an instruction's first byte each, in any order; one that is named twice counts for the
	 * first. Read during the call only. At most 2^32 - 1.
	 */
	const uint64_t *addresses;
	size_t count;
	enum rs_place place; /* of all; RS_PLACE_LINEAR: translated once, in `cr3` or where vCPU 0 is */
	/* Only what is executed there is a hit; others pass, an event each, and it stays. 0: any. */
	uint64_t cr3;
	/*
	 * The hit map: at a hit of address i byte i % map_size grows by one, up to 255. The caller's,
	 * to clear whenever it likes, and to be there until rs_coverage_close. NULL: none.
	 */
	uint8_t *map;
	size_t map_size;
	/* Called at each hit, with the vCPU waiting, as a handler is; `index` is that in `addresses`. */
	void (*on_hit)(const struct rs_event *event, uint32_t index, void *user);
	void *user;
};

struct rs_coverage_statistics {
	uint32_t addresses; /* that are watched: not named twice, and mapped to RAM */
	uint32_t missing;   /* that are not, being mapped nowhere or no RAM */
	uint32_t pages;     /* they lie in */
	uint32_t armed;     /* not hit since they were armed last */
	uint64_t hits;      /* of all times */
};

/*
 * Places them, while the guest runs: some hypercalls a page, a byte an address. Any thread but a
 * handler. One coverage an engine at a time. `size` as in rs_watch_sized. What cannot be placed is
 * counted as missing.
 *
 * -EINVAL: options. -EBUSY: the engine has one. -EFAULT: none could be placed. -EOPNOTSUPP, -ENOMEM,
 * -ENOSPC: as rs_watch of a breakpoint. Then all is as it was.
 */
int rs_coverage_open_sized(struct rs_engine *engine, const struct rs_coverage_options *options,
			   size_t size, struct rs_coverage **coverage)
	__attribute__((warn_unused_result));

static inline __attribute__((warn_unused_result)) int
rs_coverage_open(struct rs_engine *engine, const struct rs_coverage_options *options,
		 struct rs_coverage **coverage)
{
	return rs_coverage_open_sized(engine, options, sizeof(*options), coverage);
}

/*
 * Arms again what was hit. Returns how many. No hypercall. Any thread, handlers too; the guest may
 * run: what it executes meanwhile may be hit or not.
 */
uint32_t rs_coverage_rearm(struct rs_coverage *coverage);

/*
 * Bit i % 64 of word i / 64: address i is watched, and was hit since it was armed last. For
 * `addresses` in the order of the options; as many words as they fill.
 */
void rs_coverage_read(struct rs_coverage *coverage, uint64_t *hit);

/* `size` as in rs_watch_sized. Any thread. */
void rs_coverage_statistics_sized(struct rs_coverage *coverage,
				  struct rs_coverage_statistics *statistics, size_t size);

static inline void rs_coverage_statistics(struct rs_coverage *coverage,
					  struct rs_coverage_statistics *statistics)
{
	rs_coverage_statistics_sized(coverage, statistics, sizeof(*statistics));
}

/*
 * Removes them all: when it returns the map is the caller's alone. Any thread but a handler. One
 * that is left goes when its engine detaches. NULL is nothing.
 */
void rs_coverage_close(struct rs_coverage *coverage);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
