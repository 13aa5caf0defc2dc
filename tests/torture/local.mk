# SPDX-License-Identifier: LGPL-2.1-or-later
# Everything at once, for as long as TORTURE_SECONDS says; with ThreadSanitizer most of all.
check_PROGRAMS += tests/torture/torture
tests_torture_torture_SOURCES = tests/torture/torture.c
tests_torture_torture_LDADD = libringside.la -lpthread
torture_tests = tests/torture/torture.sh
TESTS += $(torture_tests)
slow_tests += $(torture_tests)
EXTRA_DIST += $(torture_tests)
