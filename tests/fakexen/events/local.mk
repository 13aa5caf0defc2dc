# SPDX-License-Identifier: LGPL-2.1-or-later
# The model's ring, answers, event channels and vCPUs, in one process.
fakexen_event_tests = tests/fakexen/events/kill tests/fakexen/events/port \
	tests/fakexen/events/ring
check_PROGRAMS += $(fakexen_event_tests)
TESTS += $(fakexen_event_tests)
fakexen_bed = tests/fakexen/events/bed.c tests/fakexen/events/bed.h
fakexen_guest = $(fakexen_bed) tests/fakexen/events/guest.c tests/fakexen/events/guest.h

tests_fakexen_events_ring_SOURCES = tests/fakexen/events/ring.c $(fakexen_bed)
tests_fakexen_events_ring_CPPFLAGS = $(AM_CPPFLAGS)
tests_fakexen_events_ring_LDADD = libfakexen-model.la

tests_fakexen_events_kill_SOURCES = tests/fakexen/events/kill.c $(fakexen_bed)
tests_fakexen_events_kill_CPPFLAGS = $(AM_CPPFLAGS)
tests_fakexen_events_kill_LDADD = libfakexen-model.la

tests_fakexen_events_port_SOURCES = tests/fakexen/events/port.c $(fakexen_bed)
tests_fakexen_events_port_CPPFLAGS = $(AM_CPPFLAGS)
tests_fakexen_events_port_LDADD = libfakexen-model.la

# The measuring instrument's own speed.
check_PROGRAMS += tests/fakexen/bench_cr3
tests_fakexen_bench_cr3_SOURCES = tests/fakexen/bench_cr3.c $(fakexen_guest)
tests_fakexen_bench_cr3_CFLAGS = $(FAKEXEN_CFLAGS)
tests_fakexen_bench_cr3_LDADD = libfakexen-hypervisor.la
