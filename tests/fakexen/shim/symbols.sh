#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# symbols.sh: no installed library of Xen's reaches the kernel by a function of libc that
# the shim would miss. Every undefined symbol of each libxen*.so is either exported by the
# shim, defined by another libxen* (or a library that is none of libc's), or listed here
# with the reason why it needs no help.
. "${top_srcdir:-.}/tests/e2e/tap.sh"

shim=$build/.libs/libfakexen-shim.so

# Touch no descriptor and no file: memory, strings, numbers, threads, time, process ids.
computing='_ITM_.* __gmon_start__ __cxa_finalize __errno_location __stack_chk_fail
	__assert_fail abort exit _exit calloc free malloc realloc posix_memalign
	mem.* __mem.*_chk str.* __str.*_chk stpcpy __stpcpy_chk str[a-z]* strn?dup strto.*
	v?snprintf __v?s?n?printf_chk sprintf __sprintf_chk __v?asprintf_chk v?asprintf
	__isoc99_sscanf qsort __ctype_.* getenv setenv getpid getpw.* sysconf __sysconf
	pthread_.* __pthread_.* __sigsetjmp __register_atfork sig.* kill
	time localtime_r tzset tzname __tzname gettimeofday clock_gettime sleep usleep
	reg(comp|exec|free) __fdelt_chk dlsym ttyname_r isatty'
# On descriptors that the library has from elsewhere (files, terminals, sockets, pipes).
descriptors='lseek fsync posix_fadvise64 flock writev bind listen socket socketpair pipe pipe2
	getsockopt recvmsg sendmsg openpty login_tty cfmakeraw tcgetattr tcsetattr'
# What a device gives to read is really there: the descriptor is a socket.
readable='read poll select'
# Of the program's own memory; the shim's mappings take the kernel's advice like any other.
advice='madvise'
# Connects to xenstored by the path in XENSTORED_PATH, which is a socket of the launcher's.
connecting='connect'
# Other processes, which inherit the shim.
processes='fork exec.* waitpid set[a-z]*id setrlimit unshare'
# Names of files that are not in the two folders that the shim owns.
files='mkdir mkstemp rename rmdir unlink readlink realpath glob globfree opendir readdir
	rewinddir closedir fdopen'
# Streams: on what fopen(), which the shim has, gave them, or on stderr.
streams='stderr stdout fclose feof ferror fflush fgets fileno fread fseek fwrite f?puts? putc getc
	perror __v?f?printf_chk __isoc99_fscanf'

harmless=$(echo "$computing $descriptors $readable $advice $connecting $processes $files $streams" |
	tr -s ' \t\n' '|' | sed 's/^|//; s/|$//')

undefined() { nm -D --undefined-only "$1" | awk '{ sub("@.*", "", $2); print $2 }' | sort -u; }
defined() { nm -D --defined-only "$1" | awk '{ sub("@.*", "", $3); print $3 }'; }

# Only libc's functions count: what libc does not define is some library's own.
libc=$(ldd "$shim" | awk '$1 == "libc.so.6" { print $3 }')
defined "$libc" | sort -u >"$scratch/libc"
defined "$shim" | sort -u >"$scratch/shim"
check "the shim is built and exports open()" grep -qx open "$scratch/shim"

missed_by() {
	undefined "$1" | comm -12 - "$scratch/libc" | comm -23 - "$scratch/shim" |
		grep -vxE "$harmless" || true
}

libraries=$(ldconfig -p | awk '$1 ~ /^libxen.*\.so/ { print $NF }' | xargs -r -n 1 readlink -f |
	sort -u)
check "there are libxen* to look at" [ -n "$libraries" ]
for library in $libraries; do
	missed=$(missed_by "$library" | tr '\n' ' ')
	check "$(basename "$library") calls nothing that the shim would miss ($missed)" [ -z "$missed" ]
done

# The test itself can fail: without close(), which all of them call, it does.
cp "$scratch/shim" "$scratch/whole"
grep -vx close "$scratch/whole" >"$scratch/shim"
check "a shim without close() would be found out" \
	[ -n "$(for library in $libraries; do missed_by "$library"; done)" ]
finish
