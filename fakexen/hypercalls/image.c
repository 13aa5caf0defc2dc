/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* image.c: see image.h. Reads 32- and 64-bit files through one set of structures; every
 * offset of the file is checked before it is followed. */
#include "fakexen/hypercalls/image.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/elfnote.h>

#define PARTS_MAX 64
#define FILE_MAX (256u << 20)

struct fx_image {
	uint8_t *bytes;
	uint64_t size;
	uint32_t entry;
	bool has_entry;
	unsigned int segment_count, constant_count;
	struct fx_image_part segments[PARTS_MAX], constants[PARTS_MAX];
};

/* ---- the file ---- */

static int fail(char *why, size_t why_size, const char *path, const char *what, int error)
{
	snprintf(why, why_size, "%s: %s", path, what);
	return error;
}

static int read_file(struct fx_image *image, const char *path)
{
	FILE *file = fopen(path, "rb");
	long size;
	int error = 0;

	if (!file)
		return -errno;
	if (fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0 || fseek(file, 0, SEEK_SET)) {
		error = -errno;
	} else if (size > FILE_MAX) {
		error = -EFBIG;
	} else {
		image->size = size;
		image->bytes = malloc(size + 1);
		if (!image->bytes)
			error = -ENOMEM;
		else if (fread(image->bytes, 1, size, file) != (size_t)size)
			error = -EIO;
	}
	fclose(file);
	return error;
}

/* `size` bytes at an offset of the file, or NULL. */
static const uint8_t *at(const struct fx_image *image, uint64_t offset, uint64_t size)
{
	if (offset > image->size || size > image->size - offset)
		return NULL;
	return image->bytes + offset;
}

static bool is_64bit(const struct fx_image *image)
{
	return image->bytes[EI_CLASS] == ELFCLASS64;
}

/* ---- headers of either size, as 64-bit ones ---- */

#define WIDEN(to, from, member) ((to)->member = (from)->member)

static bool get_header(const struct fx_image *image, Elf64_Ehdr *header)
{
	if (!at(image, 0, sizeof(Elf32_Ehdr)) || memcmp(image->bytes, ELFMAG, SELFMAG) != 0)
		return false;
	if (is_64bit(image)) {
		if (!at(image, 0, sizeof(*header)))
			return false;
		memcpy(header, image->bytes, sizeof(*header));
	} else {
		Elf32_Ehdr narrow;

		memcpy(&narrow, image->bytes, sizeof narrow);
		WIDEN(header, &narrow, e_phoff);
		WIDEN(header, &narrow, e_phnum);
		WIDEN(header, &narrow, e_phentsize);
		WIDEN(header, &narrow, e_shoff);
		WIDEN(header, &narrow, e_shnum);
		WIDEN(header, &narrow, e_shentsize);
		WIDEN(header, &narrow, e_machine);
	}
	return header->e_machine == EM_X86_64 || header->e_machine == EM_386;
}

static bool get_segment(const struct fx_image *image, const Elf64_Ehdr *header, unsigned int i,
	Elf64_Phdr *segment)
{
	size_t size = is_64bit(image) ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	const uint8_t *bytes = at(image, header->e_phoff + (uint64_t)i * header->e_phentsize, size);
	Elf32_Phdr narrow;

	if (!bytes || header->e_phentsize < size)
		return false;
	if (is_64bit(image)) {
		memcpy(segment, bytes, sizeof(*segment));
		return true;
	}
	memcpy(&narrow, bytes, sizeof narrow);
	WIDEN(segment, &narrow, p_type);
	WIDEN(segment, &narrow, p_flags);
	WIDEN(segment, &narrow, p_offset);
	WIDEN(segment, &narrow, p_vaddr);
	WIDEN(segment, &narrow, p_paddr);
	WIDEN(segment, &narrow, p_filesz);
	WIDEN(segment, &narrow, p_memsz);
	WIDEN(segment, &narrow, p_align);
	return true;
}

static bool get_section(const struct fx_image *image, const Elf64_Ehdr *header, unsigned int i,
	Elf64_Shdr *section)
{
	size_t size = is_64bit(image) ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	const uint8_t *bytes = at(image, header->e_shoff + (uint64_t)i * header->e_shentsize, size);
	Elf32_Shdr narrow;

	if (!bytes || header->e_shentsize < size)
		return false;
	if (is_64bit(image)) {
		memcpy(section, bytes, sizeof(*section));
		return true;
	}
	memcpy(&narrow, bytes, sizeof narrow);
	WIDEN(section, &narrow, sh_type);
	WIDEN(section, &narrow, sh_flags);
	WIDEN(section, &narrow, sh_addr);
	WIDEN(section, &narrow, sh_offset);
	WIDEN(section, &narrow, sh_size);
	return true;
}

/* ---- notes ---- */

static uint64_t align4(uint64_t size)
{
	return (size + 3) & ~(uint64_t)3;
}

