# SPDX-License-Identifier: LGPL-2.1-or-later
noinst_LTLIBRARIES += libfakexen-cpu.la
libfakexen_cpu_la_CFLAGS = $(FAKEXEN_CFLAGS)
libfakexen_cpu_la_LIBADD = $(ZYDIS_LIBS)
libfakexen_cpu_la_SOURCES = fakexen/cpu/cpu.h fakexen/cpu/state.h
