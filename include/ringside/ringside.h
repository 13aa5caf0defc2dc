/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ringside.h: all of libringside's public interface. */
#ifndef RINGSIDE_RINGSIDE_H
#define RINGSIDE_RINGSIDE_H

#include <ringside/coverage.h>
#include <ringside/engine.h>
#include <ringside/error.h>
#include <ringside/event.h>
#include <ringside/guest.h>
#include <ringside/log.h>
#include <ringside/probe.h>
#include <ringside/recover.h>
#include <ringside/reply.h>
#include <ringside/set.h>
#include <ringside/statistics.h>
#include <ringside/vcpu.h>
#include <ringside/version.h>
#include <ringside/view.h>
#include <ringside/watch.h>

#endif
