#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# launcher.sh: fakexen's command line, exit statuses, signals, and what it leaves behind.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

# Folders of sockets go here, so that what is left over can be seen.
TMPDIR=$scratch/tmp
export TMPDIR
mkdir "$TMPDIR"

exits() { name=$1 wanted=$2; shift 2; run "$fakexen" "$@"; check "$name: $wanted (was $status)" [ "$status" = "$wanted" ]; }

exits "--help" 0 --help
exits "--version" 0 --version
exits "no command" 125
exits "an unknown option" 125 --nonsense -- true
exits "a number out of range" 125 --vcpus 0 -- true
check "a number out of range: says the range" said "from 1 to 128"
exits "an unknown capability" 125 --no-capability nonsense -- true
exits "an image that is not there" 125 --guest /nowhere.elf -- true
exits "an image that is no ELF" 125 --guest "$source/Makefile.am" -- true
exits "the command's status" 7 -- sh -c 'exit 7'
exits "the signal that ended it" 143 -- sh -c 'kill -TERM $$'
exits "a command that is not there" 127 -- /nowhere/program
exits "a command that cannot be run" 126 -- "$source/Makefile.am"
exits "a report that cannot be written" 125 --report /nowhere/report -- true
exits "options of the command are its own" 0 -- sh -c '[ "$1" = --vcpus ]' sh --vcpus

# What somebody sends to fakexen is meant for the command.
"$fakexen" -- sh -c 'trap "exit 9" TERM; while :; do sleep 0.1; done' & pid=$!
sleep 0.5
kill -TERM "$pid"
status=0; wait "$pid" || status=$?
check "SIGTERM reaches the command, and fakexen waits for it (status $status)" [ "$status" = 9 ]
check "no folder of sockets is left" [ -z "$(ls -A "$TMPDIR")" ]

"$fakexen" -- sleep 5 & pid=$!
sleep 0.3
kill -KILL "$pid"
wait "$pid" 2>/dev/null || true
check "a killed fakexen leaves its folder" [ "$(ls "$TMPDIR" | wc -l)" = 1 ]
check "but not for long: the next removes it, and only it" \
	[ "$("$fakexen" -- sh -c '"$0" -- true; ls "$TMPDIR" | wc -l' "$fakexen")" = 1 ]

on_model --vcpus 3 --domains 2 --pv -- true
check "the report: three domains" [ "$(jq '.domains | length' "$scratch/report")" = 3 ]
check "the report: names and kinds" [ "$(jq -c '[.domains[] | .name, .hvm]' "$scratch/report")" = \
	'["guest1",true,"guest2",true,"pv1",false]' ]
check "the report: three vCPUs" [ "$(jq '.domains[0].vcpus | length' "$scratch/report")" = 3 ]
check "the report: the guests run on" [ "$(jq -c '[.domains[:2][].ran_on]' "$scratch/report")" = '[true,true]' ]

on_model --vcpus 2 -- "$build/tests/fakexen/shim/devices" pause 1
check "the report: a domain left paused does not run on" \
	[ "$(jq -c '.domains[0] | [.ran_on, .pause_count]' "$scratch/report")" = '[false,1]' ]

run "$fakexen" --vcpus 4 --guest "$build/guests/cr3loop.elf" -- \
	"$build/tests/fakexen/shim/devices" pester 4
check "every vCPU gets its turn while a tool makes call after call (status $status)" \
	[ "$status" = 0 ]

gives() { name=$1; run "$fakexen" -- sh -c "$2"; check "$name" [ "$(cat "$scratch/out")" = "$3" ]; }
gives "devices are character devices" \
	'for f in privcmd hypercall evtchn; do [ -c /dev/xen/$f ] && echo $f; done' 'privcmd
hypercall
evtchn'
gives "what is not modelled is absent" '[ -e /dev/xen/gntdev ] || [ -e /proc/xen/xenbus ] || echo absent' absent
gives "dom0 is privileged" 'cat /proc/xen/capabilities' control_d
gives "sysfs names the hypervisor" \
	'h=/sys/hypervisor; cat $h/type $h/version/major $h/version/minor; [ -e $h/compilation ] || echo absent' 'xen
4
17
absent'
gives "other files are as they are" 'echo hello >"$TMPDIR/f"; cat "$TMPDIR/f"; rm "$TMPDIR/f"' hello
gives "several programs at once" 'cat /proc/xen/capabilities & cat /proc/xen/capabilities; wait' \
	'control_d
control_d'

# A shim without a launcher is nothing at all.
run env LD_PRELOAD="$build/.libs/libfakexen-shim.so" sh -c '[ ! -e /dev/xen/privcmd ] && echo plain'
check "without a launcher the shim is transparent" \
	[ -e /dev/xen/privcmd -o "$(cat "$scratch/out")" = plain ]
finish
