/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* oracle.h: a test inside fakexen that looks at the model's own memory. */
#ifndef TESTS_FAKEXEN_SHIM_ORACLE_H
#define TESTS_FAKEXEN_SHIM_ORACLE_H

#include "fakexen/model.h"

/* Maps the model as a shim does; NULL when no launcher is there. */
struct fx_model *oracle_enter(void);

struct oracle_reading {
	uint32_t ports, devices;        /* of dom0: bound, open */
	uint32_t frames;                /* that belong to somebody */
	uint64_t mappings;
};
void oracle_read(struct fx_model *model, struct oracle_reading *reading);

#endif
