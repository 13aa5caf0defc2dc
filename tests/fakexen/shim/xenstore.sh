#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# xenstore.sh: the launcher's xenstore, by the clients of Debian's xenstore-utils as they are.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

if ! command -v xenstore-ls >/dev/null; then
	echo "1..0 # SKIP needs xenstore-utils"
	exit 0
fi

# store COMMANDS...: a shell on a model of its own.
store() { run "$fakexen" --domains 2 -- sh -c "$1"; }
# gives NAME COMMANDS EXPECTED: it succeeds, and prints that.
gives() {
	store "$2"
	check "$1" [ "$status/$(cat "$scratch/out")" = "0/$3" ]
}
# fails NAME COMMANDS WORD: it does not, and says why.
fails() {
	store "$2"
	check "$1" [ "$status" != 0 ]
	check "$1: says '$3'" grep -qi "$3" "$scratch/err"
}

gives "domains have names" 'xenstore-read /local/domain/1/name /local/domain/2/name' 'guest1
guest2'
gives "dom0 is there" 'xenstore-read /local/domain/0/name' Domain-0
gives "list" 'xenstore-list /local/domain' '0
1
2'
gives "write and read" 'xenstore-write /a/b/c value && xenstore-read /a/b/c' value
gives "parents are made, empty" 'xenstore-write /a/b/c v && xenstore-ls /a' 'b = ""
 c = "v"'
gives "a value may be replaced" 'xenstore-write /a 1 && xenstore-write /a 2; xenstore-read /a' 2
gives "rm takes all below" 'xenstore-write /a/b/c v && xenstore-rm /a && xenstore-ls /a 2>&1 ||
	xenstore-exists /a/b || echo gone' "xenstore-ls: xs_directory (/a): No such file or directory
gone"
gives "exists" 'xenstore-exists /local && ! xenstore-exists /nowhere && echo both' both
gives "permissions" 'xenstore-write /p/q v && xenstore-chmod /p/q r0 b1 n2 &&
	xenstore-ls -fp /p' \
	'/p/q = "v"   (r0,b1,n2)'
fails "read of what is not there" 'xenstore-read /nowhere' "couldn't read"
fails "a path with a bad character" 'xenstore-write "/a b" v' 'invalid\|could not'

# 700 names of 10 bytes: more than a reply holds, so the list comes in parts.
store 'for i in $(seq 1000 1699); do echo /long/name-$i v; done | xargs xenstore-write &&
	xenstore-list /long'
check "a long list comes whole" [ "$(sort -u "$scratch/out" | wc -l)" = 700 ]

# A watch gives one event at once, then one for each change below its path.
run "$fakexen" -- sh -c 'timeout 10 xenstore-watch -n 3 /w >"$0/events" & sleep 0.3
	xenstore-write /other 1; xenstore-write /w/x 1; xenstore-rm /w; wait' "$scratch"
check "a watch hears of changes below it" [ "$(cat "$scratch/events")" = "/w
/w/x
/w" ]

run "$fakexen" -- sh -c 'timeout 10 xenstore-watch -n 2 @releaseDomain >"$0/events" & sleep 0.3
	vm=$(xenstore-read /local/domain/1/vm); xenstore-exists "$vm" && echo there
	"$1" 1; wait; xenstore-exists /local/domain/1 || echo gone
	xenstore-exists "$vm" || echo gone' "$scratch" \
	"$build/tests/e2e/destroy"
check "@releaseDomain when a domain is destroyed" \
	[ "$(cat "$scratch/events")" = "@releaseDomain
@releaseDomain" ]
check "its nodes go with it" [ "$(cat "$scratch/out")" = "there
gone
gone" ]
finish
