#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# devices.sh: runs devices.c where there are devices.
exec "${top_builddir:-build}/fakexen" -- "${top_builddir:-build}/tests/fakexen/shim/devices"
