# SPDX-License-Identifier: LGPL-2.1-or-later
# Monitors that are killed, on the model, and what becomes of their guest.
check_PROGRAMS += tests/survival/keeper tests/survival/recover
survival_bed = tests/survival/bed.c tests/survival/bed.h \
	tests/fakexen/shim/oracle.c tests/fakexen/shim/oracle.h
tests_survival_recover_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE=1
tests_survival_recover_CFLAGS = $(AM_CFLAGS) $(XENCTRL_CFLAGS)
tests_survival_recover_LDADD = libfakexen-model.la libringside.la $(XENCTRL_LIBS)
tests_survival_recover_SOURCES = tests/survival/recover.c $(survival_bed)
tests_survival_keeper_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE=1
tests_survival_keeper_CFLAGS = $(AM_CFLAGS) $(XENCTRL_CFLAGS)
tests_survival_keeper_LDADD = libfakexen-model.la libringside-private.la $(XENCTRL_LIBS)
tests_survival_keeper_SOURCES = tests/survival/keeper.c $(survival_bed)

survival_tests = tests/survival/keeper.sh tests/survival/recover.sh
TESTS += $(survival_tests)
EXTRA_DIST += $(survival_tests)
