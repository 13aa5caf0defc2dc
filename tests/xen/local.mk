# SPDX-License-Identifier: LGPL-2.1-or-later
# The lab: a real Xen in an emulator. `tests/xen/lab` builds the driver for each release;
# here it is compiled for this machine's, so that it does not rot.

check_PROGRAMS += tests/xen/driver/driver
tests_xen_driver_driver_CFLAGS = $(AM_CFLAGS) $(XEN_CFLAGS)
# Static, so that it is the program itself and no wrapper around it.
tests_xen_driver_driver_LDFLAGS = $(AM_LDFLAGS) -static
# xc_cpuid_apply_policy is in libxenguest, which has no .pc file of its own in all releases.
tests_xen_driver_driver_LDADD = libringside-private.la -lxenguest $(XEN_LIBS)
tests_xen_driver_driver_SOURCES = tests/xen/driver/attach.c tests/xen/driver/bed.c \
	tests/xen/driver/bed.h tests/xen/driver/breakpoint.c tests/xen/driver/check.c \
	tests/xen/driver/check.h tests/xen/driver/cost.c tests/xen/driver/death.c \
	tests/xen/driver/debug.c tests/xen/driver/demo.c \
	tests/xen/driver/demo.h tests/xen/driver/detach.c tests/xen/driver/guest.c \
	tests/xen/driver/guest.h tests/xen/driver/image.c tests/xen/driver/image.h \
	tests/xen/driver/instruction.c tests/xen/driver/interrupt.c tests/xen/driver/main.c \
	tests/xen/driver/memory.c tests/xen/driver/page.c tests/xen/driver/recorder.c tests/xen/driver/recorder.h \
	tests/xen/driver/registers.c tests/xen/driver/release.h tests/xen/driver/reply.c \
	tests/xen/driver/ring.c tests/xen/driver/step.c tests/xen/driver/tests.h \
	tests/xen/driver/view.c \
	tools/message_kind.h tools/trace_format.h tools/trace_writer.c tools/trace_writer.h
tests_xen_driver_driver_SOURCES += tests/xen/driver/bench.c tests/xen/driver/bare.c tests/xen/driver/bare.h \
	tests/xen/driver/broken.c tests/xen/driver/linux.c \
	tests/xen/driver/linux_guest.c tests/xen/driver/linux_guest.h tests/xen/driver/plain.c tests/xen/driver/plain.h \
	tests/xen/driver/emulation.c tests/xen/driver/forms.c tests/xen/driver/forms.h \
	tests/xen/driver/keeper.c tests/xen/driver/privilege.c tests/xen/driver/recovery.c tests/xen/driver/recovery.h
EXTRA_DIST += tests/xen/broken.sh tests/xen/labkit/linux_guest.py

# What the lab does when something is wrong, and what it does on a host; needs no Xen.
dist_check_SCRIPTS += tests/xen/host.sh tests/xen/labkit_test.py
TESTS += tests/xen/host.sh tests/xen/labkit_test.py
# All tests that a guest of somebody else's is good for.
slow_tests += tests/xen/host.sh
# It waits for programs that are to be killed or to hang.
slow_tests += tests/xen/labkit_test.py
source_tests += tests/xen/labkit_test.py

EXTRA_DIST += tests/xen/README.md tests/xen/lab tests/xen/labkit/__init__.py \
	tests/xen/labkit/archive.py tests/xen/labkit/cache.py tests/xen/labkit/commands.py \
	tests/xen/labkit/console.py tests/xen/labkit/disc.py tests/xen/labkit/dom0.py \
	tests/xen/labkit/emulator.py tests/xen/labkit/host.py tests/xen/labkit/initrd.py \
	tests/xen/labkit/lock.py tests/xen/labkit/package_root.py tests/xen/labkit/problem.py \
	tests/xen/labkit/process.py tests/xen/labkit/product.py tests/xen/labkit/recording.py \
	tests/xen/labkit/release.py tests/xen/labkit/run.py tests/xen/labkit/side_by_side.py \
	tests/xen/labkit/table.py tests/xen/labkit/verdict.py tests/xen/labkit/vmlinux.py
