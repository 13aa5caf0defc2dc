/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trace_writer.h: writes recorded vm_event messages, for trace_file.h to read. */
#ifndef TOOLS_TRACE_WRITER_H
#define TOOLS_TRACE_WRITER_H

#include <stdint.h>
#include <stdio.h>

#include "tools/message_kind.h"

struct trace_writer {
	FILE *stream;
	uint32_t message_size;
	int error; /* of the first write that failed, as a positive errno */
};

/* Makes or empties the file `path`. `version` and `message_size`: of all its messages. 0 or
 * -errno. */
int trace_writer_open(struct trace_writer *writer, const char *path, uint32_t version,
		      uint32_t message_size);

/* A failure is kept for trace_writer_close. */
void trace_writer_put(struct trace_writer *writer, enum message_kind kind, const void *message);

/* 0, or -errno of the first thing that failed since it was opened. */
int trace_writer_close(struct trace_writer *writer);

#endif
