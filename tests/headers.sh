#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each public header compiles alone, twice over, as C11 and as C++17, and so does each of our
# private headers as C.

cd "${top_srcdir:?}" || exit 99
warnings='-Wall -Wextra -Werror'
CXX=${CXX:-g++}
count=0
failed=0

# compiles NAME HEADER COMMAND...: COMMAND reads the source from its standard input.
compiles() {
	name=$1
	header=$2
	shift 2
	count=$((count + 1))
	if output=$(printf '#include %s\n#include %s\n' "$header" "$header" | "$@" 2>&1); then
		echo "ok $count - $name"
	else
		printf '%s\n' "$output" | sed 's/^/# /'
		echo "not ok $count - $name"
		failed=1
	fi
}

have_cxx=$(echo 'int main() { return 0; }' | $CXX -std=c++17 -x c++ -fsyntax-only - 2>&1 &&
	echo yes)
for file in include/ringside/*.h; do
	public=${file#include/}
	compiles "$public as C11" "<$public>" \
		${CC:-cc} -std=c11 -pedantic -Wshadow $warnings -Iinclude -x c -fsyntax-only -
	if [ "$have_cxx" = yes ]; then
		compiles "$public as C++17" "<$public>" \
			$CXX -std=c++17 -pedantic $warnings -Iinclude -x c++ -fsyntax-only -
	else
		count=$((count + 1))
		echo "ok $count - $public as C++17 # SKIP no C++ compiler: install g++"
	fi
done
for file in $(ls ring/*.h guest/*.h altp2m/*.h engine/*.h tools/*.h 2>/dev/null); do
	compiles "$file" "\"$file\"" ${CC:-cc} -std=gnu11 -Wshadow $warnings -Wno-unused-function \
		-Iinclude -iquote . -iquote "${top_builddir:-.}" -x c -fsyntax-only -
done

echo "1..$count"
exit $failed
