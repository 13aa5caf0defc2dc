/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* decode.h: a message to an event, for those who have checked it already. */
#ifndef RS_ENGINE_DECODE_H
#define RS_ENGINE_DECODE_H

#include <ringside/event.h>

/*
 * rs_decode without its checks: message holds layout->message_size bytes and has that
 * version (the ring has looked). Any bytes make some event; nothing here can fail.
 */
void rs_event_read(struct rs_event *event, const void *message, const struct rs_layout *layout);

#endif
