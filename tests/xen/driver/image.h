/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* image.h: a PVH guest's ELF file: what to load where, and its 32-bit entry. */
#ifndef TESTS_XEN_DRIVER_IMAGE_H
#define TESTS_XEN_DRIVER_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#define IMAGE_PIECES_MAX 8

struct image_piece {
	uint64_t address; /* guest-physical */
	const uint8_t *bytes;
	size_t size;
	size_t memory_size; /* the rest is zeros */
};

struct image {
	struct image_piece pieces[IMAGE_PIECES_MAX];
	size_t piece_count;
	uint32_t entry; /* XEN_ELFNOTE_PHYS32_ENTRY */
	uint8_t *file; /* mapped */
	size_t file_size;
};

/* 0, or -1: image_error() says why. */
int image_read(struct image *image, const char *path);
const char *image_error(void);
void image_free(struct image *image);

#endif
