/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* window.c: mappings that are the caller's own. */
#include <errno.h>
#include <stdlib.h>

#include "guest/private.h"
#include "xen/error.h"

#define SIZE_MAX_MAPPED (4ULL << 30)
#define FRAMES_ON_STACK 256

static size_t frames_of(uint64_t address, size_t size)
{
	return (address % RS_FRAME_SIZE + size + RS_FRAME_SIZE - 1) / RS_FRAME_SIZE;
}

static int check_frames(const struct rs_guest *guest, uint64_t gfn, size_t count,
			const int *errors)
{
	for (size_t i = 0; i < count; i++)
		if (errors[i])
			return rs_guest_fail_frame(guest, "map", gfn + i, errors[i]);
	return 0;
}

int rs_guest_map(struct rs_guest *guest, uint64_t address, size_t size, bool writable,
		 void **bytes)
{
	uint64_t gfn = address / RS_FRAME_SIZE;
	size_t count = frames_of(address, size);
	int error = rs_guest_check_range(guest, address, size);
	int some[FRAMES_ON_STACK], *errors = some;
	void *pages;

	*bytes = NULL;
	if (error)
		return error;
	if (!size || size > SIZE_MAX_MAPPED)
		return rs_fail(EINVAL, "map, domain %u: %zu bytes: 1 to 4 GiB can be mapped at "
				       "once", guest->domain, size);
	if (count > FRAMES_ON_STACK)
		errors = calloc(count, sizeof(*errors));
	if (!errors)
		return rs_fail(ENOMEM, "no memory to map %zu frames", count);
	error = rs_xen_foreign_map(guest->foreign, gfn, count, writable, &pages, errors);
	if (!error) {
		error = check_frames(guest, gfn, count, errors);
		if (error)
			rs_xen_foreign_unmap(guest->foreign, pages, count);
		else
			*bytes = (char *)pages + address % RS_FRAME_SIZE;
	}
	if (errors != some)
		free(errors);
	return error;
}

void rs_guest_unmap(struct rs_guest *guest, void *bytes, size_t size)
{
	uintptr_t address = (uintptr_t)bytes;

	if (bytes)
		rs_xen_foreign_unmap(guest->foreign, (char *)bytes - address % RS_FRAME_SIZE,
				     frames_of(address, size));
}
