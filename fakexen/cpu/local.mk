# SPDX-License-Identifier: LGPL-2.1-or-later
noinst_LTLIBRARIES += libfakexen-cpu.la
libfakexen_cpu_la_LIBTOOLFLAGS = $(ARCHIVE_ONLY)
libfakexen_cpu_la_CFLAGS = $(FAKEXEN_CFLAGS)
libfakexen_cpu_la_LIBADD = $(ZYDIS_LIBS)
libfakexen_cpu_la_SOURCES = fakexen/cpu/cpu.h fakexen/cpu/state.h fakexen/cpu/private.h \
	fakexen/cpu/flags.h fakexen/cpu/op.h fakexen/cpu/atomics.h fakexen/cpu/memory.h \
	fakexen/cpu/alu.c fakexen/cpu/apic.c fakexen/cpu/bit.c fakexen/cpu/block.c \
	fakexen/cpu/branch.c fakexen/cpu/control.c fakexen/cpu/debug.c fakexen/cpu/decode.c \
	fakexen/cpu/emulate.c fakexen/cpu/event.c fakexen/cpu/memory.c fakexen/cpu/move.c \
	fakexen/cpu/msr.c fakexen/cpu/multiply.c fakexen/cpu/quick.c fakexen/cpu/run.c fakexen/cpu/segment.c \
	fakexen/cpu/shift.c fakexen/cpu/string.c fakexen/cpu/system.c fakexen/cpu/table.c \
	fakexen/cpu/vector.c fakexen/cpu/walk.c
