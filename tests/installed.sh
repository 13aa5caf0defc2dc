#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# installed.sh ROOT: after `make install DESTDIR=ROOT`, an example built by a user with
# nothing but pkg-config works with the shared and the static library.
set -eu
root=$(cd "$1" && pwd)
source=$(cd "$(dirname "$0")/.." && pwd)
pc=$(find "$root" -name ringside.pc)
prefix=${pc%/lib/pkgconfig/ringside.pc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
libs="-L$prefix/lib -lringside"
cc -std=c11 -D_GNU_SOURCE -I"$prefix/include" "$source/examples/cr3.c" -o "$work/shared" $libs
LD_LIBRARY_PATH="$prefix/lib" "$prefix/bin/fakexen" -- "$work/shared" no-such-guest 2>"$work/error" &&
	{ echo "attaching to no-such-guest worked"; exit 1; }
grep -q no-such-guest "$work/error"
cc -std=c11 -D_GNU_SOURCE -I"$prefix/include" "$source/examples/cr3.c" -o "$work/static" \
	"$prefix/lib/libringside.a" $(pkg-config --static --libs-only-l ringside | sed 's/-lringside//')
"$prefix/bin/fakexen" -- "$work/static" no-such-guest 2>"$work/error" &&
	{ echo "attaching to no-such-guest worked"; exit 1; }
grep -q no-such-guest "$work/error"
LD_LIBRARY_PATH="$prefix/lib" "$prefix/bin/ringside" --version
# With a keeper, which would be missed in one line.
RINGSIDE_FOLDER="$work/run" "$prefix/bin/fakexen" -- "$prefix/bin/ringside" watch guest1 --cr3 \
	--count 1 --quiet 2>"$work/error"
[ ! -s "$work/error" ] || { cat "$work/error"; exit 1; }
"$prefix/bin/ringside" bench --compare /dev/null /dev/null 2>"$work/error" &&
	{ echo "comparing nothing worked"; exit 1; }
grep -q 'no run in these files' "$work/error"	# so its script is where it looks
for page in "$prefix"/share/man/man*/*; do
	mandoc -T lint -W error "$page"
done
echo installed: ok
