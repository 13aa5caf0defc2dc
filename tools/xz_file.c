/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* xz_file.c: see xz_file.h; a stream of stdio's over liblzma. */
#define _GNU_SOURCE 1
#include "tools/xz_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <lzma.h>

#define MEMORY_MAX (256u << 20) /* `xz -9` asks for 65 MiB */

struct unpacker {
	FILE *packed;
	lzma_stream stream;
	bool ended;
	uint8_t bytes[65536];
};

/* LZMA_FINISH tells liblzma that what is missing now does not come any more. */
static lzma_action refill(struct unpacker *unpacker)
{
	lzma_stream *stream = &unpacker->stream;

	if (!stream->avail_in) {
		stream->next_in = unpacker->bytes;
		stream->avail_in = fread(unpacker->bytes, 1, sizeof(unpacker->bytes),
					 unpacker->packed);
	}
	return stream->avail_in ? LZMA_RUN : LZMA_FINISH;
}

static ssize_t unpack(void *cookie, char *bytes, size_t size)
{
	struct unpacker *unpacker = cookie;
	lzma_stream *stream = &unpacker->stream;

	stream->next_out = (uint8_t *)bytes;
	stream->avail_out = size;
	while (stream->avail_out == size && !unpacker->ended) {
		lzma_ret result = lzma_code(stream, refill(unpacker));

		unpacker->ended = result == LZMA_STREAM_END;
		if (ferror(unpacker->packed) || (result != LZMA_OK && !unpacker->ended)) {
			errno = EIO;
			return -1;
		}
	}
	return (ssize_t)(size - stream->avail_out);
}

static int end(void *cookie)
{
	struct unpacker *unpacker = cookie;
	int result = fclose(unpacker->packed);

	lzma_end(&unpacker->stream);
	free(unpacker);
	return result;
}

/* Takes `packed`, also where it fails. */
static FILE *open_unpacker(FILE *packed)
{
	static const cookie_io_functions_t functions = { .read = unpack, .close = end };
	struct unpacker *unpacker = calloc(1, sizeof(*unpacker));
	FILE *file = NULL;

	if (!unpacker) {
		fclose(packed);
		errno = ENOMEM;
		return NULL;
	}
	unpacker->packed = packed;
	if (lzma_stream_decoder(&unpacker->stream, MEMORY_MAX, LZMA_CONCATENATED) == LZMA_OK)
		file = fopencookie(unpacker, "r", functions);
	if (file)
		return file;
	end(unpacker);
	errno = ENOMEM;
	return NULL;
}

FILE *xz_file_open(const char *path)
{
	static const char magic[] = { '\xfd', '7', 'z', 'X', 'Z', '\0' };
	FILE *file = fopen(path, "re");
	char first[sizeof(magic)];
	bool packed;

	if (!file)
		return NULL;
	packed = fread(first, 1, sizeof(first), file) == sizeof(first) &&
		 !memcmp(first, magic, sizeof(magic));
	rewind(file);
	return packed ? open_unpacker(file) : file;
}
