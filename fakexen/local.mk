# SPDX-License-Identifier: LGPL-2.1-or-later
# fakexen: cpu/ is the processor; model/ what both the launcher and the shim contain (it
# runs in a caller's context: the ring, event channels, locks); hypercalls/ and vcpu/ run
# in the launcher only; shim/ is what is preloaded, launcher/ the command.

FAKEXEN_CFLAGS = -std=gnu11 $(WARNING_CFLAGS) $(FAKEXEN_SANITIZER_CFLAGS) -O2 -fvisibility=hidden
include fakexen/cpu/local.mk
include fakexen/model/local.mk
include fakexen/hypercalls/local.mk
include fakexen/vcpu/local.mk
include fakexen/shim/local.mk
include fakexen/launcher/local.mk

# All of the hypervisor that the launcher runs; its parts call each other.
noinst_LTLIBRARIES += libfakexen-hypervisor.la
libfakexen_hypervisor_la_SOURCES =
libfakexen_hypervisor_la_LIBADD = libfakexen-vcpu.la libfakexen-hypercalls.la libfakexen-cpu.la \
	libfakexen-model.la
