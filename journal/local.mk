# SPDX-License-Identifier: LGPL-2.1-or-later

journal_sources = \
	journal/folder.c journal/folder.h \
	journal/journal.c journal/journal.h \
	journal/owner.c journal/owner.h \
	journal/top.c journal/top.h
