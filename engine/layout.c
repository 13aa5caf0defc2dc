/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* layout.c: where things lie in a message, by version. */
#include "engine/layout.h"

#include <ringside/event.h>

#define FIELD(name, xen_name, offset) .name = (offset),

static const struct rs_layout layout_6 = {
	.version = 6,
	.message_size = RS_LAYOUT_SIZE_6,
	.view = RS_LAYOUT_VIEW,
	.u = RS_LAYOUT_U,
	.data = RS_LAYOUT_DATA,
	RS_LAYOUT_HEAD(FIELD)
	RS_LAYOUT_TAIL(FIELD, RS_LAYOUT_TAIL_6)
};

static const struct rs_layout layout_7 = {
	.version = 7,
	.message_size = RS_LAYOUT_SIZE_7,
	.view = RS_LAYOUT_VIEW,
	.u = RS_LAYOUT_U,
	.data = RS_LAYOUT_DATA,
	RS_LAYOUT_HEAD(FIELD)
	RS_LAYOUT_7(FIELD)
	RS_LAYOUT_TAIL(FIELD, RS_LAYOUT_TAIL_7)
};

const struct rs_layout *rs_layout_find(uint32_t version)
{
	switch (version) {
	case 6:
		return &layout_6;
	case 7:
		return &layout_7;
	default:
		return NULL;
	}
}
