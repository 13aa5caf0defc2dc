/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recorder.h: keeps what goes over the ring: a file TEST.trace for each test in which something
 * does, and two CPUID policies, all in one folder.
 */
#ifndef TESTS_XEN_DRIVER_RECORDER_H
#define TESTS_XEN_DRIVER_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include <ringside/engine.h>

/* From here on all is recorded into the folder, which is there already. */
void recorder_start(const char *folder);
bool recorder_is_on(void);

/*
 * CPUID, in the words of fakexen --cpuid: `cpuid` is what Xen offers a guest, out of which
 * libxenguest makes what this domain's says, `cpuid-guest`.
 */
void recorder_keep_policies(uint32_t domain);

/* Between the two, messages belong to this test. */
void recorder_begin(const char *test);
void recorder_end(void);

/* For rs_engine_options.on_message. */
void recorder_message(enum rs_message_way way, const void *message,
		      const struct rs_layout *layout, void *user);

#endif
