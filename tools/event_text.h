/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* event_text.h: one event as one line for people. */
#ifndef TOOLS_EVENT_TEXT_H
#define TOOLS_EVENT_TEXT_H

#include <stddef.h>

#include <ringside/event.h>

#include "tools/message_kind.h"

/* Room for any line that event_text makes. */
#define EVENT_TEXT_SIZE 2048

/* Writes the line, without a newline, into text; cuts it, with its '\0', at size bytes. */
void event_text(const struct rs_event *event, enum message_kind kind, char *text, size_t size);

#endif
