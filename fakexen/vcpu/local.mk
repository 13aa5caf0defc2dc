# SPDX-License-Identifier: LGPL-2.1-or-later
# What runs a vCPU, in the launcher and in tests: Xen's side of the processor's exits.
noinst_LTLIBRARIES += libfakexen-vcpu.la
libfakexen_vcpu_la_LIBTOOLFLAGS = $(ARCHIVE_ONLY)
libfakexen_vcpu_la_CFLAGS = $(FAKEXEN_CFLAGS)
libfakexen_vcpu_la_SOURCES = fakexen/vcpu/runner.c fakexen/vcpu/resume.c \
	fakexen/vcpu/exits.c fakexen/vcpu/register_exits.c fakexen/vcpu/ept.c \
	fakexen/vcpu/io.c fakexen/vcpu/hypercall.c fakexen/vcpu/interrupt.c \
	fakexen/vcpu/event.c fakexen/vcpu/vmexit.c fakexen/vcpu/monitor.c \
	fakexen/vcpu/private.h
