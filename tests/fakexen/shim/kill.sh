#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# kill.sh: a monitor killed at random moments, on several vCPUs and threads. KILLS says how
# many times (default: a few seconds' worth), SEED where to begin.
exec "${top_builddir:-build}/fakexen" --vcpus 4 --threads 2 \
	--guest "${top_builddir:-build}/guests/cr3loop.elf" -- \
	"${top_builddir:-build}/tests/fakexen/shim/kill" "${KILLS:-100}" ${SEED:+"$SEED"}
