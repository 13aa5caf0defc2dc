/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* image.h: a PVH ELF file: where it is entered, what goes where in guest memory, and which
 * of it is code or constant. */
#ifndef FAKEXEN_HYPERCALLS_IMAGE_H
#define FAKEXEN_HYPERCALLS_IMAGE_H

#include <stddef.h>
#include <stdint.h>

struct fx_image;

struct fx_image_part {
	uint64_t address;       /* guest-physical */
	const uint8_t *bytes;   /* `size` of them from the file, then zeros up to `memory_size` */
	uint64_t size, memory_size;
};

/* 0, or -errno with a text in `why`. */
int fx_image_open(struct fx_image **image, const char *path, char *why, size_t why_size);
void fx_image_close(struct fx_image *image);

uint32_t fx_image_entry(const struct fx_image *image);
/* The end of what it occupies. */
uint64_t fx_image_end(const struct fx_image *image);
/* The i-th segment to load; and the i-th part that should never change. NULL: no more. */
const struct fx_image_part *fx_image_segment(const struct fx_image *image, unsigned int i);
const struct fx_image_part *fx_image_constant(const struct fx_image *image, unsigned int i);

#endif
