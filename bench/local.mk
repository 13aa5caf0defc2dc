# SPDX-License-Identifier: LGPL-2.1-or-later
# `ringside bench` is part of the command, which is linked statically: so the baselines reach
# what is private in ring/ and xen/.

ringside_SOURCES += \
	bench/baseline.c \
	bench/bench.c \
	bench/case.c bench/case.h \
	bench/child.c bench/child.h \
	bench/clock.h \
	bench/contestant.c bench/contestant.h \
	bench/counts.h \
	bench/engine.c \
	bench/guest.c bench/guest.h \
	bench/histogram.c bench/histogram.h \
	bench/machine.c bench/machine.h \
	bench/measure.c bench/measure.h \
	bench/peer.c \
	bench/ping.c bench/ping.h \
	bench/plan.c bench/plan.h \
	bench/registers.c bench/registers.h \
	bench/report.c bench/report.h \
	bench/result.c bench/result.h
ringside_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE=1 -DPKGLIBDIR='"$(pkglibdir)"' \
	-DPKGDATADIR='"$(pkgdatadir)"'
ringside_LDADD += -lm -lpthread

# Counts the system calls of whatever it is preloaded into.
pkglib_LTLIBRARIES += libringside-bench-count.la
libringside_bench_count_la_LIBTOOLFLAGS = $(SHARED_ONLY)
libringside_bench_count_la_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE=1 -U_FORTIFY_SOURCE
libringside_bench_count_la_CFLAGS = -std=gnu11 $(WARNING_CFLAGS) -O2 -fvisibility=hidden
libringside_bench_count_la_LDFLAGS = -module -avoid-version -shared -Wl,-z,defs
libringside_bench_count_la_LIBADD = -ldl
libringside_bench_count_la_SOURCES = bench/preload.c bench/counts.h ring/atomics.h
dist_check_SCRIPTS += bench/run bench/instructions bench/syscalls
EXTRA_DIST += bench/marginal.py bench/figures.json bench/peers/libvmi.c bench/README.md

# What --report and --compare hand over to.
benchdir = $(pkgdatadir)/bench
dist_bench_DATA = $(bench_scripts) bench/bench-guest.cfg
bench_scripts = bench/report.py bench/results.py
# Beside the program that has just been built, too.
all-local: bench-scripts
bench-scripts:
	$(AM_V_at)$(MKDIR_P) bench; for script in $(bench_scripts); do \
		test -e $$script || $(LN_S) $(abs_top_srcdir)/$$script $$script || exit 1; \
	done
distclean-local: distclean-bench-scripts
distclean-bench-scripts:
	test $(abs_top_srcdir) = $(abs_top_builddir) || rm -f $(bench_scripts)
.PHONY: bench-scripts distclean-bench-scripts
