# SPDX-License-Identifier: LGPL-2.1-or-later
# fakexen: cpu/ is the processor, the rest the model (launcher and shim both contain
# what of it runs in a caller's context), shim/ what is preloaded, launcher/ the command.

FAKEXEN_CFLAGS = $(AM_CFLAGS) -O2 -fvisibility=hidden
include fakexen/cpu/local.mk
