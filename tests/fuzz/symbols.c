/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* symbols.c: bytes become a file of symbols, a System.map or an ISF, packed or not. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tools/symbol_list.h"

/* A file of these bytes, by a name; made once. */
static const char *write_file(const uint8_t *data, size_t size)
{
	static char path[64];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("symbols", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	FUZZ_MUST(fd >= 0 && !ftruncate(fd, 0));
	FUZZ_MUST(pwrite(fd, data, size, 0) == (ssize_t)size);
	return path;
}

/* Names are words, and each entry has one; what is not unpacked cannot hold more than it has bytes for. */
static void check_list(const struct symbol_list *list, const uint8_t *data, size_t size, int error)
{
	size_t bytes = 0;

	FUZZ_MUST(list->count <= list->room && (error || list->count));
	for (size_t i = 0; i < list->count; i++) {
		if (!list->all[i].name) {
			FUZZ_MUST(error == -ENOMEM && i == list->count - 1);
			continue;
		}
		bytes += strlen(list->all[i].name);
	}
	FUZZ_MUST((size && data[0] == 0xfd) || bytes <= size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct symbol_list list = { 0 };
	int error = symbol_list_read(&list, write_file(data, size));

	FUZZ_MUST(!error || error == -EINVAL || error == -EIO || error == -ENOMEM);
	check_list(&list, data, size, error);
	symbol_list_free(&list);
	return 0;
}
