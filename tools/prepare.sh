# SPDX-License-Identifier: LGPL-2.1-or-later
# prepare.sh: what ./demo and ./check share: packages, configure, build.
# Sourced, from the top of the source tree. Understands --no-install.

install=yes
quiet_log=build/prepare.log

say() { printf '%s\n' "$*"; }
fail() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# What the build needs; ./check adds its own. Debian's packages only.
packages="gcc libc6-dev make autoconf automake libtool pkg-config libxen-dev liburcu-dev
	libseccomp-dev libzydis-dev libzycore-dev libjansson-dev libjson-c-dev liblzma-dev jq"

missing_packages() {
	for package in $packages; do
		case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
		"install ok installed") ;;
		*) printf '%s ' "$package" ;;
		esac
	done
}

# need_packages: installs what is missing and says what, once.
need_packages() {
	missing=$(missing_packages)
	[ -n "$missing" ] || return 0
	[ "$install" = yes ] || fail "these Debian packages are missing: $missing
Install them (apt-get install $missing) or run without --no-install."
	[ "$(id -u)" = 0 ] || fail "these Debian packages are missing: $missing
Run as root, or have root install them: apt-get install $missing"
	say "Installing: $missing"
	export DEBIAN_FRONTEND=noninteractive
	{ apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } \
		>>"$quiet_log" 2>&1 </dev/null ||
		{ tail -n 15 "$quiet_log" >&2; fail "apt-get failed (all of it: $quiet_log)"; }
}

# configure_into FOLDER [ARGUMENTS...]: configures once; make does the rest by itself.
configure_into() {
	folder=$1; shift
	if [ ! -x configure ] || [ configure.ac -nt configure ]; then
		autoreconf -fi >>"$quiet_log" 2>&1 ||
			{ tail -n 15 "$quiet_log" >&2; fail "autoreconf failed (all of it: $quiet_log)"; }
	fi
	mkdir -p "$folder"
	[ ! -e "$folder/Makefile" ] || return 0
	source_folder=$PWD
	# Debian's sh, not bash: configure and libtool start in half the time.
	(cd "$folder" && CONFIG_SHELL=/bin/sh sh "$source_folder/configure" "$@" >configure.log 2>&1) ||
		{ tail -n 15 "$folder/configure.log" >&2; fail "configure failed (all of it: $folder/configure.log)"; }
}

# build_in FOLDER [TARGET...]: adds to the log.
build_in() {
	folder=$1; shift
	make -s -C "$folder" -j"$(nproc)" "$@" >>"$folder/build.log" 2>&1 </dev/null ||
		{ grep -E 'error|Error|\*\*\*' "$folder/build.log" | head -n 15 >&2
		  fail "the build failed (all of it: $folder/build.log)"; }
}
