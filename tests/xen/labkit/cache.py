# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cache: the folder in which all that was fetched is kept.

    emulator/  Bochs and its own libc       kernel/   dom0's kernel, modules, busybox, GRUB
    tools/     xorriso, grub-mkimage        xen-REL/  Xen, its headers and libraries
    apt/       apt's lists, by suite

A folder of packages is unpacked under another name and renamed when it is complete, so what is
there is whole. Any number of labs use a cache at once; one that fetches or cleans is alone.
"""
import errno
import gzip
import os
import shutil
from pathlib import Path

from .archive import Archive
from .dom0 import MODULES
from .lock import Lock
from .problem import Problem, Unavailable
from .release import EMULATOR_SUITE, KERNEL_SUITE
from .vmlinux import unpack_vmlinux


def default_folder():
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ringside"


class Cache:
    def __init__(self, folder, say):
        self.folder = folder
        self.say = say
        self.archives = {}
        try:
            self.lock = Lock(folder, say)
        except OSError as error:
            raise Problem(f"cannot write to {folder} ({error.strerror}): name another place in "
                          "XDG_CACHE_HOME") from error
        self.lock.share()

    def archive(self, suite):
        if suite not in self.archives:
            self.archives[suite] = Archive(self.folder, suite)
        return self.archives[suite]

    def _keep(self, name, fill):
        """The folder NAME; if it is not there yet, fill() makes it."""
        folder = self.folder / name
        if folder.exists():
            return folder
        self.lock.take()
        if not folder.exists():  # still: whoever had the lock may have fetched it
            self.say(f"fetching {name} into {self.folder}")
            try:
                fill(folder).rename(folder)
            except OSError as error:
                cure = "make room there" if error.errno == errno.ENOSPC else "look at that"
                raise Problem(f"cannot keep {name} in {self.folder} ({error.strerror}): "
                              f"{cure}, or name another place in XDG_CACHE_HOME") from error
            finally:
                shutil.rmtree(folder.with_name(folder.name + ".part"), ignore_errors=True)
        self.lock.share()
        return folder

    def emulator(self):
        # Bochs is linked with GTK and bound at start, so all of its libraries must be there,
        # though none of them is used.
        def fill(folder):
            archive = self.archive(EMULATOR_SUITE)
            libraries = [name for name in archive.needs(["bochs", "bochs-term"])
                         if name.startswith("lib")]
            return archive.unpack(["bochs", "bochs-term", "bochsbios", "vgabios"] + libraries,
                                  folder)
        return self._keep("emulator", fill)

    def tools(self):
        def fill(folder):
            archive = self.archive(KERNEL_SUITE)
            names = ["xorriso", "grub-common"]
            libraries = [name for name in archive.needs(names) if name.startswith("lib")]
            return archive.unpack(names + libraries, folder)
        return self._keep("tools", fill)

    def kernel(self):
        def fill(folder):
            archive = self.archive(KERNEL_SUITE)
            # the meta package depends on the kernel of the day
            image = [name for name in archive.needs(["linux-image-amd64"])
                     if name.startswith("linux-image-") and name != "linux-image-amd64"]
            if not image:
                raise Unavailable(f"Debian's {KERNEL_SUITE} names no kernel")
            part = archive.unpack([image[0], "busybox-static", "grub-pc-bin"], folder)
            packed = next((part / "boot").glob("vmlinuz-*"))
            (part / "vmlinux").write_bytes(unpack_vmlinux(packed.read_bytes()))
            # of the modules only these; all of them are half a gigabyte
            (part / "kept").mkdir()
            for name in MODULES:
                next(part.rglob(f"{name}.ko")).rename(part / "kept" / f"{name}.ko")
            for folder in ("lib", "usr/lib/modules"):
                shutil.rmtree(part / folder, ignore_errors=True)
            shutil.rmtree(part / "boot")
            (part / "kept").rename(part / "modules")
            return part
        return self._keep("kernel", fill)

    def xen(self, release):
        def fill(folder):
            part = self.archive(release.suite).unpack(release.packages, folder)
            packed = part / "boot" / f"xen-{release.name}-amd64.gz"
            (part / "xen").write_bytes(gzip.decompress(packed.read_bytes()))
            return part
        return self._keep(f"xen-{release.name}", fill)

    def fetch(self, release):
        """All that a boot of RELEASE needs."""
        self.emulator()
        self.tools()
        self.kernel()
        self.xen(release)

    def clean(self):
        self.lock.take()
        for entry in self.folder.iterdir():
            if entry.name != "lock":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
