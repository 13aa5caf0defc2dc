#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The house rules that #include lines and a search can show: dependencies point down only
# (ring, xen <- altp2m <- engine <- tools, examples, bench), Xen's tool headers are for xen/,
# fakexen and the product do not know each other, and atomics live in one header each.

cd "${top_srcdir:?}" || exit 99
count=0
failed=0

# verdict NAME FOUND: FOUND lists the offenders, one a line.
verdict() {
	count=$((count + 1))
	if [ -z "$2" ]; then
		echo "ok $count - $1"
	else
		printf '%s\n' "$2" | sed 's/^/# /'
		echo "not ok $count - $1"
		failed=1
	fi
}

sources() {
	for folder; do
		[ ! -d "$folder" ] || find "$folder" -name '*.[chS]' -o -name '*.inc'
	done | sort
}

# includes FILES: "FILE HEADER" for each #include.
includes() {
	for file; do
		sed -n "s,^[ 	]*#[ 	]*include[ 	]*[<\"]\([^>\"]*\)[>\"].*,$file \1,p" "$file"
	done
}

# may FOLDER PATTERN: of our own headers FOLDER includes those that match PATTERN only.
may() {
	verdict "$1 includes nothing above it" "$(includes $(sources "$1") |
		awk -v allowed="$2" '
			$2 ~ "^(ring|xen|altp2m|engine|tools|examples|bench|fakexen|guests|tests|ringside)/" \
			&& $2 !~ allowed { print }')"
}

# <xen/...> is Xen's own public interface, "xen/..." ours: told apart by the files we have.
[ -d xen ] && for file in $(sources xen); do ours="$ours|^[^ ]* $file\$"; done
is_ours="${ours#|}"

may ring '^ring/'
may xen '^(xen|ring|ringside)/'
may altp2m '^(altp2m|xen|ring|ringside)/'
may engine '^(engine|altp2m|xen|ring|ringside)/'
may tools '^(tools|ringside)/'
may examples '^(examples|ringside)/'
may bench '^(bench|ringside)/'
may include '^ringside/'

tool_headers='(xenctrl|xenguest|xenevtchn|xenforeignmemory|xendevicemodel|xencall|xengnttab'
tool_headers="$tool_headers|xenstore|xentoollog|xentoolcore|xenhypfs|libxl)[a-z_]*\.h\$"
verdict "only xen/ includes Xen's tool headers" "$(
	includes $(sources include ring altp2m engine tools examples bench) |
		grep -E " $tool_headers" || :)"
verdict "only xen/ includes Xen's public interface" "$(
	includes $(sources include ring altp2m engine tools examples bench) |
		grep -E '^[^ ]* xen/' | grep -Ev "${is_ours:-^\$}" || :)"

verdict "the product knows nothing of fakexen" "$(
	includes $(sources include ring xen altp2m engine tools examples bench) |
		grep -E ' fakexen/' || :)"
verdict "fakexen knows nothing of the product" "$(
	includes $(sources fakexen guests) |
		grep -E ' (ringside|ring|altp2m|engine|tools|examples|bench)/' || :)"
[ -z "$is_ours" ] || verdict "fakexen knows nothing of xen/" "$(
	includes $(sources fakexen guests) | grep -E "$is_ours" || :)"

# The words, outside comments.
atomics='memory_order_|__atomic_|__sync_|<stdatomic.h>|atomic_thread_fence'
verdict "the product's atomics are in ring/atomics.h" "$(
	sources include ring xen altp2m engine tools examples bench |
		grep -v '^ring/atomics\.h$' | xargs grep -nE "$atomics" | grep -Ev ':[ 	]*(/?\*|//)' || :)"

echo "1..$count"
exit $failed
