/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ringside.h: all of libringside's public interface. */
#ifndef RINGSIDE_RINGSIDE_H
#define RINGSIDE_RINGSIDE_H

#include <ringside/event.h>

#endif
