/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sized.h: structs of options that may come from older or newer programs. */
#ifndef RS_XEN_SIZED_H
#define RS_XEN_SIZED_H

#include <stddef.h>

/*
 * Copies options of `size` bytes, as the caller was compiled, into ours: what the caller does
 * not know is 0, and what we do not know must be, else -EINVAL. NULL: all 0.
 */
int rs_options_read(void *to, size_t to_size, const void *from, size_t size);

#endif
