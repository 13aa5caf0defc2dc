/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* next.c: libc's own functions. */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

#include "fakexen/atomics.h"
#include "fakexen/shim/shim.h"

void *shim_next(void **cache, const char *name)
{
	void *function = fx_load_relaxed(cache);

	if (function)
		return function;
	function = dlsym(RTLD_NEXT, name);
	if (!function)
		abort();
	fx_store_relaxed(cache, function);
	return function;
}

long shim_return(long result)
{
	if (result >= 0)
		return result;
	errno = (int)-result;
	return -1;
}
