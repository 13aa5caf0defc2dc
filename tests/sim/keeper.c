/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keeper.c: the keeper's program, as a function. */
#define main keeper_main

int keeper_main(void);

#include "engine/keeper_main.c"
