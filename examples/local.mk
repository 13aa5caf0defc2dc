# SPDX-License-Identifier: LGPL-2.1-or-later
# Built, so that they cannot rot, and not installed: they are there to be read.

noinst_PROGRAMS += examples/breakpoint examples/forge examples/guard examples/cr3 examples/cpuid examples/page

examples_cr3_SOURCES = examples/cr3.c
examples_cr3_LDADD = libringside.la
examples_cpuid_SOURCES = examples/cpuid.c
examples_cpuid_LDADD = libringside.la
examples_page_SOURCES = examples/page.c
examples_page_LDADD = libringside.la
examples_breakpoint_SOURCES = examples/breakpoint.c
examples_breakpoint_LDADD = libringside.la
examples_forge_SOURCES = examples/forge.c
examples_forge_LDADD = libringside.la
examples_guard_SOURCES = examples/guard.c
examples_guard_LDADD = libringside.la

# After those of libmicrovmi, and two more.
noinst_PROGRAMS += examples/cr-events examples/interrupt-events examples/mem-dump examples/mem-events \
	examples/msr-events examples/pause examples/process-switches examples/regs-dump \
	examples/syscalls

examples_cr_events_SOURCES = examples/cr-events.c
examples_cr_events_LDADD = libringside.la
examples_interrupt_events_SOURCES = examples/interrupt-events.c
examples_interrupt_events_LDADD = libringside.la
examples_mem_dump_SOURCES = examples/mem-dump.c
examples_mem_dump_LDADD = libringside.la
examples_mem_events_SOURCES = examples/mem-events.c
examples_mem_events_LDADD = libringside.la
examples_msr_events_SOURCES = examples/msr-events.c
examples_msr_events_LDADD = libringside.la
examples_pause_SOURCES = examples/pause.c
examples_pause_LDADD = libringside.la
examples_process_switches_SOURCES = examples/process-switches.c
examples_process_switches_LDADD = libringside.la
examples_regs_dump_SOURCES = examples/regs-dump.c
examples_regs_dump_LDADD = libringside.la
examples_syscalls_SOURCES = examples/syscalls.c
examples_syscalls_LDADD = libringside.la