/* Looks in one PT_NOTE for Xen's 32-bit entry point. */
static void scan_notes(struct fx_image *image, const uint8_t *notes, uint64_t size)
{
	while (size >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;
		uint64_t whole;

		memcpy(&note, notes, sizeof note);
		whole = sizeof note + align4(note.n_namesz) + align4(note.n_descsz);
		if (whole > size)
			return;
		if (note.n_type == XEN_ELFNOTE_PHYS32_ENTRY && note.n_namesz == 4 &&
			memcmp(notes + sizeof note, "Xen", 4) == 0 && note.n_descsz >= 4) {
			memcpy(&image->entry, notes + sizeof note + 4, sizeof(image->entry));
			image->has_entry = true;
		}
		notes += whole;
		size -= whole;
	}
}

/* ---- what is in it ---- */

static int scan_segments(struct fx_image *image, const Elf64_Ehdr *header)
{
	for (unsigned int i = 0; i < header->e_phnum; i++) {
		Elf64_Phdr segment;
		const uint8_t *bytes;

		if (!get_segment(image, header, i, &segment))
			return -ENOEXEC;
		bytes = at(image, segment.p_offset, segment.p_filesz);
		if (segment.p_type != PT_LOAD && segment.p_type != PT_NOTE)
			continue;
		if (!bytes)
			return -ENOEXEC;
		if (segment.p_type == PT_NOTE) {
			scan_notes(image, bytes, segment.p_filesz);
			continue;
		}
		if (image->segment_count == PARTS_MAX || segment.p_memsz < segment.p_filesz ||
			segment.p_paddr + segment.p_memsz < segment.p_paddr)
			return -ENOEXEC;
		image->segments[image->segment_count++] = (struct fx_image_part){
			segment.p_paddr, bytes, segment.p_filesz, segment.p_memsz };
	}
	return image->segment_count ? 0 : -ENOEXEC;
}

/* Where a stretch of the file is loaded, or false. */
static bool loaded_at(const struct fx_image *image, const uint8_t *bytes, uint64_t size,
	uint64_t *address)
{
	for (unsigned int i = 0; i < image->segment_count; i++) {
		const struct fx_image_part *segment = &image->segments[i];

		if (bytes < segment->bytes || bytes + size > segment->bytes + segment->size)
			continue;
		*address = segment->address + (bytes - segment->bytes);
		return true;
	}
	return false;
}

/* A segment may hold code and data; the sections tell them apart. */
static void scan_sections(struct fx_image *image, const Elf64_Ehdr *header)
{
	for (unsigned int i = 0; i < header->e_shnum; i++) {
		Elf64_Shdr section;
		const uint8_t *bytes;
		uint64_t address;

		if (!get_section(image, header, i, &section) || section.sh_type != SHT_PROGBITS ||
			!(section.sh_flags & SHF_ALLOC))
			continue;
		if ((section.sh_flags & SHF_WRITE) && !(section.sh_flags & SHF_EXECINSTR))
			continue;
		bytes = at(image, section.sh_offset, section.sh_size);
		if (!bytes || image->constant_count == PARTS_MAX ||
			!loaded_at(image, bytes, section.sh_size, &address))
			continue;
		image->constants[image->constant_count++] = (struct fx_image_part){
			address, bytes, section.sh_size, section.sh_size };
	}
}

int fx_image_open(struct fx_image **out, const char *path, char *why, size_t why_size)
{
	struct fx_image *image = calloc(1, sizeof(*image));
	Elf64_Ehdr header = { 0 };
	int error;

	if (!image)
		return fail(why, why_size, path, "no memory", -ENOMEM);
	error = read_file(image, path);
	if (error) {
		fail(why, why_size, path, strerror(-error), error);
	} else if (!get_header(image, &header)) {
		error = fail(why, why_size, path, "not an x86 ELF file", -ENOEXEC);
	} else if (scan_segments(image, &header)) {
		error = fail(why, why_size, path, "damaged, or nothing in it to load", -ENOEXEC);
	} else if (!image->has_entry) {
		error = fail(why, why_size, path,
			"not a PVH image: it has no note XEN_ELFNOTE_PHYS32_ENTRY", -ENOEXEC);
	}
	if (error) {
		fx_image_close(image);
		return error;
	}
	scan_sections(image, &header);
	*out = image;
	return 0;
}

void fx_image_close(struct fx_image *image)
{
	free(image->bytes);
	free(image);
}

uint32_t fx_image_entry(const struct fx_image *image)
{
	return image->entry;
}

uint64_t fx_image_end(const struct fx_image *image)
{
	uint64_t end = 0;

	for (unsigned int i = 0; i < image->segment_count; i++) {
		const struct fx_image_part *segment = &image->segments[i];

		if (segment->address + segment->memory_size > end)
			end = segment->address + segment->memory_size;
	}
	return end;
}

const struct fx_image_part *fx_image_segment(const struct fx_image *image, unsigned int i)
{
	return i < image->segment_count ? &image->segments[i] : NULL;
}

const struct fx_image_part *fx_image_constant(const struct fx_image *image, unsigned int i)
{
	return i < image->constant_count ? &image->constants[i] : NULL;
}
