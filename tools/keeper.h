/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keeper.h: the keeper that each engine of this program has. */
#ifndef TOOLS_KEEPER_H
#define TOOLS_KEEPER_H

#include <ringside/engine.h>

/* Asks for one: that which was built, or installed, together with this program. */
void with_keeper(struct rs_engine_options *options);

#endif
