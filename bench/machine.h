/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine.h: where a result was got: what belongs beside every figure. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <jansson.h>

#include "bench/plan.h"
#include "xen/connection.h"

/* "fakexen", "lab" or "xen": as the plan says, or as it looks. */
const char *machine_bed(struct rs_xen *xen, const struct plan *plan);

/* A new object, or NULL without memory. */
json_t *machine_json(struct rs_xen *xen, const char *bed);

#endif
