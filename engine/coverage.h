/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * coverage.h: breakpoints by the hundred thousand, each hit once.
 *
 * They have no watches of their own: one rule stands for all addresses in the table, and what lies
 * in a page is found by that page's number and a bit for each byte. The one rule's handler takes the
 * INT3 away and resumes.
 */
#ifndef RS_ENGINE_COVERAGE_H
#define RS_ENGINE_COVERAGE_H

struct rs_engine;

/* Detached: frees what its user has not closed. */
void rs_coverage_free(struct rs_engine *engine);

#endif
