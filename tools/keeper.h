/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keeper.h: the keeper that each engine of this program has. */
#ifndef TOOLS_KEEPER_H
#define TOOLS_KEEPER_H

#include <ringside/engine.h>

/* Asks for one: of the same build, in a build folder; else the installed one. */
void with_keeper(struct rs_engine_options *options);

#endif
