/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options.h: what users ask for, checked. */
#ifndef RS_ENGINE_OPTIONS_H
#define RS_ENGINE_OPTIONS_H

#include <stdint.h>

#include <ringside/watch.h>

/*
 * Do they make sense, and does the domain have such events (bits 1 << enum rs_kind)?
 * -EINVAL, -EOPNOTSUPP, and a text that names the member.
 */
int rs_options_check_watch(const struct rs_watch_options *options, uint32_t kinds);

/* Are these a range of guest frames, and an access that Xen can have? W wants R. -EINVAL. */
int rs_options_check_pages(uint64_t first, uint64_t last, uint32_t access);

#endif
