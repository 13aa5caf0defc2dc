# SPDX-License-Identifier: LGPL-2.1-or-later
# fakexen itself. It is linked from convenience libraries only, so that the one in the
# build folder is the program, not libtool's wrapper, and runs in place.
bin_PROGRAMS += fakexen$(EXEEXT)
fakexen_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE=1 -DPKGLIBDIR='"$(pkglibdir)"' \
	-DPKGDATADIR='"$(pkgdatadir)"'
fakexen_CFLAGS = $(FAKEXEN_CFLAGS) $(JANSSON_CFLAGS)
fakexen_LDFLAGS = $(FAKEXEN_SANITIZER_LDFLAGS)
fakexen_LDADD = libfakexen-hypercalls.la libfakexen-vcpu.la libfakexen-cpu.la \
	libfakexen-model.la $(JANSSON_LIBS) $(ZYDIS_LIBS) -lpthread
fakexen_SOURCES = fakexen/launcher/calls.c fakexen/launcher/command.c \
	fakexen/launcher/connections.c fakexen/launcher/device.c fakexen/launcher/execute.c \
	fakexen/launcher/folder.c fakexen/launcher/launcher.h fakexen/launcher/log.c fakexen/launcher/machine.c \
	fakexen/launcher/main.c fakexen/launcher/names.c fakexen/launcher/names.h \
	fakexen/launcher/options.c fakexen/launcher/options.h fakexen/launcher/process.c \
	fakexen/launcher/report.c fakexen/launcher/world.c \
	fakexen/launcher/xenstore/server.c fakexen/launcher/xenstore/store.c \
	fakexen/launcher/xenstore/store.h fakexen/launcher/xenstore/transaction.c \
	fakexen/launcher/xenstore/tree.c fakexen/launcher/xenstore/tree.h \
	fakexen/launcher/xenstore/watch.c
