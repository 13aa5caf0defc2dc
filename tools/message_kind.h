/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* message_kind.h: which way a message went. */
#ifndef TOOLS_MESSAGE_KIND_H
#define TOOLS_MESSAGE_KIND_H

/* The numbers are those of a recorded file. */
enum message_kind {
	MESSAGE_REQUEST = 0,  /* from Xen to the monitor */
	MESSAGE_RESPONSE = 1, /* from the monitor to Xen */
};

#endif
