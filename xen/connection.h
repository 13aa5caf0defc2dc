/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * connection.h: the handles to Xen that everything else in this folder works through.
 *
 * One connection may be used by several threads: libxenctrl locks its own buffers, and we
 * go by errno, never by its shared last-error text. It does not survive a fork.
 */
#ifndef RS_XEN_CONNECTION_H
#define RS_XEN_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "xen/error.h"
#include "xen/log.h"

struct rs_xen;

struct rs_xen_release {
	uint32_t major, minor;
	char extra[16];
};

/*
 * Opens Xen's interfaces. What its libraries have to say goes to the log, at the level
 * RS_LOG_DEBUG; nothing goes to stderr. xenstore may be missing: then names are unknown.
 * -ENOENT: not a Xen dom0. -EPERM.
 */
int rs_xen_open(struct rs_xen **xen, const struct rs_log *log);
/* The same without xenstore: for who knows the domain's number, and wants no more. */
int rs_xen_open_nameless(struct rs_xen **xen, const struct rs_log *log);
void rs_xen_close(struct rs_xen *xen);

/*
 * From now on what calls of this connection change of a domain is noted in a journal first, and
 * forgotten when it is taken back; NULL: no more. One domain's changes, and but for pauses one thread's at a time.
 */
struct rs_journal;
void rs_xen_keep_journal(struct rs_xen *xen, struct rs_journal *journal);

/* The release of the Xen that runs: works also where the build does not match it. */
void rs_xen_release(const struct rs_xen *xen, struct rs_xen_release *release);
/* Is the running Xen major.minor, or newer? */
bool rs_xen_at_least(const struct rs_xen *xen, uint32_t major, uint32_t minor);

#endif
