/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* image.c: reads a PVH guest's ELF file. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xen/elfnote.h>

#include "tests/xen/driver/image.h"

static const char *error = "";

const char *image_error(void)
{
	return error;
}

static int fail(const char *why)
{
	error = why;
	return -1;
}

static bool inside(size_t size, uint64_t offset, uint64_t length)
{
	return offset <= size && length <= size - offset;
}

static int map_whole(struct image *image, const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;

	if (file < 0)
		return fail(strerror(errno));
	if (!fstat(file, &status) && status.st_size > 0)
		image->file = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
	close(file);
	if (!image->file || image->file == MAP_FAILED) {
		image->file = NULL;
		return fail("it cannot be mapped");
	}
	image->file_size = status.st_size;
	return 0;
}

/* The entry among the notes of one segment. */
static bool find_entry(const uint8_t *notes, size_t size, uint32_t *entry)
{
	Elf64_Nhdr note;

	for (size_t at = 0; at + sizeof(note) <= size;) {
		size_t name, value;

		memcpy(&note, notes + at, sizeof(note));
		name = at + sizeof(note);
		value = name + ((note.n_namesz + 3) & ~3u);
		if (!inside(size, value, note.n_descsz))
			return false;
		if (note.n_type == XEN_ELFNOTE_PHYS32_ENTRY && note.n_namesz == 4 &&
		    !memcmp(notes + name, "Xen", 4) && note.n_descsz >= sizeof(*entry)) {
			memcpy(entry, notes + value, sizeof(*entry));
			return true;
		}
		at = value + ((note.n_descsz + 3) & ~3u);
	}
	return false;
}

static int read_segments(struct image *image, size_t size)
{
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	bool found = false;

	if (size < sizeof(header) || memcmp(image->file, ELFMAG, SELFMAG))
		return fail("no ELF file");
	memcpy(&header, image->file, sizeof(header));
	for (unsigned int i = 0; i < header.e_phnum; i++) {
		if (!inside(size, header.e_phoff + i * sizeof(segment), sizeof(segment)))
			return fail("the program headers are cut off");
		memcpy(&segment, image->file + header.e_phoff + i * sizeof(segment),
		       sizeof(segment));
		if (!inside(size, segment.p_offset, segment.p_filesz) ||
		    segment.p_memsz < segment.p_filesz)
			return fail("a segment is cut off");
		if (segment.p_type == PT_NOTE)
			found |= find_entry(image->file + segment.p_offset, segment.p_filesz,
					    &image->entry);
		if (segment.p_type != PT_LOAD || !segment.p_filesz)
			continue;
		if (image->piece_count == IMAGE_PIECES_MAX)
			return fail("too many segments");
		image->pieces[image->piece_count++] = (struct image_piece){
			.address = segment.p_paddr,
			.bytes = image->file + segment.p_offset,
			.size = segment.p_filesz,
			.memory_size = segment.p_memsz,
		};
	}
	return found ? 0 : fail("no note XEN_ELFNOTE_PHYS32_ENTRY");
}

int image_read(struct image *image, const char *path)
{
	memset(image, 0, sizeof(*image));
	if (map_whole(image, path))
		return -1;
	if (read_segments(image, image->file_size)) {
		image_free(image);
		return -1;
	}
	return 0;
}

void image_free(struct image *image)
{
	if (image->file)
		munmap(image->file, image->file_size);
	image->file = NULL;
	image->piece_count = 0;
}
