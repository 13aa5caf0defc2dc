# SPDX-License-Identifier: LGPL-2.1-or-later
# The shim and the launcher, as programs under fakexen see them.
shim_programs = tests/fakexen/shim/devices tests/fakexen/shim/kill
check_PROGRAMS += $(shim_programs)
shim_scripts = tests/fakexen/shim/devices.sh tests/fakexen/shim/kill.sh \
	tests/fakexen/shim/launcher.sh tests/fakexen/shim/symbols.sh \
	tests/fakexen/shim/xenstore.sh
dist_check_SCRIPTS += $(shim_scripts)
TESTS += $(shim_scripts)
slow_tests += tests/fakexen/shim/kill.sh

# Thousands of kills.
check-kill: all $(shim_programs)
	top_builddir=. KILLS=$${KILLS:-5000} $(srcdir)/tests/fakexen/shim/kill.sh
.PHONY: check-kill

tests_fakexen_shim_kill_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE=1
tests_fakexen_shim_kill_CFLAGS = $(AM_CFLAGS) $(XENCTRL_CFLAGS)
tests_fakexen_shim_kill_LDADD = libfakexen-model.la $(XENCTRL_LIBS) $(XENEVTCHN_LIBS)
tests_fakexen_shim_kill_SOURCES = tests/fakexen/shim/kill.c tests/fakexen/shim/consumer.c \
	tests/fakexen/shim/consumer.h tests/fakexen/shim/oracle.c tests/fakexen/shim/oracle.h

tests_fakexen_shim_devices_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE=1
tests_fakexen_shim_devices_CFLAGS = $(AM_CFLAGS) $(XENCTRL_CFLAGS)
tests_fakexen_shim_devices_LDADD = libfakexen-model.la $(XENCTRL_LIBS) $(XENEVTCHN_LIBS) \
	$(XENFOREIGNMEMORY_LIBS)
tests_fakexen_shim_devices_SOURCES = tests/fakexen/shim/devices.c tests/fakexen/shim/oracle.c \
	tests/fakexen/shim/oracle.h

# Xen's own tools out of Debian's package, in all their modes: minutes, and a download the first
# time. ./check runs the modes that are quick.
EXTRA_DIST += tests/fakexen/xen-utils.sh
foreign_tests = tests/fakexen/xen-utils.sh
check-xen-utils: all
	XEN_UTILS_MODES=all $(MAKE) check TESTS=$(foreign_tests)
.PHONY: check-xen-utils
