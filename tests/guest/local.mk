# SPDX-License-Identifier: LGPL-2.1-or-later
# A guest's memory, on the model.

guest_programs = tests/guest/fill tests/guest/memory tests/guest/speed
check_PROGRAMS += $(guest_programs)
tests_guest_memory_SOURCES = tests/guest/memory.c tests/guest/dom0.c tests/guest/dom0.h \
	tests/guest/random.h
tests_guest_memory_CPPFLAGS = $(AM_CPPFLAGS) $(XENCTRL_CFLAGS)
tests_guest_fill_SOURCES = tests/guest/fill.c tests/guest/random.h
tests_guest_fill_LDADD = libringside.la
tests_guest_memory_LDADD = libringside.la $(XENCTRL_LIBS) -lpthread
tests_guest_speed_SOURCES = tests/guest/speed.c tests/guest/random.h
tests_guest_speed_LDADD = libringside.la

check_PROGRAMS += tests/guest/walk
TESTS += tests/guest/walk
tests_guest_walk_SOURCES = tests/guest/walk.c tests/guest/random.h
tests_guest_walk_LDADD = libringside-private.la

check_PROGRAMS += tests/guest/vcpu tests/guest/microvmi
tests_guest_vcpu_SOURCES = tests/guest/vcpu.c tests/guest/dom0.c tests/guest/dom0.h
tests_guest_vcpu_CPPFLAGS = $(AM_CPPFLAGS) $(XENCTRL_CFLAGS)
tests_guest_vcpu_LDADD = libringside.la $(XENCTRL_LIBS)
tests_guest_microvmi_SOURCES = tests/guest/microvmi.c
tests_guest_microvmi_LDADD = libringside.la

guest_tests = tests/guest/commands.sh tests/guest/examples.sh tests/guest/memory.sh \
	tests/guest/vcpu.sh
TESTS += $(guest_tests)
slow_tests += $(guest_tests)
EXTRA_DIST += $(guest_tests)
