/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* exit_code.c: see exit_code.h. */
#include "tools/exit_code.h"

#include <errno.h>

int exit_code_of(int error)
{
	switch (error < 0 ? -error : error) {
	case 0:
		return EXIT_DONE;
	case ESRCH:
	case ENOENT:
		return EXIT_NO_DOMAIN;
	case EPERM:
	case EACCES:
		return EXIT_PERMISSION;
	case EBUSY:
		return EXIT_BUSY;
	case EOPNOTSUPP:
	case EFAULT:
		return EXIT_UNSUPPORTED;
	case EINVAL:
		return EXIT_USAGE;
	case ENODEV:
		return EXIT_GUEST_GONE;
	default:
		return EXIT_FAILED;
	}
}
