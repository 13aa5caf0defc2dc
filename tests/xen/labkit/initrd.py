# SPDX-License-Identifier: LGPL-2.1-or-later
"""Initrd: dom0's file system, as a cpio archive that the kernel unpacks.

The archive (format newc, Linux' Documentation/driver-api/early-userspace/buffer-format.rst) is
written here: neither cpio nor root are needed, and the same files make the same bytes.
"""
import platform
import re
import stat
import subprocess
from pathlib import Path

from .package_root import LOADER, PackageRoot
from .problem import Problem

LIBRARIES = "lib/x86_64-linux-gnu"
# These belong together and to the C library.
OF_LIBC = {LOADER, "libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1",
           "libgcc_s.so.1"}


def _version(text):
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])


class Initrd:
    def __init__(self, xen):
        """XEN is the PackageRoot of the release whose libraries the programs get."""
        self.xen = xen
        self.host = PackageRoot("/")
        self.files = {}
        # Programs were linked against this machine's C library and Xen's libraries against
        # their own: the newer of the two has what both ask for.
        theirs = re.search(r"^libc6_([\d.]+)", (xen / "versions").read_text(), re.M).group(1)
        here = platform.libc_ver()[1] or "0"
        self.libc = self.host if _version(here) >= _version(theirs) else xen

    def add(self, name, content, mode=0o644):
        for parent in reversed(Path(name).parents[:-1]):
            self.files.setdefault(str(parent), (stat.S_IFDIR | 0o755, b""))
        self.files[name] = (stat.S_IFREG | mode, content)

    def add_folder(self, name):
        self.add(name + "/x", b"")
        del self.files[name + "/x"]

    def add_file(self, name, source, mode=0o644):
        self.add(name, Path(source).read_bytes(), mode)

    def add_program(self, name, source):
        """A program, with all shared libraries that it loads."""
        self.add_file(name, source, 0o755)
        self._add_libraries(source)

    def add_library(self, name):
        if f"{LIBRARIES}/{name}" in self.files:
            return
        order = [self.libc] if name in OF_LIBC else [self.xen, self.host]
        for root in order:
            file = root.library(name)
            if file:
                self.add_file(f"{LIBRARIES}/{name}", file, 0o755)
                if name == LOADER:
                    self.add_file(f"lib64/{name}", file, 0o755)
                self._add_libraries(file)
                return
        raise Problem(f"no shared library {name}, neither in Xen's packages nor on this machine")

    def _add_libraries(self, file):
        listed = subprocess.run(["readelf", "--wide", "--dynamic", file], capture_output=True,
                                text=True, check=False).stdout
        for name in re.findall(r"\(NEEDED\).*\[(.*)\]", listed):
            self.add_library(name)

    def write(self, path):
        out = bytearray()
        for number, (name, (mode, content)) in enumerate(self.files.items(), 1):
            out += _record(name, number, mode, content)
        out += _record("TRAILER!!!", 0, 0, b"")
        # Not packed: to unpack it inside the emulator costs more than to read it.
        path.write_bytes(out)


def _record(name, inode, mode, content):
    links = 2 if stat.S_ISDIR(mode) else 1
    name = name.encode() + b"\0"
    fields = (inode, mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(name), 0)
    header = b"070701" + b"".join(b"%08x" % field for field in fields)
    return _padded(header + name) + _padded(content)


def _padded(data):
    return data + b"\0" * (-len(data) % 4)
