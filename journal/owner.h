/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* owner.h: which process has written something down, and whether it is alive. */
#ifndef RS_JOURNAL_OWNER_H
#define RS_JOURNAL_OWNER_H

#include <stdbool.h>
#include <stdint.h>

/* A number alone is given to another process some day, and the other starts at another time. */
struct rs_owner {
	uint32_t pid;
	uint32_t reserved;
	uint64_t start; /* in clock ticks since the boot; 0: unknown */
	uint8_t boot[16];
};

/* This process. */
void rs_owner_read(struct rs_owner *owner);

/* Of this boot? What an earlier one has left was true of another Xen. */
bool rs_owner_is_of_this_boot(const struct rs_owner *owner);

/* Does it live? A zombie does not. Only of this boot's. */
bool rs_owner_lives(const struct rs_owner *owner);

#endif
