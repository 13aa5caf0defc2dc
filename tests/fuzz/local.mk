# SPDX-License-Identifier: LGPL-2.1-or-later
# Fuzz targets. `make check` gives each file of the corpus to its target once; `make fuzz`
# searches on with libFuzzer, FUZZ_SECONDS a target, and leaves what it finds in the build.

fuzz_tests = tests/fuzz/left tests/fuzz/ring tests/fuzz/symbols tests/fuzz/trace
check_PROGRAMS += $(fuzz_tests)
TESTS += $(fuzz_tests)
EXTRA_DIST += tests/fuzz/corpus

tests_fuzz_ring_SOURCES = tests/fuzz/fuzz.h tests/fuzz/main.c tests/fuzz/ring.c
tests_fuzz_ring_CPPFLAGS = $(AM_CPPFLAGS)
tests_fuzz_ring_LDADD = libringside-private.la

tests_fuzz_trace_sources = tests/fuzz/trace.c tools/event_json.c tools/event_names.c \
	tools/event_text.c tools/trace_file.c
tests_fuzz_trace_SOURCES = tests/fuzz/fuzz.h tests/fuzz/main.c $(tests_fuzz_trace_sources)
tests_fuzz_trace_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
tests_fuzz_trace_LDADD = libringside-private.la $(JANSSON_LIBS)

tests_fuzz_symbols_sources = tests/fuzz/symbols.c tools/symbol_list.c tools/xz_file.c
tests_fuzz_symbols_SOURCES = tests/fuzz/fuzz.h tests/fuzz/main.c $(tests_fuzz_symbols_sources)
tests_fuzz_symbols_CFLAGS = $(AM_CFLAGS) $(JSONC_CFLAGS) $(LZMA_CFLAGS)
tests_fuzz_symbols_LDADD = $(JSONC_LIBS) $(LZMA_LIBS)

tests_fuzz_left_SOURCES = tests/fuzz/fuzz.h tests/fuzz/main.c tests/fuzz/left.c
tests_fuzz_left_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE=1
tests_fuzz_left_LDADD = libringside-private.la

FUZZ_SECONDS = 60
FUZZ_CC = clang
FUZZ_COMPILE = $(FUZZ_CC) -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=undefined $(DEFS) -I$(abs_builddir) \
	-I$(abs_top_srcdir)/include $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(JSONC_CFLAGS) $(LZMA_CFLAGS)
FUZZ_DECODER = engine/decode.c engine/layout.c ring/ring.c
FUZZ_LEFT = tests/fuzz/left.c $(FUZZ_DECODER) engine/answer.c engine/record.c engine/recover.c \
	engine/registers.c engine/statistics.c engine/takeover.c engine/undo.c engine/version.c \
	journal/folder.c journal/journal.c journal/owner.c ring/doorbell.c xen/error.c xen/log.c \
	xen/sized.c

# Each is built, and then runs; with -j, side by side.
FUZZ_RUN = fuzz/$(@F) -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=fuzz/$(@F)- \
	-print_final_stats=1 fuzz/found/$(@F) $(srcdir)/tests/fuzz/corpus/$(@F)

fuzz/left:
	$(AM_V_at)$(MKDIR_P) fuzz/found/left
	$(AM_V_at)cd $(srcdir) && $(FUZZ_COMPILE) -D_GNU_SOURCE=1 -o $(abs_builddir)/$@ $(FUZZ_LEFT)
	$(AM_V_at)$(FUZZ_RUN)
fuzz/ring:
	$(AM_V_at)$(MKDIR_P) fuzz/found/ring
	$(AM_V_at)cd $(srcdir) && $(FUZZ_COMPILE) -o $(abs_builddir)/$@ tests/fuzz/ring.c \
		$(FUZZ_DECODER)
	$(AM_V_at)$(FUZZ_RUN)
fuzz/symbols:
	$(AM_V_at)$(MKDIR_P) fuzz/found/symbols
	$(AM_V_at)cd $(srcdir) && $(FUZZ_COMPILE) -o $(abs_builddir)/$@ \
		$(tests_fuzz_symbols_sources) $(JSONC_LIBS) $(LZMA_LIBS)
	$(AM_V_at)$(FUZZ_RUN)
fuzz/trace:
	$(AM_V_at)$(MKDIR_P) fuzz/found/trace
	$(AM_V_at)cd $(srcdir) && $(FUZZ_COMPILE) -o $(abs_builddir)/$@ \
		$(tests_fuzz_trace_sources) $(FUZZ_DECODER) $(JANSSON_LIBS)
	$(AM_V_at)$(FUZZ_RUN)
fuzz: fuzz/left fuzz/ring fuzz/symbols fuzz/trace
.PHONY: fuzz fuzz/left fuzz/ring fuzz/symbols fuzz/trace

clean-local: clean-fuzz
clean-fuzz:
	rm -rf fuzz
.PHONY: clean-fuzz
