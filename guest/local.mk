# SPDX-License-Identifier: LGPL-2.1-or-later

guest_sources = guest/cache.c guest/cache.h guest/control.c guest/cpu_state.c guest/guest.c \
	guest/legal.c guest/legal.h guest/lent.h guest/physical.c guest/private.h guest/ram.c \
	guest/trail.c guest/trail.h \
	guest/virtual.c guest/walk.c guest/walk.h guest/window.c
