#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Shows that the lab catches a test that hangs: `answer-left-out` answers one request and leaves the
# next one out. The lab has to fail, by its limit of emulated seconds and for no other reason.
#
#     tests/xen/broken.sh [RELEASE]
#
# Exit status: 0 it was caught, 1 it was not, 77 the lab has not what it needs.
set -u
release=${1:-4.17}
limit=10
output=$(mktemp) || exit 1
trap 'rm -f "$output"' EXIT

"$(dirname "$0")/lab" boot --xen "$release" --limit $limit --test answer-left-out >"$output" 2>&1
status=$?
[ $status -ne 77 ] || { tail -n 1 "$output"; exit 77; }

expect() {
	grep -Eq "$1" "$output" && return
	sed 's/^/| /' "$output"
	echo "broken.sh: the lab ended with $status and without: $1"
	exit 1
}
expect ' ok [0-9]+ - answer-left-out: an answer is given, and the guest runs on$'
expect " Bail out! $limit emulated seconds are over\$"
expect "^lab: Xen $release: [0-9]+ ok, 0 not ok, in .*: FAILED: $limit emulated seconds are over"
if [ $status -ne 1 ]; then
	echo "broken.sh: the lab ended with $status where it has to fail"
	exit 1
fi
echo "broken.sh: an answer that is left out is caught, by the limit of $limit emulated seconds"
