/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* full.h: when all eight slots of the ring are open, no other vCPU can report anything. */
#ifndef RS_ENGINE_FULL_H
#define RS_ENGINE_FULL_H

struct rs_engine;

/*
 * Where an event becomes one that stays open for a while: before a slow handler, and when it is
 * kept. If all slots are open that is counted, and told where there are more vCPUs than slots,
 * every ten seconds at most. Any thread.
 */
void rs_full_look(struct rs_engine *engine);

#endif
