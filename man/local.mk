# SPDX-License-Identifier: LGPL-2.1-or-later
dist_man_MANS += man/ringside.1
dist_man_MANS += man/ringside-decode.1
dist_man_MANS += man/fakexen.1
dist_man_MANS += man/ringside.3
dist_man_MANS += man/ringside-from-libmicrovmi.7
dist_man_MANS += man/ringside-survival.7
