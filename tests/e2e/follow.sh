#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# follow.sh: `ringside watch --follow` over a guest's reboot, and from before it is there.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

# What a person would do meanwhile. until_true COMMAND...: for 20 seconds at most.
cat >"$scratch/steps" <<'END'
until_true() {
	for i in $(seq 200); do
		"$@" && return 0
		sleep 0.1
	done
	echo "never: $*" >&2
	return 1
}
lines() { [ "$(wc -l <"$scratch/events")" -ge "$1" ]; }
told() { grep -q "$1" "$scratch/told"; }
"$ringside" watch "$1" --follow --cr3 --json >"$scratch/events" 2>"$scratch/told" &
pid=$!
END
export scratch ringside build

# Domain 1 is guest1, and after its reboot domain 2 is.
cat >>"$scratch/steps" <<'END'
if [ "$1" = guest1 ]; then
	until_true lines 20
	"$build/tests/e2e/reboot" 1 guest1 "$build/guests/worker.elf" || exit 1
else
	until_true told "waiting for $1"
	"$build/tests/e2e/reboot" 0 "$1" "$build/guests/worker.elf" || exit 1
fi
until_true told "$1 is domain 2" || exit 1
before=$(wc -l <"$scratch/events")
until_true lines $((before + 20)) || exit 1
kill -INT $pid
wait $pid
END

for guest in guest1 guest2; do
	rm -f "$scratch/events" "$scratch/told"
	touch "$scratch/events" "$scratch/told"
	on_model --memory 64 -- sh "$scratch/steps" $guest
	check "$guest is followed: exit status 0 (was $status)" [ "$status" = 0 ]
	[ "$status" = 0 ] || sed 's/^/# /' "$scratch/told"
	check "$guest is waited for" grep -q "waiting for $guest" "$scratch/told"
	check "$guest: a summary" grep -q ' events in ' "$scratch/told"
done

# A guest that is suspended does not run, but is not gone.
on_model -- sh -c '"$0" watch guest1 --cr3 --quiet 2>"$2/told" & pid=$!
	for i in $(seq 200); do
		[ -e "$2/asked" ] || "$1" 1 suspend && touch "$2/asked"
		grep -q suspended "$2/told" && break
		sleep 0.1
	done
	kill -INT $pid; wait $pid' "$ringside" "$build/tests/e2e/destroy" "$scratch"
check "a guest is suspended while watched: exit status 0 (was $status)" [ "$status" = 0 ]
check "and the log warns" grep -q 'suspended.*detach first' "$scratch/told"

run "$ringside" watch 1 --follow
check "a number cannot be followed" [ "$status" = 2 ]
check "and that is said" said "by its name"
finish
