/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sized.c: see sized.h. */
#include "xen/sized.h"

#include <errno.h>
#include <string.h>

#include "xen/error.h"

int rs_options_read(void *to, size_t to_size, const void *from, size_t size)
{
	const unsigned char *bytes = from;

	memset(to, 0, to_size);
	if (!from)
		return 0;
	for (size_t i = to_size; i < size; i++)
		if (bytes[i])
			return rs_fail(EINVAL,
				       "the options have a member that this library does not "
				       "know: the program was built for a newer one");
	memcpy(to, from, size < to_size ? size : to_size);
	return 0;
}
