# SPDX-License-Identifier: LGPL-2.1-or-later
# libringside: the folders ring, xen, guest, altp2m and engine add their sources to it.
# Programs of ours that test private functions link libringside-private.a (all
# symbols); everything else links libringside.la (the exported ones).

lib_LTLIBRARIES += libringside.la
noinst_LTLIBRARIES += libringside-private.la

libringside_private_la_LIBTOOLFLAGS = $(LIBRINGSIDE_ONLY)
libringside_private_la_CPPFLAGS = $(AM_CPPFLAGS) \
	-DRS_KEEPER_PATH='"$(libexecdir)/ringside-keeper"'
libringside_private_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden $(XEN_CFLAGS) $(URCU_CFLAGS) \
	$(SECCOMP_CFLAGS)
libringside_private_la_LIBADD = $(XEN_LIBS) $(URCU_LIBS) $(SECCOMP_LIBS) $(ZYDIS_LIBS) \
	-lpthread
libringside_private_la_SOURCES = $(ring_sources) $(journal_sources) $(xen_sources) $(guest_sources) \
	$(altp2m_sources) $(engine_sources)

libringside_la_LIBTOOLFLAGS = $(LIBRINGSIDE_ONLY)
libringside_la_SOURCES =
libringside_la_LIBADD = libringside-private.la
libringside_la_LDFLAGS = $(AM_LDFLAGS) -version-info $(RINGSIDE_LT_VERSION) \
	-Wl,--version-script=$(top_srcdir)/engine/ringside.map
EXTRA_libringside_la_DEPENDENCIES = engine/ringside.map
EXTRA_DIST += engine/ringside.map

ringsideincludedir = $(includedir)/ringside
ringsideinclude_HEADERS = include/ringside/coverage.h include/ringside/engine.h include/ringside/error.h \
	include/ringside/event.h include/ringside/guest.h include/ringside/log.h \
	include/ringside/probe.h include/ringside/recover.h \
	include/ringside/reply.h include/ringside/ringside.h include/ringside/set.h \
	include/ringside/statistics.h \
	include/ringside/vcpu.h \
	include/ringside/version.h include/ringside/view.h include/ringside/watch.h

engine_sources = engine/advance.c engine/advance.h engine/answer.c engine/answer.h engine/attach.c \
	engine/code.c engine/code.h engine/coverage.c engine/coverage.h \
	engine/deadline.c engine/deadline.h engine/decode.c \
	engine/decode.h engine/detach.c engine/dispatch.c engine/dispatch.h engine/full.c engine/full.h \
	engine/ground.c engine/ground.h \
	engine/known.c engine/known.h engine/lane.h \
	engine/later.c engine/layout.c engine/layout.h engine/next.c engine/options.c engine/others.c engine/others.h \
	engine/options.h engine/past.c engine/past.h engine/private.h engine/rcu.c engine/rcu.h engine/record.c \
	engine/record.h engine/registers.c engine/registers.h engine/responder.c \
	engine/responder.h engine/rule.c engine/rule.h engine/run.c engine/set.c engine/settle.c \
	engine/settle.h engine/single_step.c engine/sources.c \
	engine/sources.h engine/statistics.c engine/statistics.h engine/straight.c \
	engine/straight.h engine/table.c \
	engine/table.h engine/taker.c engine/taker.h engine/trap.c engine/trap.h \
	engine/turn.c engine/turn.h \
	engine/version.c engine/view.c engine/visit.c engine/visit.h engine/wait.c engine/wait.h engine/wanted.c engine/wanted.h \
	engine/watch.c engine/wire.h \
	engine/worker.c engine/worker.h
# When an engine has died.
engine_sources += engine/orphan.h engine/recover.c engine/takeover.c engine/undo.c
engine_sources += engine/keeper.c engine/keeper.h

# In its own process, and so small that it is linked with no more than it calls.
libexec_PROGRAMS += ringside-keeper
ringside_keeper_SOURCES = engine/keeper_main.c
ringside_keeper_CPPFLAGS = $(AM_CPPFLAGS)
ringside_keeper_LDFLAGS = $(AM_LDFLAGS) -static -Wl,--as-needed -Wl,--gc-sections
ringside_keeper_LDADD = libringside-private.la
