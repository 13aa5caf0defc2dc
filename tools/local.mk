# SPDX-License-Identifier: LGPL-2.1-or-later

bin_PROGRAMS += ringside

ringside_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
ringside_LDADD = libringside.la $(JANSSON_LIBS)
ringside_SOURCES = \
	tools/commands.h \
	tools/decode.c \
	tools/event_json.c tools/event_json.h \
	tools/event_names.c tools/event_names.h \
	tools/event_text.c tools/event_text.h \
	tools/message_kind.h \
	tools/ringside.c \
	tools/trace_file.c tools/trace_file.h
