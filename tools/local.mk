# SPDX-License-Identifier: LGPL-2.1-or-later

bin_PROGRAMS += ringside

ringside_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(JSONC_CFLAGS) $(LZMA_CFLAGS)
# Static, so that build/ringside is the program itself and no wrapper around it.
ringside_LDFLAGS = $(AM_LDFLAGS) -static
ringside_LDADD = libringside.la $(JANSSON_LIBS) $(JSONC_LIBS) $(LZMA_LIBS) $(ZYDIS_LIBS)
ringside_SOURCES = \
	tools/block_list.c tools/block_list.h \
	tools/commands.h \
	tools/copier.c tools/copier.h \
	tools/decode.c \
	tools/dump.c \
	tools/elf_core.c tools/elf_core.h \
	tools/event_json.c tools/event_json.h \
	tools/event_names.c tools/event_names.h \
	tools/event_text.c tools/event_text.h \
	tools/exit_code.c tools/exit_code.h \
	tools/info.c \
	tools/keeper.c tools/keeper.h \
	tools/message_kind.h \
	tools/number.c tools/number.h \
	tools/pause.c \
	tools/read.c \
	tools/regs.c \
	tools/recover.c \
	tools/ringside.c \
	tools/runner.c tools/runner.h \
	tools/step.c \
	tools/summary.c tools/summary.h \
	tools/symbol_list.c tools/symbol_list.h \
	tools/symbols.c tools/symbols.h \
	tools/table.c tools/table.h \
	tools/trace.c \
	tools/trace_file.c tools/trace_file.h \
	tools/trace_format.h \
	tools/views.c \
	tools/watch.c \
	tools/watch_options.c tools/watch_options.h \
	tools/xz_file.c tools/xz_file.h
EXTRA_DIST += tools/demo_kill tools/prepare.sh tools/verdict
