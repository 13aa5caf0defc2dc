# SPDX-License-Identifier: LGPL-2.1-or-later
# Unit tests: each is quick and tests one file of the product.

unit_tests = tests/unit/decode tests/unit/doorbell tests/unit/emulation tests/unit/instruction \
	tests/unit/interrupt tests/unit/journal tests/unit/layout \
	tests/unit/permissions tests/unit/ring tests/unit/ring_threads
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
EXTRA_DIST += tests/unit/tap.h

tests_unit_decode_SOURCES = tests/unit/decode.c
tests_unit_decode_LDADD = libringside-private.la

tests_unit_doorbell_SOURCES = tests/unit/doorbell.c
tests_unit_doorbell_LDADD = libringside-private.la

tests_unit_interrupt_SOURCES = tests/unit/interrupt.c
tests_unit_interrupt_LDADD = libringside-private.la

# Against the headers of the Xen of this build.
tests_unit_layout_SOURCES = tests/unit/layout.c
tests_unit_layout_CPPFLAGS = $(AM_CPPFLAGS) $(XENCTRL_CFLAGS)
tests_unit_layout_LDADD = libringside-private.la

tests_unit_journal_SOURCES = tests/unit/journal.c
tests_unit_journal_LDADD = libringside-private.la

tests_unit_emulation_SOURCES = tests/unit/emulation.c tests/xen/driver/forms.c \
	tests/xen/driver/forms.h
tests_unit_emulation_LDADD = libringside-private.la $(ZYDIS_LIBS)

tests_unit_instruction_SOURCES = tests/unit/instruction.c
tests_unit_instruction_LDADD = libringside-private.la

tests_unit_permissions_SOURCES = tests/unit/permissions.c
tests_unit_permissions_LDADD = libringside-private.la

tests_unit_ring_SOURCES = tests/unit/ring.c
tests_unit_ring_LDADD = libringside-private.la

tests_unit_ring_threads_SOURCES = tests/unit/ring_threads.c
tests_unit_ring_threads_LDADD = libringside-private.la -lpthread
