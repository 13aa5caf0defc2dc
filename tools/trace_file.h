/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trace_file.h: reads recorded vm_event messages.
 *
 * A file is a header of 32 bytes and then records until its end; ringside-decode(1) has
 * the format. Nothing in it is believed before it is checked.
 */
#ifndef TOOLS_TRACE_FILE_H
#define TOOLS_TRACE_FILE_H

#include <stdint.h>
#include <stdio.h>

#include "tools/message_kind.h"

#define TRACE_MESSAGE_SIZE_MAX 400

struct trace_file {
	FILE *stream;
	uint64_t offset; /* of the next byte to be read */
	uint32_t version; /* of the messages */
	uint32_t message_size;
	/* Why a call has failed: at which byte, what is wrong, and what to do about it. */
	uint64_t fault_offset;
	char fault[200];
};

struct trace_record {
	enum message_kind kind;
	uint64_t offset;  /* of the record in the file */
	uint64_t time_ns; /* of the recorder's monotonic clock */
	uint8_t message[TRACE_MESSAGE_SIZE_MAX];
};

/*
 * Reads and checks the header from a stream, which stays the caller's. -EIO: it cannot be
 * read. -EBADMSG: it is no recorded file, or of a version that we do not know. Either way
 * file->fault says more.
 */
int trace_file_open(struct trace_file *file, FILE *stream);

/* 1: *record holds the next one. 0: the file ends here, as it should. Errors as above. */
int trace_file_read(struct trace_file *file, struct trace_record *record);

#endif
