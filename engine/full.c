/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* full.c: counting and telling it. */
#include "engine/full.h"

#include "engine/private.h"
#include "ring/atomics.h"
#include "xen/log.h"

static __attribute__((cold)) void tell(struct rs_engine *engine)
{
	if (!rs_engine_may_tell(&engine->full_told_ns))
		return;
	rs_log(&engine->log, RS_LOG_WARNING,
	       "domain %u: eight events are open, in slow handlers or kept, which is all that Xen's "
	       "ring has room for: the other vCPUs wait with theirs until one is answered",
	       engine->domain);
}

void rs_full_look(struct rs_engine *engine)
{
	if (rs_ring_owed(&engine->ring) < RS_RING_SLOTS)
		return;
	rs_add_relaxed(&engine->full, 1);
	if (engine->vcpu_count > RS_RING_SLOTS)
		tell(engine);
}
