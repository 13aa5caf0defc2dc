# SPDX-License-Identifier: LGPL-2.1-or-later
# What Xen promises and the model has to keep, each promise a test of that name, through
# Xen's own libraries. A program runs itself again under fakexen.

semantics_tests = tests/fakexen/semantics/altp2m tests/fakexen/semantics/context \
	tests/fakexen/semantics/domain tests/fakexen/semantics/p2m \
	tests/fakexen/semantics/ring_page
check_PROGRAMS += $(semantics_tests)
TESTS += $(semantics_tests)
CLEANFILES += $(semantics_tests:=.console)

semantics_dom0 = tests/fakexen/semantics/dom0.c tests/fakexen/semantics/dom0.h
semantics_cppflags = $(AM_CPPFLAGS) $(XEN_CFLAGS)

tests_fakexen_semantics_altp2m_SOURCES = tests/fakexen/semantics/altp2m.c $(semantics_dom0)
tests_fakexen_semantics_altp2m_CPPFLAGS = $(semantics_cppflags)
tests_fakexen_semantics_altp2m_LDADD = $(XEN_LIBS)
tests_fakexen_semantics_context_SOURCES = tests/fakexen/semantics/context.c $(semantics_dom0)
tests_fakexen_semantics_context_CPPFLAGS = $(semantics_cppflags)
tests_fakexen_semantics_context_LDADD = $(XEN_LIBS) -lxenguest
tests_fakexen_semantics_domain_SOURCES = tests/fakexen/semantics/domain.c $(semantics_dom0)
tests_fakexen_semantics_domain_CPPFLAGS = $(semantics_cppflags)
tests_fakexen_semantics_domain_LDADD = $(XEN_LIBS)
tests_fakexen_semantics_p2m_SOURCES = tests/fakexen/semantics/p2m.c $(semantics_dom0)
tests_fakexen_semantics_p2m_CPPFLAGS = $(semantics_cppflags)
tests_fakexen_semantics_p2m_LDADD = $(XEN_LIBS)
tests_fakexen_semantics_ring_page_SOURCES = tests/fakexen/semantics/ring_page.c $(semantics_dom0)
tests_fakexen_semantics_ring_page_CPPFLAGS = $(semantics_cppflags)
tests_fakexen_semantics_ring_page_LDADD = $(XEN_LIBS)

include tests/fakexen/semantics/scripts.mk
