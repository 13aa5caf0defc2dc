/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * error.h: how a failure gets its number and its text.
 *
 * The text is the thread's own (include/ringside/error.h shows it to the user), so any
 * thread may fail at any time without a lock.
 */
#ifndef RS_XEN_ERROR_H
#define RS_XEN_ERROR_H

#include <stdint.h>

struct rs_xen;

/* No particular domain is meant. */
#define RS_NO_DOMAIN UINT32_MAX

/*
 * Notes an error and its text for this thread. `error` may have either sign and must not be
 * 0. Returns it negative, so that callers can write: return rs_fail(EINVAL, "...").
 */
int rs_fail(int error, const char *format, ...) __attribute__((format(printf, 2, 3), cold));

/*
 * Turns errno, just set by the Xen call `call` about `domain`, into -errno and a text: the
 * call, the domain, the reason, and the cure where there is a known one. ENOMEM, ESRCH,
 * EPERM, EACCES and so on have the same cure whatever the call was.
 */
int rs_xen_fail(const struct rs_xen *xen, const char *call, uint32_t domain)
	__attribute__((cold));

/* The same with a cure that only the caller knows. */
int rs_xen_fail_cure(const struct rs_xen *xen, const char *call, uint32_t domain,
		     const char *cure) __attribute__((cold));

/*
 * Around a clean-up that may fail in its turn: the first failure is the one to be told.
 * Restoring an error of 0 does nothing.
 */
struct rs_error_note {
	int error;
	char text[384];
};

void rs_error_keep(struct rs_error_note *note);
void rs_error_restore(const struct rs_error_note *note);

#endif
