# SPDX-License-Identifier: LGPL-2.1-or-later
# The model's processor, under the smallest hypervisor.
fakexen_cpu_tests = tests/fakexen/cpu/blocks \
	tests/fakexen/cpu/emulate \
	tests/fakexen/cpu/exits \
	tests/fakexen/cpu/faults \
	tests/fakexen/cpu/guests \
	tests/fakexen/cpu/semantics \
	tests/fakexen/cpu/steps
check_PROGRAMS += $(fakexen_cpu_tests)
TESTS += $(fakexen_cpu_tests)
fakexen_cpu_machine = tests/fakexen/cpu/machine.c tests/fakexen/cpu/machine.h \
	tests/fakexen/cpu/code.h

tests_fakexen_cpu_blocks_CPPFLAGS = $(AM_CPPFLAGS)
tests_fakexen_cpu_blocks_SOURCES = tests/fakexen/cpu/blocks.c $(fakexen_cpu_machine)
tests_fakexen_cpu_blocks_LDADD = libfakexen-cpu.la

tests_fakexen_cpu_emulate_CPPFLAGS = $(AM_CPPFLAGS)
tests_fakexen_cpu_emulate_SOURCES = tests/fakexen/cpu/emulate.c $(fakexen_cpu_machine)
tests_fakexen_cpu_emulate_LDADD = libfakexen-cpu.la

tests_fakexen_cpu_exits_CPPFLAGS = $(AM_CPPFLAGS)
tests_fakexen_cpu_exits_SOURCES = tests/fakexen/cpu/exits.c $(fakexen_cpu_machine)
tests_fakexen_cpu_exits_LDADD = libfakexen-cpu.la

tests_fakexen_cpu_faults_CPPFLAGS = $(AM_CPPFLAGS)
tests_fakexen_cpu_faults_SOURCES = tests/fakexen/cpu/faults.c $(fakexen_cpu_machine)
tests_fakexen_cpu_faults_LDADD = libfakexen-cpu.la

tests_fakexen_cpu_guests_CPPFLAGS = $(AM_CPPFLAGS)
tests_fakexen_cpu_guests_SOURCES = tests/fakexen/cpu/guests.c $(fakexen_cpu_machine)
tests_fakexen_cpu_guests_LDADD = libfakexen-cpu.la

tests_fakexen_cpu_semantics_CPPFLAGS = $(AM_CPPFLAGS)
tests_fakexen_cpu_semantics_SOURCES = tests/fakexen/cpu/semantics.c $(fakexen_cpu_machine)
tests_fakexen_cpu_semantics_LDADD = libfakexen-cpu.la

tests_fakexen_cpu_steps_CPPFLAGS = $(AM_CPPFLAGS)
tests_fakexen_cpu_steps_SOURCES = tests/fakexen/cpu/steps.c $(fakexen_cpu_machine)
tests_fakexen_cpu_steps_LDADD = libfakexen-cpu.la
