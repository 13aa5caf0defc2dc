/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* recover.h: letting a guest go whose engine has died. */
#ifndef RINGSIDE_RECOVER_H
#define RINGSIDE_RECOVER_H

#include <stdbool.h>
#include <stddef.h>

#include <ringside/log.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct rs_recover_options {
	rs_log_function log; /* says at RS_LOG_INFO what was found and done */
	void *log_user;
	enum rs_log_level log_level; /* up to which; 0: RS_LOG_WARNING */
	/*
	 * The ring may be that of another program, which has left no journal: it is dead, the caller
	 * knows. Were it alive it would lose its ring.
	 */
	bool unrecorded;
};

/*
 * Takes back what an engine that has died (kill -9, a crash) has left of a domain, given by its name
 * or its number: the vCPUs that waited for its answers go on, its views, single-steps and pauses end,
 * and the ring is free. Goes by the journal and the record in /run/ringside. Nothing to recover is
 * 0. The domain is paused for a moment. `options` may be NULL; `size` as in rs_watch_sized. Any
 * thread; it may be killed in its turn, and begun again.
 *
 * -EBUSY: the engine lives (the text has its process), or the ring is not a recorded one's, or the
 * ring was full and further vCPUs sleep in Xen: then the domain can only be destroyed, and the text
 * says so. Otherwise as rs_engine_attach.
 */
int rs_recover_sized(const char *domain, const struct rs_recover_options *options, size_t size)
	__attribute__((warn_unused_result));

static inline __attribute__((warn_unused_result)) int
rs_recover(const char *domain, const struct rs_recover_options *options)
{
	return rs_recover_sized(domain, options, sizeof(*options));
}

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
