/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mem-dump.c: writes a guest's physical memory to a file; what is no RAM becomes zeros.
 *
 *	mem-dump DOMAIN FILE
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <ringside/ringside.h>

#define PAGE 4096

static int dump(struct rs_guest *guest, FILE *file)
{
	static char bytes[256 * PAGE];
	uint64_t begin, end = 0;
	int error;

	/* From one run of RAM to the next. */
	while (!(error = rs_guest_find_ram(guest, end, &begin, &end))) {
		if (fseeko(file, (off_t)begin, SEEK_SET))
			return rs_perror("mem-dump", -errno);
		printf("%#" PRIx64 " to %#" PRIx64 "\n", begin, end);
		for (uint64_t at = begin; at < end; at += sizeof(bytes)) {
			size_t size = end - at < sizeof(bytes) ? (size_t)(end - at) : sizeof(bytes);
			size_t done;

			/* The guest may have given some of it away just now. */
			memset(bytes, 0, size);
			error = rs_guest_read(guest, at, bytes, size, &done);
			if (error && error != -EFAULT)
				return rs_perror("mem-dump", error);
			if (fwrite(bytes, 1, size, file) != size)
				return rs_perror("mem-dump", -errno);
		}
	}
	return error == -ENOENT ? 0 : rs_perror("mem-dump", error);
}

int main(int argc, char **argv)
{
	struct rs_guest *guest;
	FILE *file;
	int error;

	if (argc != 3) {
		fprintf(stderr, "usage: mem-dump DOMAIN FILE\n");
		return 2;
	}
	error = rs_guest_open(&guest, argv[1], NULL);
	if (error)
		return rs_perror("mem-dump", error);
	file = fopen(argv[2], "wb");
	if (!file)
		error = rs_perror(argv[2], -errno);
	else
		error = dump(guest, file);
	if (file && fclose(file) && !error)
		error = rs_perror(argv[2], -errno);
	rs_guest_close(guest);
	return error != 0;
}
