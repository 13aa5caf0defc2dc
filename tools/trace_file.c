/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trace_file.c: reads recorded vm_event messages. */
#include "tools/trace_file.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include <ringside/event.h>

#include "tools/trace_format.h"

__attribute__((format(printf, 4, 5))) static int fail(struct trace_file *file, int error,
						      uint64_t offset, const char *format, ...)
{
	va_list arguments;

	file->fault_offset = offset;
	va_start(arguments, format);
	vsnprintf(file->fault, sizeof(file->fault), format, arguments);
	va_end(arguments);
	return error;
}

/* How many bytes came, less than size only at the end of the file; -EIO: it cannot be read. */
static int read_bytes(struct trace_file *file, void *bytes, size_t size)
{
	uint64_t start = file->offset;
	size_t count = fread(bytes, 1, size, file->stream);

	file->offset += count;
	if (count < size && ferror(file->stream))
		return fail(file, -EIO, start, "cannot be read: %s", strerror(errno));
	return (int)count;
}

static int check_header(struct trace_file *file, const struct trace_file_header *header)
{
	const struct rs_layout *layout = rs_layout_find(header->message_version);

	if (memcmp(header->magic, TRACE_MAGIC, sizeof(header->magic)))
		return fail(file, -EBADMSG, 0,
			    "does not begin with \"vmevent\": give a file of recorded vm_event "
			    "messages");
	if (header->container_version != TRACE_CONTAINER_VERSION)
		return fail(file, -EBADMSG, offsetof(struct trace_file_header, container_version),
			    "is of container version %u, and only version %u is known: use the "
			    "ringside that goes with the recorder",
			    header->container_version, TRACE_CONTAINER_VERSION);
	if (header->header_size != sizeof(*header))
		return fail(file, -EBADMSG, offsetof(struct trace_file_header, header_size),
			    "has a header of %u bytes instead of %zu: record it again",
			    header->header_size, sizeof(*header));
	if (!layout || layout->message_size > TRACE_MESSAGE_SIZE_MAX)
		return fail(file, -EBADMSG, offsetof(struct trace_file_header, message_version),
			    "holds messages of version %u, and only 6 and 7 (Xen 4.14 and later) "
			    "are known: record on such a Xen",
			    header->message_version);
	if (header->message_size != layout->message_size)
		return fail(file, -EBADMSG, offsetof(struct trace_file_header, message_size),
			    "says that messages of version %u have %u bytes instead of %u: "
			    "record it again",
			    header->message_version, header->message_size, layout->message_size);
	return 0;
}

int trace_file_open(struct trace_file *file, FILE *stream)
{
	struct trace_file_header header;
	int count, error;

	*file = (struct trace_file){ .stream = stream };
	count = read_bytes(file, &header, sizeof(header));
	if (count < 0)
		return count;
	if (count == 0)
		return fail(file, -EBADMSG, 0, "is empty: record it again");
	if (count < (int)sizeof(header))
		return fail(file, -EBADMSG, file->offset,
			    "ends after %d of the header's %zu bytes: give a whole file of "
			    "recorded vm_event messages",
			    count, sizeof(header));
	error = check_header(file, &header);
	if (error)
		return error;
	file->version = header.message_version;
	file->message_size = header.message_size;
	return 0;
}

static int cut_short(struct trace_file *file, const char *part, int count, size_t size)
{
	return fail(file, -EBADMSG, file->offset,
		    "is cut short: the %s has %d of %zu bytes; the records before it are whole, "
		    "copy or record it again for the rest",
		    part, count, size);
}

int trace_file_read(struct trace_file *file, struct trace_record *record)
{
	struct trace_record_header header;
	int count;

	record->offset = file->offset;
	count = read_bytes(file, &header, sizeof(header));
	if (count <= 0)
		return count;
	if (count < (int)sizeof(header))
		return cut_short(file, "record's header", count, sizeof(header));
	if (header.kind > MESSAGE_RESPONSE)
		return fail(file, -EBADMSG, record->offset,
			    "has a record of kind %u, neither request (0) nor response (1): "
			    "it is damaged from here on, record it again",
			    header.kind);
	if (header.message_size != file->message_size)
		return fail(file, -EBADMSG,
			    record->offset + offsetof(struct trace_record_header, message_size),
			    "has a message of %u bytes where all have %u: it is damaged from "
			    "here on, record it again",
			    header.message_size, file->message_size);
	record->kind = (enum message_kind)header.kind;
	record->time_ns = header.time_ns;
	count = read_bytes(file, record->message, file->message_size);
	if (count < 0)
		return count;
	if (count < (int)file->message_size)
		return cut_short(file, "message", count, file->message_size);
	return 1;
}
