# SPDX-License-Identifier: LGPL-2.1-or-later
# Built, so that they cannot rot, and not installed: they are there to be read.

noinst_PROGRAMS += examples/breakpoint examples/guard examples/cr3 examples/cpuid examples/page

examples_cr3_SOURCES = examples/cr3.c
examples_cr3_LDADD = libringside.la
examples_cpuid_SOURCES = examples/cpuid.c
examples_cpuid_LDADD = libringside.la
examples_page_SOURCES = examples/page.c
examples_page_LDADD = libringside.la
examples_breakpoint_SOURCES = examples/breakpoint.c
examples_breakpoint_LDADD = libringside.la
examples_guard_SOURCES = examples/guard.c
examples_guard_LDADD = libringside.la
