# SPDX-License-Identifier: LGPL-2.1-or-later
# The model's hypercalls called directly. What the tools see of them is in ../semantics.

hypercall_tests = tests/fakexen/hypercalls/boot tests/fakexen/hypercalls/cpuid \
	tests/fakexen/hypercalls/lifecycle
check_PROGRAMS += $(hypercall_tests)
TESTS += $(hypercall_tests)

hypercall_fixture = tests/fakexen/hypercalls/fixture.c tests/fakexen/hypercalls/fixture.h
hypercall_libraries = libfakexen-hypercalls.la libfakexen-vcpu.la libfakexen-model.la \
	libfakexen-cpu.la
tests_fakexen_hypercalls_lifecycle_SOURCES = tests/fakexen/hypercalls/lifecycle.c \
	$(hypercall_fixture)
tests_fakexen_hypercalls_lifecycle_CPPFLAGS = $(AM_CPPFLAGS)
tests_fakexen_hypercalls_lifecycle_LDADD = $(hypercall_libraries)
tests_fakexen_hypercalls_boot_SOURCES = tests/fakexen/hypercalls/boot.c $(hypercall_fixture)
tests_fakexen_hypercalls_boot_CPPFLAGS = $(AM_CPPFLAGS)
tests_fakexen_hypercalls_boot_LDADD = $(hypercall_libraries)
tests_fakexen_hypercalls_cpuid_SOURCES = tests/fakexen/hypercalls/cpuid.c $(hypercall_fixture)
tests_fakexen_hypercalls_cpuid_CPPFLAGS = $(AM_CPPFLAGS)
tests_fakexen_hypercalls_cpuid_LDADD = $(hypercall_libraries)
