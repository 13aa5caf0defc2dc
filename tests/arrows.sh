#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The house rules that #include lines and a search can show: dependencies point down only
# (ring <- journal <- xen <- guest <- altp2m <- engine <- tools, examples, bench), Xen's tool headers are for xen/,
# fakexen and the product do not know each other, and the product's atomics live in one header.
# "xen/memory.h" is ours and <xen/memory.h> Xen's: quotes tell them apart, for gcc too.

cd "${top_srcdir:?}" || exit 99
product='include ring journal xen guest altp2m engine tools examples bench'
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

# sources FOLDER...: every file of C or assembly.
sources() {
	for folder; do
		[ ! -d "$folder" ] || find "$folder" -name '*.[chS]'
	done | sort
}

# includes FOLDER...: FILE <HEADER> or FILE "HEADER", one a line.
includes() {
	for file in $(sources "$@"); do
		sed -n "s,^[ 	]*#[ 	]*include[ 	]*\([<\"][^>\"]*[>\"]\).*,$file \1,p" "$file"
	done
}

# may FOLDER FOLDERS: the headers of ours that FOLDER includes are in FOLDERS only.
may() {
	verdict "$1 includes nothing but $(echo "$2" | tr '|' ' ')" "$(includes "$1" |
		grep -E ' ("(ring|journal|xen|guest|altp2m|engine|tools|examples|bench|fakexen|guests|tests)/|[<"]ringside/)' |
		grep -Ev " [<\"]($2)/")"
}

may include 'ringside'
may ring 'ring'
may journal 'journal|ring'
may xen 'xen|journal|ring|ringside'
may guest 'guest|xen|ring|ringside'
may altp2m 'altp2m|guest|xen|ring|ringside'
may engine 'engine|altp2m|guest|xen|journal|ring|ringside'
may tools 'tools|ringside'
may examples 'examples|ringside'
may bench 'bench|engine|xen|ring|ringside|tools|guests'
may fakexen 'fakexen'
may guests 'guests'

verdict "only xen/ includes headers of Xen's" "$(includes $product | grep -v '^xen/' |
	grep -E ' [<"](xen/|xen[a-z]*\.h|libxl)' | grep -v ' "xen/')"
verdict "our own headers are included in quotes" "$(includes $product fakexen tests |
	grep -E ' <(ring|journal|guest|altp2m|engine|tools|examples|bench|fakexen|guests|tests)/')"
verdict "the product's atomics are in ring/atomics.h" "$(sources $product |
	grep -v '^ring/atomics\.h$' |
	xargs grep -nE 'memory_order_|__atomic_|__sync_|stdatomic\.h|atomic_thread_fence')"

echo "1..$count"
exit $failed
