# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs in the launcher and, inside notify and unmask, in every caller's process.
noinst_LTLIBRARIES += libfakexen-model.la
libfakexen_model_la_LIBTOOLFLAGS = $(ARCHIVE_ONLY)
libfakexen_model_la_CFLAGS = $(FAKEXEN_CFLAGS)
libfakexen_model_la_LIBADD = -lpthread
libfakexen_model_la_SOURCES = fakexen/model/lock.c fakexen/model/model.c \
	fakexen/model/p2m.c fakexen/model/altp2m.c fakexen/model/altp2m.h \
	fakexen/model/vm_event.c fakexen/model/answer.c fakexen/model/ring.h \
	fakexen/model/registers.c fakexen/model/registers.h fakexen/model/port.c \
	fakexen/model/histogram.c fakexen/histogram.h \
	fakexen/clock.h fakexen/lock.h fakexen/model.h \
	fakexen/host.h fakexen/xen.h fakexen/p2m.h fakexen/vm_event.h fakexen/vcpu.h \
	fakexen/port.h fakexen/hypercall.h fakexen/call.h fakexen/atomics.h fakexen/futex.h \
	fakexen/wire.h
