# SPDX-License-Identifier: LGPL-2.1-or-later
# dom0's hypercalls and the domain builder: in the launcher only.
noinst_LTLIBRARIES += libfakexen-hypercalls.la
libfakexen_hypercalls_la_LIBTOOLFLAGS = $(ARCHIVE_ONLY)
libfakexen_hypercalls_la_CFLAGS = $(FAKEXEN_CFLAGS)
libfakexen_hypercalls_la_SOURCES = fakexen/hypercalls/private.h \
	fakexen/hypercalls/hypercall.c fakexen/hypercalls/domctl.c \
	fakexen/hypercalls/domain.c fakexen/hypercalls/vcpu_context.c \
	fakexen/hypercalls/hvm_context.c fakexen/hypercalls/hvm_record.c \
	fakexen/hypercalls/hvm_record.h fakexen/hypercalls/pages.c \
	fakexen/hypercalls/monitor.c fakexen/hypercalls/cpuid.c \
	fakexen/hypercalls/cpu_policy.c fakexen/hypercalls/cpuid_file.c \
	fakexen/hypercalls/sysctl.c \
	fakexen/hypercalls/memory.c fakexen/hypercalls/hvm.c \
	fakexen/hypercalls/altp2m_op.c fakexen/hypercalls/dm.c \
	fakexen/hypercalls/event_channel.c fakexen/hypercalls/version.c \
	fakexen/hypercalls/foreign.c fakexen/hypercalls/boot.c \
	fakexen/hypercalls/image.c fakexen/hypercalls/image.h
