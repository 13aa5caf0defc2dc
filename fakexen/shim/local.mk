# SPDX-License-Identifier: LGPL-2.1-or-later
# The preloaded shim: a module with the model's own code inside. It goes into programs
# that carry a sanitizer of their own, so it never carries one itself.
pkglib_LTLIBRARIES += libfakexen-shim.la
libfakexen_shim_la_LIBTOOLFLAGS = $(SHARED_ONLY)
libfakexen_shim_la_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE=1 -U_FORTIFY_SOURCE
# No tail calls: ThreadSanitizer knows by the return address that a call is the shim's (thread.supp).
libfakexen_shim_la_CFLAGS = -std=gnu11 $(WARNING_CFLAGS) -O2 -fvisibility=hidden \
	-fno-optimize-sibling-calls
libfakexen_shim_la_LDFLAGS = -module -avoid-version -shared -Wl,-z,defs
libfakexen_shim_la_LIBADD = -ldl -lpthread
libfakexen_shim_la_SOURCES = fakexen/shim/attach.c fakexen/shim/call.c \
	fakexen/shim/descriptor.c fakexen/shim/descriptors.c fakexen/shim/evtchn.c \
	fakexen/shim/files.c fakexen/shim/hidden.c fakexen/shim/host.c fakexen/shim/kernel.c \
	fakexen/shim/mapping.c fakexen/shim/next.c fakexen/shim/path.c fakexen/shim/privcmd.c \
	fakexen/shim/shim.h fakexen/thread.h $(libfakexen_model_la_SOURCES)
