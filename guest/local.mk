# SPDX-License-Identifier: LGPL-2.1-or-later

guest_sources = guest/cache.c guest/cache.h guest/guest.c \
	guest/lent.h guest/physical.c guest/private.h \
	guest/virtual.c guest/walk.c guest/walk.h guest/window.c
