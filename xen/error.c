/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* error.c: the last error of each thread, in words, and the cures that are known. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ringside/error.h>
#include <ringside/version.h>

#include "xen/error.h"
#include "xen/private.h"

static _Thread_local struct rs_error_note last; /* error: positive; 0: none yet */

int rs_fail(int error, const char *format, ...)
{
	va_list arguments;

	last.error = abs(error);
	va_start(arguments, format);
	vsnprintf(last.text, sizeof(last.text), format, arguments);
	va_end(arguments);
	return -last.error;
}

/* What helps against an errno whatever the call was, or NULL. */
static const char *known_cure(int error)
{
	switch (error) {
	case EPERM:
		return "run it as root in dom0";
	case ESRCH:
		return "there is no such domain (any more): see xl list";
	case ENOSYS:
		return "this Xen, or its kernel driver, does not have the call";
	case ENOMEM:
		return "memory is short in dom0 or in Xen";
	case ENODEV:
		return "the domain has no monitor ring any more";
	default:
		return NULL;
	}
}

static int fail_release(const struct rs_xen *xen, const char *call)
{
	return rs_fail(EACCES,
		       "%s: Xen %u.%u%s runs here, but this is built for Xen %s, and Xen takes "
		       "tools of its own release only: build it with the headers of Xen %u.%u",
		       call, xen->major, xen->minor, xen->extra, rs_version_xen(), xen->major,
		       xen->minor);
}

int rs_xen_fail_cure(const struct rs_xen *xen, const char *call, uint32_t domain,
		     const char *cure)
{
	int error = errno ? errno : EIO;
	char where[32] = "";

	if (error == EACCES && xen)
		return fail_release(xen, call);
	if (!cure)
		cure = known_cure(error);
	if (domain != RS_NO_DOMAIN)
		snprintf(where, sizeof(where), ", domain %u", domain);
	return rs_fail(error, "%s%s: %s%s%s", call, where, strerror(error), cure ? ": " : "",
		       cure ? cure : "");
}

int rs_xen_fail(const struct rs_xen *xen, const char *call, uint32_t domain)
{
	return rs_xen_fail_cure(xen, call, domain, NULL);
}

void rs_error_keep(struct rs_error_note *note)
{
	*note = last;
}

void rs_error_restore(const struct rs_error_note *note)
{
	if (note->error)
		last = *note;
}

const char *rs_error_text(void)
{
	return last.text;
}

const char *rs_strerror(int error)
{
	if (error && abs(error) == last.error)
		return last.text;
	return strerror(abs(error));
}

int rs_perror(const char *what, int error)
{
	fprintf(stderr, "%s: %s\n", what, rs_strerror(error));
	return 1;
}
