/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * error.h: what went wrong, in words.
 *
 * Every call that can fail returns 0 or more, or a negative errno. Beside that number the
 * library keeps one line of text for each thread: which call failed, on which domain, why,
 * and what helps against it. Some numbers that have a meaning of their own here:
 *
 *   -ESRCH            no such domain
 *   -EPERM, -EACCES   no permission; EACCES also: Xen is of another release than the build
 *   -ENOENT           this is not a Xen dom0, or no such name
 *   -EBUSY            another agent holds the domain's monitor ring, or has died and left it
 *   -EOPNOTSUPP       this Xen, this domain or this processor cannot do that
 *   -ENODEV           the guest ended (or was destroyed) while it was watched
 *   -EINVAL           the caller's options make no sense; the text says which
 */
#ifndef RINGSIDE_ERROR_H
#define RINGSIDE_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * What the last failing call of this thread has to say; "" if none has failed. One line
 * without a newline. Valid until the thread's next call into the library.
 */
const char *rs_error_text(void);

/*
 * The text for an error number (of either sign): rs_error_text() if that was the last
 * failure of this thread, else the C library's words for it. Never NULL; same lifetime.
 */
const char *rs_strerror(int error);

/*
 * Prints "WHAT: TEXT" and a newline to stderr, and returns 1, fit for main to return. The
 * library prints nothing but by this call.
 */
int rs_perror(const char *what, int error);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
