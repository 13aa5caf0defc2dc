#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# sandbox.sh: handlers with fewer privileges than their program, with the model's report as the judge.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

status=0
"$build/tests/engine/refusing" EPERM true || status=$?
if [ "$status" = 77 ]; then
	echo "1..0 # SKIP this kernel, or this container, has no seccomp"
	exit
fi

# confined WHAT: one worker, three with deadlines, none of it, or the caller's own thread.
confined() {
	on_model --vcpus 2 -- "$build/tests/engine/sandbox" "$1"
	if grep -q 'no sandbox: this is built with a sanitizer' "$scratch/out"; then
		skip "sandbox $1" "built with a sanitizer, which makes calls of its own"
		return
	fi
	check "sandbox $1: $(grep -c '^ok' "$scratch/out") checks, status $status" [ "$status" = 0 ]
	[ "$status" = 0 ] || sed 's/^/# /' "$scratch/out"
	unharmed "sandbox $1"
}
for what in 1 3 none step; do confined "$what"; done

# Where the kernel refuses it, or has none: one line, and everything else as ever.
sanitized=no
on_model -- "$ringside" watch guest1 --cr3 --count 5 --quiet --verbose
! said 'built with a sanitizer' || sanitized=yes
refused() {
	error=$1 text=$2
	if [ $sanitized = yes ]; then skip "$error" "built with a sanitizer"; return; fi
	on_model -- "$build/tests/engine/refusing" "$error" \
		"$ringside" watch guest1 --cr3 --count 5 --quiet
	check "seccomp says $error: status 0 (was $status)" [ "$status" = 0 ]
	check "seccomp says $error: one line" one_line
	check "seccomp says $error: it says so" said "no sandbox: seccomp: $text"
	unharmed "seccomp says $error"
	on_model -- "$build/tests/engine/refusing" "$error" "$build/tests/engine/sandbox" 1
	check "seccomp says $error, required: the attach fails" \
		grep -q "Bail out! attach: domain 1: no sandbox: seccomp: $text" "$scratch/out"
	unharmed "seccomp says $error, required"
	on_model -- "$build/tests/engine/refusing" "$error" \
		"$ringside" watch guest1 --cr3 --count 5 --quiet --no-sandbox
	check "seccomp says $error, --no-sandbox: nothing to say" [ "$status" = 0 -a ! -s "$scratch/err" ]
}
refused EPERM 'Operation not permitted'
refused ENOSYS 'Invalid argument'
finish
