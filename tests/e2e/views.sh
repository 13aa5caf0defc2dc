#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# views.sh: `ringside views` shows what a monitor beside it has made of a guest's memory.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

on_model -- "$ringside" views guest1
check "no views: says so" grep -q 'altp2m is not in use' "$scratch/out"
check "no views: exit status 0 (was $status)" [ "$status" = 0 ]

# The monitor's first event says that its view is there.
on_model --vcpus 2 -- sh -c 'out=$1; mkfifo "$out/events"
	"$0" watch guest1 --page 0x130-0x131:r --page 0x133:rx --json >"$out/events" & pid=$!
	exec 3<"$out/events"
	read -r event <&3
	cat <&3 >/dev/null &
	"$0" views guest1 0x130-0x134 >"$out/views"; status=$?
	kill $pid; wait; exit $status' "$ringside" "$scratch"
check "a monitor's view: exit status 0 (was $status)" [ "$status" = 0 ]
cp "$scratch/views" "$scratch/out"
check "a monitor's view: there is view 1" grep -q '^  1  *[0-9]' "$scratch/out"
check "its pages: a range" grep -q '^  1  *0x130-0x131 r$' "$scratch/out"
check "its pages: a single one" grep -q '^  1  *0x133 rx$' "$scratch/out"
check "its pages: those not touched" grep -q '^  1  *0x132 as the domain' "$scratch/out"
check "its pages: view 0 is the domain's own map" grep -q '^  0  *0x130-0x134 rwx$' "$scratch/out"
unharmed "a monitor's view"

on_model --no-altp2m -- "$ringside" views guest1
check "altp2m is off: says so" grep -q 'altp2m is not in use' "$scratch/out"
on_model -- "$ringside" views nobody
check "no such domain: exit status 4 (was $status)" [ "$status" = 4 ]
check "no such domain: one line" one_line

for arguments in "" "guest1 x" "guest1 5-4" "guest1 0-0x200000" "guest1 1 2" "--nonsense"; do
	run "$ringside" views $arguments
	check "views $arguments: a usage error" [ "$status" = 2 ]
	check "views $arguments: one line" one_line
done
run "$ringside" views --help
check "views --help" [ "$status" = 0 -a -s "$scratch/out" ]
finish
