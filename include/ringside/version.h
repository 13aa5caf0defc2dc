/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* version.h: which libringside this is. */
#ifndef RINGSIDE_VERSION_H
#define RINGSIDE_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The library's version, "0.1.0". Never NULL, constant; any thread. */
const char *rs_version(void);

/*
 * The release of Xen that the library was built for, "4.17". Xen's tool interface changes
 * with every release and Xen refuses a tool of another one (EACCES): rs_probe tells the
 * release that runs. Never NULL, constant; any thread.
 */
const char *rs_version_xen(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
