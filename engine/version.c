/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* version.c: which library this is, and for which Xen. */
#include "config.h"

#include <ringside/version.h>

const char *rs_version(void)
{
	return PACKAGE_VERSION;
}

const char *rs_version_xen(void)
{
	return RS_XEN_RELEASE;
}
