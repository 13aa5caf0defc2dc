# SPDX-License-Identifier: LGPL-2.1-or-later
"""linux_guest: what a stock Linux guest consists of: Debian's kernel, and a shell of busybox.

The shell reads a line from its console, does it, and says so: the driver's linux_guest.c is at
the other end. The kernel is dom0's own, which is PVH too.
"""
from .disc import QUICK_LINUX
from .dom0 import find_busybox
from .initrd import Initrd
from .vmlinux import pack_segments

# page_sum ADDRESS prints a checksum of a page of the kernel, read through the kernel itself:
# /proc/kcore is an ELF file, and hexdump knows no numbers of 8 bytes.
INIT = """\
#!/bin/busybox sh
export PATH=/bin
busybox mount -t proc none /proc
busybox stty -echo
page_sum() {
	at=$(($1 & ~4095))
	count=$(busybox hexdump -s 56 -n 2 -e '1/2 "%d"' /proc/kcore)
	busybox hexdump -v -s 64 -n $((56 * count)) -e '14/4 "%u " "\\n"' /proc/kcore |
	while read -r kind flags o1 o2 v1 v2 p1 p2 s1 s2 rest; do
		first=$((v1 + (v2 << 32)))
		[ $((at >= first && at - first < s1 + (s2 << 32))) = 1 ] || continue
		page=$(((o1 + (o2 << 32) + at - first) / 4096))
		busybox dd if=/proc/kcore bs=4096 skip=$page count=1 2>/dev/null |
			busybox md5sum | busybox cut -c 1-32
	done
}
# symbol NAME prints the address of a function of the kernel.
symbol() {
	busybox grep -m 1 " $1\\$" /proc/kallsyms
}
echo "lab: done"
while read -r line; do
	eval "$line"
	echo "lab: done"
done
"""

COMMAND_LINE = " ".join([
    "console=hvc0", "quiet", "panic=-1",
    "nokaslr",        # a PVH kernel does not move by itself anyway
    "mitigations=off", "random.trust_cpu=off", "tsc=reliable", "clocksource=xen",
    *QUICK_LINUX,
])


def make_linux_guest(folder, xen, kernel):
    """Writes the guest's files into FOLDER. XEN and KERNEL are PackageRoots. Returns what dom0 is
    to have, by name."""
    folder.mkdir(exist_ok=True)
    initrd = Initrd(xen)
    for name in ("bin", "proc"):
        initrd.add_folder(name)
    initrd.add_file("bin/busybox", find_busybox(kernel), 0o755)
    initrd.add("init", INIT.encode(), 0o755)
    initrd.write(folder / "initrd")
    (folder / "vmlinux").write_bytes(pack_segments((kernel / "vmlinux").read_bytes()))
    (folder / "command-line").write_text(COMMAND_LINE + "\n")
    return {f"linux/{name}": folder / name for name in ("vmlinux", "initrd", "command-line")}
