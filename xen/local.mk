# SPDX-License-Identifier: LGPL-2.1-or-later

xen_sources = \
	xen/about.c xen/about.h \
	xen/altp2m.c xen/altp2m.h \
	xen/connection.c xen/connection.h \
	xen/context.c xen/context.h \
	xen/domain.c xen/domain.h \
	xen/domctl.c \
	xen/error.c xen/error.h \
	xen/follow.c \
	xen/foreign.c xen/foreign.h \
	xen/interrupt.c xen/interrupt.h \
	xen/log.c xen/log.h \
	xen/memory.c xen/memory.h \
	xen/monitor.c xen/monitor.h \
	xen/port.c xen/port.h \
	xen/private.h \
	xen/privilege.c xen/privilege.h \
	xen/probe.c \
	xen/probe_views.c \
	xen/sandbox.c xen/sandbox.h \
	xen/sized.c xen/sized.h \
	xen/source.c \
	xen/store.c xen/store.h \
	xen/vcpu.c xen/vcpu.h
