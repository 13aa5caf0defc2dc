# SPDX-License-Identifier: LGPL-2.1-or-later

altp2m_sources = \
	altp2m/emulation.c altp2m/emulation.h \
	altp2m/instruction.c altp2m/instruction.h \
	altp2m/pages.c altp2m/pages.h \
	altp2m/permissions.c altp2m/permissions.h \
	altp2m/restrict.c \
	altp2m/shadows.c altp2m/shadows.h \
	altp2m/trap_page.c altp2m/trap_page.h \
	altp2m/traps.c altp2m/traps.h \
	altp2m/views.c altp2m/views.h
