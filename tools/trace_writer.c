/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trace_writer.c: writes recorded vm_event messages. */
#include "tools/trace_writer.h"

#include <errno.h>
#include <time.h>

#include "tools/trace_format.h"

static void put(struct trace_writer *writer, const void *bytes, size_t size)
{
	if (fwrite(bytes, size, 1, writer->stream) != 1 && !writer->error)
		writer->error = errno ? errno : EIO;
}

int trace_writer_open(struct trace_writer *writer, const char *path, uint32_t version,
		      uint32_t message_size)
{
	struct trace_file_header header = {
		.magic = TRACE_MAGIC,
		.container_version = TRACE_CONTAINER_VERSION,
		.header_size = sizeof(header),
		.message_version = version,
		.message_size = message_size,
	};

	*writer = (struct trace_writer){ .stream = fopen(path, "wb"),
					 .message_size = message_size };
	if (!writer->stream)
		return -errno;
	put(writer, &header, sizeof(header));
	return 0;
}

void trace_writer_put(struct trace_writer *writer, enum message_kind kind, const void *message)
{
	struct trace_record_header header = {
		.kind = kind,
		.message_size = writer->message_size,
	};
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	header.time_ns = now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
	put(writer, &header, sizeof(header));
	put(writer, message, writer->message_size);
}

int trace_writer_close(struct trace_writer *writer)
{
	if (fclose(writer->stream) && !writer->error)
		writer->error = errno;
	writer->stream = NULL;
	return -writer->error;
}
