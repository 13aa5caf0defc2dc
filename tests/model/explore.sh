#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Explores each model exhaustively with spin, and each of its broken variants, which must be
# caught: else the model could not fail.

models="${top_srcdir:?}/tests/model"
if [ "${SPIN:-no}" = no ]; then
	echo "1..0 # SKIP no spin: install the Debian package spin and configure again"
	exit 77
fi
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 99
count=0
failed=0

# explore MODEL VARIANT: prints pan's report; BROKEN is VARIANT, 0 is the protocol itself.
explore() {
	rm -f pan* _spin*
	"$SPIN" -DBROKEN="$2" -a "$models/$1.pml" &&
		${CC:-cc} -w -DSAFETY -DMEMLIM=256 -o pan pan.c && ./pan -m100000
}

# verdict CONDITION NAME REPORT
verdict() {
	count=$((count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $count - $2"
	else
		printf '%s\n' "$3" | sed 's/^/# /'
		echo "not ok $count - $2"
		failed=1
	fi
}

# whole REPORT: nothing is wrong, and nothing was left out.
whole() {
	printf '%s\n' "$1" | grep -q 'errors: 0' &&
		! printf '%s\n' "$1" | grep -Eq 'max search depth too small|Search not completed'
}

# try MODEL VARIANTS
try() {
	report=$(explore "$1" 0 2>&1)
	whole "$report"
	verdict $? "$1: holds in all $(printf '%s\n' "$report" |
		sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p') states" "$report"
	variant=1
	while [ $variant -le "$2" ]; do
		report=$(explore "$1" $variant 2>&1)
		printf '%s\n' "$report" | grep -q 'errors: 1'
		verdict $? "$1: broken variant $variant is caught" "$report"
		variant=$((variant + 1))
	done
}

try sleep 3
try answer 3
try combine 3
try lane 3
try park 5
try deputy 5
try removal 3
try straight 5
try record 3
try deadline 4
echo "1..$count"
exit $failed
