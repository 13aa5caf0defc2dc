#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# distributed.sh TARBALL: `make dist` forgot none of our files. (distcheck builds what make builds,
# not the tests.)
set -eu
cd "$(dirname "$0")/.."
list=$(mktemp)
trap 'rm -f "$list"' EXIT
tar -tf "$1" | sed 's,^[^/]*/,,' >"$list"
find altp2m bench engine examples fakexen guest guests include journal man ring tests tools xen -type f \
	! -path '*/__pycache__/*' ! -name '.*' | grep -Fxv -f "$list" && exit 1
echo "distributed: ok"
