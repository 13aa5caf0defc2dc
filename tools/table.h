/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* table.h: the live table of `ringside watch --table`. On a terminal it is drawn over
 * itself; elsewhere each is a block of plain lines. */
#ifndef TOOLS_TABLE_H
#define TOOLS_TABLE_H

#include "tools/watch_options.h"

/* How long between two tables. */
uint64_t table_period_ns(void);
void table_print(struct watch_options *options, const struct rs_engine *engine,
	uint64_t elapsed_ns);

#endif
