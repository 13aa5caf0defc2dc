/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* virtual.c: translation, and reading and writing by it, through the cache. */
#include <errno.h>

#include "guest/private.h"
#include "guest/walk.h"

/* The registers of a vCPU may point a table anywhere: what is not there names itself. */
static int read_entry(void *context, uint64_t address, void *bytes, size_t size)
{
	return rs_guest_read(context, address, bytes, size, NULL);
}

int rs_guest_translate(struct rs_guest *guest, const struct rs_paging *paging, uint64_t linear,
		       struct rs_translation *translation)
{
	return rs_walk(paging, linear, read_entry, guest, translation);
}

/* The part of a range that is in one page. */
static size_t part_of(const struct rs_translation *translation, uint64_t linear, size_t size)
{
	uint64_t left = translation->page_size - (linear & (translation->page_size - 1));

	return size < left ? size : (size_t)left;
}

int rs_guest_read_virtual(struct rs_guest *guest, const struct rs_paging *paging, uint64_t linear,
			  void *bytes, size_t size, size_t *done)
{
	int error = rs_guest_check_range(guest, linear, size);
	struct rs_translation translation;
	size_t all = 0, part;

	while (!error && all < size) {
		error = rs_guest_translate(guest, paging, linear + all, &translation);
		if (error)
			break;
		error = rs_guest_read(guest, translation.physical, (char *)bytes + all,
				      part_of(&translation, linear + all, size - all), &part);
		all += part;
	}
	if (done)
		*done = all;
	return error;
}

int rs_guest_write_virtual(struct rs_guest *guest, const struct rs_paging *paging, uint64_t linear,
			   const void *bytes, size_t size, size_t *done)
{
	int error = rs_guest_check_range(guest, linear, size);
	struct rs_translation translation;
	size_t all = 0, part;

	while (!error && all < size) {
		error = rs_guest_translate(guest, paging, linear + all, &translation);
		if (error)
			break;
		error = rs_guest_write(guest, translation.physical, (const char *)bytes + all,
				       part_of(&translation, linear + all, size - all), &part);
		all += part;
	}
	if (done)
		*done = all;
	return error;
}
