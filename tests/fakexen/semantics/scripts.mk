# SPDX-License-Identifier: LGPL-2.1-or-later
# Events and answers: the guest runs a few instructions of the test's own.
semantics_scripts = tests/fakexen/semantics/access tests/fakexen/semantics/answer \
	tests/fakexen/semantics/emulate tests/fakexen/semantics/full \
	tests/fakexen/semantics/monitor tests/fakexen/semantics/step
check_PROGRAMS += $(semantics_scripts)
TESTS += $(semantics_scripts)
CLEANFILES += $(semantics_scripts:=.console)
semantics_script = $(semantics_dom0) tests/fakexen/semantics/script.c \
	tests/fakexen/semantics/script.h

tests_fakexen_semantics_monitor_SOURCES = tests/fakexen/semantics/monitor.c $(semantics_script)
tests_fakexen_semantics_monitor_CPPFLAGS = $(semantics_cppflags)
tests_fakexen_semantics_monitor_LDADD = $(XEN_LIBS)

tests_fakexen_semantics_emulate_SOURCES = tests/fakexen/semantics/emulate.c $(semantics_script)
tests_fakexen_semantics_emulate_CPPFLAGS = $(semantics_cppflags)
tests_fakexen_semantics_emulate_LDADD = $(XEN_LIBS)

tests_fakexen_semantics_step_SOURCES = tests/fakexen/semantics/step.c $(semantics_script)
tests_fakexen_semantics_step_CPPFLAGS = $(semantics_cppflags)
tests_fakexen_semantics_step_LDADD = $(XEN_LIBS)

tests_fakexen_semantics_answer_SOURCES = tests/fakexen/semantics/answer.c $(semantics_script)
tests_fakexen_semantics_answer_CPPFLAGS = $(semantics_cppflags)
tests_fakexen_semantics_answer_LDADD = $(XEN_LIBS)

tests_fakexen_semantics_full_SOURCES = tests/fakexen/semantics/full.c $(semantics_dom0)
tests_fakexen_semantics_full_CPPFLAGS = $(semantics_cppflags)
tests_fakexen_semantics_full_LDADD = $(XEN_LIBS)

tests_fakexen_semantics_access_SOURCES = tests/fakexen/semantics/access.c $(semantics_script)
tests_fakexen_semantics_access_CPPFLAGS = $(semantics_cppflags)
tests_fakexen_semantics_access_LDADD = $(XEN_LIBS)
