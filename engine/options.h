/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options.h: structs of options that may come from older or newer programs. */
#ifndef RS_ENGINE_OPTIONS_H
#define RS_ENGINE_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include <ringside/watch.h>

/*
 * Copies options of `size` bytes, as the caller was compiled, into ours: what the caller does
 * not know is 0, and what we do not know must be, else -EINVAL. NULL: all 0.
 */
int rs_options_read(void *to, size_t to_size, const void *from, size_t size);

/*
 * Do they make sense, and does the domain have such events (bits 1 << enum rs_kind)?
 * -EINVAL, -EOPNOTSUPP, and a text that names the member.
 */
int rs_options_check_watch(const struct rs_watch_options *options, uint32_t kinds);

#endif
