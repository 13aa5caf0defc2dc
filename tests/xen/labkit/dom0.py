# SPDX-License-Identifier: LGPL-2.1-or-later
"""dom0: what is in its initrd, and the script that the kernel runs."""
from .initrd import Initrd
from .problem import Problem

MODULES = ("xen-privcmd", "xen-evtchn", "xen-gntdev", "xenfs")

# What the tests say goes to the second serial line, on which neither Xen nor the kernel
# writes. The limit counts emulated seconds: a slow machine does not make it come sooner.
INIT = """\
#!/bin/busybox sh
export PATH=/bin LD_LIBRARY_PATH=/lib/x86_64-linux-gnu
busybox ln -s busybox /bin/sh
busybox mount -t proc none /proc
busybox mount -t sysfs none /sys
busybox mount -t devtmpfs none /dev
for m in {modules}; do busybox insmod /modules/$m.ko; done
busybox mount -t xenfs none /proc/xen
busybox stty -F /dev/ttyS1 raw 115200
echo "LAB up"
{job}
busybox sleep 1
busybox poweroff -f
"""
TEST = """\
(busybox sleep {limit}; echo "Bail out! {limit} emulated seconds are over" >/dev/ttyS1) &
driver {arguments} >/dev/ttyS1 2>&1 </dev/null
echo "# lab: the driver ended with $?" >/dev/ttyS1
"""
# What a person would type there. The driver's part: it makes the guest, and looks what is left.
# Through a pipe: on a terminal the table would draw over itself.
DEMO = """\
set -o pipefail
(busybox sleep {limit}; echo "Bail out! {limit} emulated seconds are over" >/dev/ttyS1) &
driver --image /worker.elf --run "ringside watch %s --cr3 --cr4 --msr 0xc0000082 \
--breakpoint --cpuid --descriptor --guest-request --page 0x130-0x131:n \
--table --seconds {seconds}" 2>&1 </dev/null | busybox cat >/dev/ttyS1
echo "# lab: the driver ended with $?" >/dev/ttyS1
"""
# The recording comes packed and as text, behind what the tests say. It is small.
RECORD = """\
(busybox sleep {limit}; echo "Bail out! {limit} emulated seconds are over" >/dev/ttyS1) &
busybox mkdir /record
driver --record /record {arguments} >/dev/ttyS1 2>&1 </dev/null
status=$?
busybox cp /mailbox.elf /record/guest.elf
busybox tar c -C /record . | busybox gzip -9 | busybox base64 |
	busybox sed 's/^/{prefix}/' >/dev/ttyS1
echo "# lab: the driver ended with $status" >/dev/ttyS1
"""
SHELL = """\
echo "This is dom0. driver and ringside are in /bin; leave with Ctrl-]"
while true; do busybox setsid busybox cttyhack busybox sh; done
"""


def find_busybox(kernel):
    """The file in KERNEL, a PackageRoot."""
    for file in (kernel / "bin/busybox", kernel / "usr/bin/busybox"):
        if file.exists():
            return file
    raise Problem("no busybox in the kernel's folder: run lab clean, then lab fetch")


def make_initrd(path, xen, kernel, programs, files, job):
    """PROGRAMS and FILES: what else is in there, by name. JOB: what the script does last."""
    initrd = Initrd(xen)
    for name in ("bin", "dev", "proc", "run", "sys", "tmp"):
        initrd.add_folder(name)
    initrd.add_file("bin/busybox", find_busybox(kernel), 0o755)
    for name in MODULES:
        initrd.add_file(f"modules/{name}.ko", kernel / f"modules/{name}.ko")
    for name, source in programs.items():
        initrd.add_program(f"bin/{name}", source)
    initrd.add_library("libgcc_s.so.1")  # pthread_cancel loads it by name
    for name, source in files.items():
        initrd.add_file(name, source)
    script = INIT.format(modules=" ".join(MODULES), job=job)
    initrd.add("init", script.encode(), 0o755)
    initrd.write(path)
