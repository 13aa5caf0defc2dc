#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# examples.sh: the examples do what they say.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

# for_a_second [FAKEXEN OPTIONS] -- EXAMPLE...: until it is interrupted, again and again up to its
# end, so that some come while the engine is being freed.
for_a_second() { # OPTIONS are before the --
	options=
	while [ "$1" != -- ]; do options="$options $1"; shift; done
	shift
	on_model $options -- sh -c '"$@" & pid=$!; sleep 1.5; n=0
		while [ $n -lt 20000 ] && kill -INT $pid 2>/dev/null; do n=$((n + 1)); done
		wait $pid' sh "$@"
}

for_a_second --vcpus 2 -- "$build/examples/breakpoint" guest1 0x131000
check "breakpoint: exit status 0 (was $status)" [ "$status" = 0 ]
check "breakpoint: hits at the address" [ "$(grep -c 'rip 0x131000 ' "$scratch/out")" -ge 10 ]
check "breakpoint: and nowhere else" [ "$(grep -c '^vcpu' "$scratch/out")" = \
	"$(grep -c 'rip 0x131000 ' "$scratch/out")" ]
check "breakpoint: counts them" grep -q '^[1-9][0-9]* hits$' "$scratch/out"
unharmed "breakpoint"

for_a_second -- "$build/examples/guard" guest1 0x130 0x130
check "guard: exit status 0 (was $status)" [ "$status" = 0 ]
check "guard: writes are dropped" grep -q '^[1-9][0-9]* writes dropped$' "$scratch/out"
unharmed "guard"

for_a_second -- "$build/examples/forge" guest1 0x130000 0x1122334455667788
check "forge: exit status 0 (was $status)" [ "$status" = 0 ]
check "forge: reads are answered" grep -q '[1-9][0-9]* answered by us$' "$scratch/out"
unharmed "forge"
finish
