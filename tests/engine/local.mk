# SPDX-License-Identifier: LGPL-2.1-or-later
# Tests of the engine that need no Xen, not even a model of it.

engine_tests = tests/engine/advance tests/engine/answer tests/engine/parts tests/engine/round tests/engine/straight \
	tests/engine/table tests/engine/trail
check_PROGRAMS += $(engine_tests)
TESTS += $(engine_tests)
EXTRA_DIST += tests/engine/message.h

tests_engine_advance_SOURCES = tests/engine/advance.c
tests_engine_advance_LDADD = libringside-private.la
tests_engine_answer_SOURCES = tests/engine/answer.c
tests_engine_answer_LDADD = libringside-private.la
tests_engine_parts_SOURCES = tests/engine/parts.c
tests_engine_parts_LDADD = libringside-private.la
tests_engine_round_SOURCES = tests/engine/round.c
tests_engine_round_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE=1 $(URCU_CFLAGS)
tests_engine_round_LDADD = libringside-private.la $(URCU_LIBS)
tests_engine_straight_SOURCES = tests/engine/straight.c
tests_engine_straight_CPPFLAGS = $(AM_CPPFLAGS) $(URCU_CFLAGS)
tests_engine_straight_LDADD = libringside-private.la $(URCU_LIBS)
tests_engine_table_SOURCES = tests/engine/table.c
tests_engine_table_LDADD = libringside-private.la
tests_engine_trail_SOURCES = tests/engine/trail.c tests/guest/random.h
tests_engine_trail_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE=1 $(URCU_CFLAGS)
tests_engine_trail_LDADD = libringside-private.la $(URCU_LIBS) -lpthread

# And on the model.
check_PROGRAMS += tests/engine/life tests/engine/model tests/engine/set tests/engine/views tests/engine/watches \
	tests/engine/workers
tests_engine_set_SOURCES = tests/engine/set.c
tests_engine_set_LDADD = libringside.la -lpthread
engine_model_tests = tests/engine/model.sh tests/engine/watches.sh tests/engine/workers.sh
TESTS += $(engine_model_tests) tests/engine/views.sh
slow_tests += $(engine_model_tests)
EXTRA_DIST += $(engine_model_tests) tests/engine/views.sh
tests_engine_watches_SOURCES = tests/engine/watches.c tests/engine/scenario.h \
	tests/engine/bed.c tests/engine/bed.h
tests_engine_watches_LDADD = libringside-private.la -lpthread
tests_engine_workers_SOURCES = tests/engine/workers.c tests/engine/scenario.h \
	tests/engine/bed.c tests/engine/bed.h
tests_engine_workers_LDADD = libringside-private.la -lpthread
check_PROGRAMS += tests/engine/coverage
TESTS += tests/engine/coverage.sh
slow_tests += tests/engine/coverage.sh
EXTRA_DIST += tests/engine/coverage.sh
tests_engine_coverage_SOURCES = tests/engine/coverage.c tests/engine/scenario.h tests/engine/bed.c tests/engine/bed.h
tests_engine_coverage_LDADD = libringside-private.la -lpthread
check_PROGRAMS += tests/engine/deadlines
TESTS += tests/engine/deadlines.sh
slow_tests += tests/engine/deadlines.sh
EXTRA_DIST += tests/engine/deadlines.sh
tests_engine_deadlines_SOURCES = tests/engine/deadlines.c tests/engine/scenario.h tests/engine/bed.c tests/engine/bed.h
tests_engine_deadlines_LDADD = libringside-private.la -lpthread
check_PROGRAMS += tests/engine/past
TESTS += tests/engine/past.sh
slow_tests += tests/engine/past.sh
EXTRA_DIST += tests/engine/past.sh
tests_engine_past_SOURCES = tests/engine/past.c tests/engine/scenario.h tests/engine/bed.c tests/engine/bed.h
tests_engine_past_LDADD = libringside-private.la -lpthread
check_PROGRAMS += tests/engine/breakpoints
TESTS += tests/engine/breakpoints.sh
slow_tests += tests/engine/breakpoints.sh
EXTRA_DIST += tests/engine/breakpoints.sh
tests_engine_breakpoints_SOURCES = tests/engine/breakpoints.c tests/engine/scenario.h \
	tests/engine/bed.c tests/engine/bed.h
tests_engine_breakpoints_LDADD = libringside-private.la -lpthread
tests_engine_views_SOURCES = tests/engine/views.c tests/engine/scenario.h \
	tests/engine/bed.c tests/engine/bed.h
tests_engine_views_CFLAGS = $(AM_CFLAGS) $(XENCTRL_CFLAGS)
tests_engine_views_LDADD = libringside-private.la $(XENCTRL_LIBS) -lpthread
check_PROGRAMS += tests/engine/restricted
TESTS += tests/engine/restricted.sh
EXTRA_DIST += tests/engine/restricted.sh
tests_engine_restricted_SOURCES = tests/engine/restricted.c tests/engine/bed.c tests/engine/bed.h
tests_engine_restricted_CPPFLAGS = $(AM_CPPFLAGS) $(URCU_CFLAGS)
tests_engine_restricted_CFLAGS = $(AM_CFLAGS) $(XEN_CFLAGS)
tests_engine_restricted_LDADD = libringside-private.la $(XEN_LIBS) $(URCU_LIBS) -lpthread
check_PROGRAMS += tests/engine/refusing tests/engine/sandbox
TESTS += tests/engine/sandbox.sh
EXTRA_DIST += tests/engine/sandbox.sh
tests_engine_refusing_SOURCES = tests/engine/refusing.c
tests_engine_refusing_CFLAGS = $(AM_CFLAGS) $(SECCOMP_CFLAGS)
tests_engine_refusing_LDADD = $(SECCOMP_LIBS)
tests_engine_sandbox_SOURCES = tests/engine/sandbox.c tests/engine/bed.c tests/engine/bed.h
tests_engine_sandbox_LDADD = libringside-private.la -lpthread
tests_engine_life_SOURCES = tests/engine/life.c tests/engine/scenario.h \
	tests/engine/bed.c tests/engine/bed.h
tests_engine_life_LDADD = libringside-private.la -lpthread
tests_engine_model_SOURCES = tests/engine/model.c tests/engine/scenario.h \
	tests/engine/bed.c tests/engine/bed.h
tests_engine_model_LDADD = libringside-private.la -lpthread

# What an event costs the engine alone, in instructions.
check_PROGRAMS += tests/engine/steps
TESTS += tests/engine/steps
source_tests += tests/engine/steps
tests_engine_steps_SOURCES = tests/engine/steps.c
tests_engine_steps_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE=1 $(URCU_CFLAGS)
tests_engine_steps_LDADD = libringside-private.la $(URCU_LIBS)
