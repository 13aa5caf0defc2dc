/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dom0.h: what the toolstack does to a guest behind our back: by libxenctrl alone. */
#ifndef TESTS_GUEST_DOM0_H
#define TESTS_GUEST_DOM0_H

#include <stdbool.h>
#include <stdint.h>

#define DOMAIN 1u
#define FRAME 4096u

/* Gives a frame of domain 1 back, or fills a hole with a fresh one, as a balloon does. */
bool dom0_remove(uint64_t gfn);
bool dom0_populate(uint64_t gfn);
bool dom0_destroy(void);

#endif
