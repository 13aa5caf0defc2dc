/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* single_step.c: stepping of a vCPU that has no event open. */
#include <errno.h>

#include <ringside/engine.h>

#include "engine/private.h"
#include "xen/error.h"
#include "xen/vcpu.h"

int rs_engine_single_step(struct rs_engine *engine, uint32_t vcpu)
{
	if (vcpu >= engine->vcpu_count)
		return rs_fail(ENOENT, "domain %u has no vCPU %u", engine->domain, vcpu);
	if (!engine->can_step)
		return rs_fail(EOPNOTSUPP, "domain %u: this processor cannot single-step "
					   "(it has no monitor trap flag)", engine->domain);
	return rs_xen_vcpu_step(engine->xen, engine->domain, vcpu, true);
}
