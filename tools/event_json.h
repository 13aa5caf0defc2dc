/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* event_json.h: one event as one JSON object, with the same keys wherever it comes from. */
#ifndef TOOLS_EVENT_JSON_H
#define TOOLS_EVENT_JSON_H

#include <stdbool.h>

#include <jansson.h>
#include <ringside/event.h>

#include "tools/message_kind.h"

/*
 * A new object with the keys of ringside-decode(1); the caller owns the reference. 64-bit
 * values are strings of hexadecimal digits ("0x10016d"), since a JSON number holds only
 * 53 bits. all_registers adds the object "registers". NULL: out of memory.
 */
json_t *event_json(const struct rs_event *event, enum message_kind kind, bool all_registers);

#endif
