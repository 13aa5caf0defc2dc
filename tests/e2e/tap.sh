# SPDX-License-Identifier: LGPL-2.1-or-later
# tap.sh: TAP from shell, and the programs under test. Sourced.

build=${top_builddir:-build}
source=${top_srcdir:-.}
ringside=$build/ringside
fakexen=$build/fakexen
scratch=$(mktemp -d)
chmod 755 "$scratch"
trap 'rm -rf "$scratch"' EXIT
number=0

# Of its own, so that tests side by side do not meet in /run/ringside.
RINGSIDE_FOLDER=$scratch/run
export RINGSIDE_FOLDER

# Where another user, too, may read it.
cp "$source/tests/thread.supp" "$scratch/"
chmod 644 "$scratch/thread.supp"
TSAN_OPTIONS="suppressions=$scratch/thread.supp${TSAN_OPTIONS:+:$TSAN_OPTIONS}"
export TSAN_OPTIONS

ok() { number=$((number + 1)); echo "ok $number - $*"; }
not_ok() {
	number=$((number + 1)); echo "not ok $number - $*"
	for file in out err; do
		[ ! -s "$scratch/$file" ] || tail -n 8 "$scratch/$file" | sed "s/^/# $file: /"
	done
}
skip() { number=$((number + 1)); echo "ok $number - $1 # SKIP $2"; }
finish() { echo "1..$number"; }

# check NAME CONDITION...: a test(1)-like command decides.
check() {
	name=$1; shift
	if "$@"; then ok "$name"; else not_ok "$name"; fi
}

# run COMMAND...: $status, and its output in $scratch/out and $scratch/err. No run may take
# longer than two minutes.
run() {
	status=0
	timeout -k 5 120 "$@" >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
}

# on_model [FAKEXEN OPTIONS] -- COMMAND...: the same under fakexen, with a report.
on_model() {
	rm -f "$scratch/report"
	run "$fakexen" --report "$scratch/report" "$@"
}

# unharmed NAME: the report of the last on_model says that nothing was left behind.
unharmed() {
	if "$source/tools/verdict" "$scratch/report" >"$scratch/verdict" 2>&1; then
		ok "$1: the guest is unharmed"
	else
		not_ok "$1: the guest is unharmed"
		grep -v '^ok' "$scratch/verdict" | sed 's/^/# /'
	fi
}

said() { grep -qi -- "$1" "$scratch/err"; }
one_line() { [ "$(wc -l <"$scratch/err")" = 1 ]; }
