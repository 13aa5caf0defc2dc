/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trace_format.h: a file of recorded vm_event messages, as its bytes lie; ringside-decode(1). */
#ifndef TOOLS_TRACE_FORMAT_H
#define TOOLS_TRACE_FORMAT_H

#include <endian.h>
#include <stdint.h>

#define TRACE_MAGIC "vmevent" /* with its 0 */
#define TRACE_CONTAINER_VERSION 1

struct trace_file_header {
	char magic[8];
	uint16_t container_version;
	uint16_t header_size;
	uint32_t message_version;
	uint32_t message_size;
	uint8_t zero[12];
};

/* Before each message, until the end of the file. */
struct trace_record_header {
	uint8_t kind; /* enum message_kind */
	uint8_t zero[3];
	uint32_t message_size;
	uint64_t time_ns;
};

_Static_assert(sizeof(struct trace_file_header) == 32, "the file fixes it");
_Static_assert(sizeof(struct trace_record_header) == 16, "the file fixes it");
_Static_assert(__BYTE_ORDER == __LITTLE_ENDIAN, "a file is little-endian, as x86 is");

#endif
