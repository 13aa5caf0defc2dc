/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* release.h: XEN_RELEASE, the release of Xen that these tests are compiled for: 417. */
#ifndef TESTS_XEN_DRIVER_RELEASE_H
#define TESTS_XEN_DRIVER_RELEASE_H

/* First: it defines __XEN_TOOLS__, without which domctl.h refuses to be read. */
#include <xenctrl.h>
#include <xen/vm_event.h>

/* Xen's headers do not say their release, but the domctl interface changes with most. */
#if XEN_DOMCTL_INTERFACE_VERSION == 0x12
#define XEN_RELEASE 414
#elif XEN_DOMCTL_INTERFACE_VERSION == 0x13
#define XEN_RELEASE 415
#elif XEN_DOMCTL_INTERFACE_VERSION == 0x14
#define XEN_RELEASE 416
#elif XEN_DOMCTL_INTERFACE_VERSION == 0x15
#define XEN_RELEASE 417
#elif XEN_DOMCTL_INTERFACE_VERSION == 0x16
#define XEN_RELEASE 418
#else
#define XEN_RELEASE 419 /* or later */
#endif

#endif
