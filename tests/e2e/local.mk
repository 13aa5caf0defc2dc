# SPDX-License-Identifier: LGPL-2.1-or-later
# The command as its users meet it, on fakexen.
check_PROGRAMS += tests/e2e/destroy tests/e2e/lstar
tests_e2e_lstar_LDADD = libringside.la
tests_e2e_destroy_CFLAGS = $(AM_CFLAGS) $(XENCTRL_CFLAGS)
tests_e2e_destroy_LDADD = $(XENCTRL_LIBS)

check_PROGRAMS += tests/e2e/reboot
tests_e2e_reboot_SOURCES = tests/e2e/reboot.c tests/xen/driver/check.c tests/xen/driver/check.h \
	tests/xen/driver/guest.c tests/xen/driver/guest.h tests/xen/driver/image.c \
	tests/xen/driver/image.h tests/xen/driver/release.h
tests_e2e_reboot_CFLAGS = $(AM_CFLAGS) $(XEN_CFLAGS)
tests_e2e_reboot_LDADD = -lxenguest $(XEN_LIBS)

e2e_tests = tests/e2e/bad_input.sh tests/e2e/examples.sh tests/e2e/follow.sh tests/e2e/symbols.sh tests/e2e/trace.sh tests/e2e/views.sh \
	tests/e2e/watch.sh
TESTS += $(e2e_tests)
EXTRA_DIST += $(e2e_tests) tests/e2e/tap.sh
