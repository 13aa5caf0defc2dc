/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wanted.h: what the rules in the table add up to, and telling Xen about it.
 *
 * Under the engine's control lock, but for the last two.
 */
#ifndef RS_ENGINE_WANTED_H
#define RS_ENGINE_WANTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ringside/event.h>

struct rs_engine;
struct rs_rule;

/* The sources that an engine wants always. */
int rs_wanted_begin(struct rs_engine *engine);

/*
 * Tells Xen what all published rules but `except` (or NULL) want of those sources and pages that
 * `rules` are about, published or not: so for those that come and for those that go. What differs
 * is switched inside one pause; pages and breakpoints need none. Returns the first error.
 */
int rs_wanted_apply(struct rs_engine *engine, struct rs_rule *const *rules, size_t count,
		    const struct rs_rule *except);

/* Detaching: opens all pages of the host's map. */
int rs_wanted_open_pages(struct rs_engine *engine);

/* Read sections of their own: what is wanted at this moment. */
uint32_t rs_engine_page_access(struct rs_engine *engine, uint64_t gfn);
bool rs_engine_watches(struct rs_engine *engine, enum rs_kind kind);

#endif
