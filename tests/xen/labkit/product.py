# SPDX-License-Identifier: LGPL-2.1-or-later
"""Product: Ringside built for one release of Xen, from this source tree.

It is the project's own configure and make, in a folder of its own, with the headers and
libraries of that release in place of this machine's. So one source tree makes three builds,
which differ in nothing but the Xen that they are for.
"""
import os
import re
import subprocess

from .problem import Problem
from .process import run

# pkg-config's names in configure.ac, and the libraries that stand for each
LIBRARIES = {"XENCTRL": "-lxenctrl", "XENEVTCHN": "-lxenevtchn",
             "XENFOREIGNMEMORY": "-lxenforeignmemory", "XENDEVICEMODEL": "-lxendevicemodel",
             "XENCALL": "-lxencall", "XENSTORE": "-lxenstore"}
TARGETS = ["ringside", "ringside-keeper", "tests/xen/driver/driver", "tests/guest/microvmi",
           "examples/process-switches", "examples/syscalls", "guests/bench.elf",
           "guests/mailbox.elf", "guests/worker.elf"]


class Product:
    def __init__(self, source, folder, name, xen, say):
        """SOURCE is the source tree, FOLDER where to build, NAME what for, XEN a PackageRoot."""
        self.source, self.folder, self.name = source, folder, name
        self.xen, self.say = xen, say

    def build(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self._configure()
        self._run("make", ["make", "-s", f"-j{os.cpu_count()}", *TARGETS])

    def _configure(self):
        script = self.source / "configure"
        if not script.exists():
            self._run("autoreconf", ["autoreconf", "-fi"], self.source)
        status = self.folder / "config.status"
        if status.exists() and status.stat().st_mtime > script.stat().st_mtime:
            return
        self.say(f"building Ringside for {self.name}")
        root = self.xen.folder
        libraries = root / "usr/lib/x86_64-linux-gnu"
        # -isystem wins over the headers of another release that this machine may have; the
        # libraries may ask for a newer C library than this machine's, and find it in dom0.
        # Nothing to debug with: it would have to be compiled, packed, read and unpacked.
        variables = {"CFLAGS": "-O2", "LDFLAGS": f"-s -L{libraries} -Wl,--allow-shlib-undefined",
                     "PKG_CONFIG_PATH": f"{libraries}/pkgconfig"}  # which release it is
        for name, library in LIBRARIES.items():
            variables[f"{name}_CFLAGS"] = f"-isystem {root}/usr/include"
            variables[f"{name}_LIBS"] = library
        # Half of the time of a configure is the shell's, and Debian's sh is the quicker one.
        self._run("configure", ["env", "CONFIG_SHELL=/bin/sh", "sh", str(script), "-q", "--enable-werror", "--disable-shared",
                                *(f"{name}={value}" for name, value in variables.items())])

    def _run(self, what, command, folder=None):
        log = self.folder / f"{what}.log"
        with open(log, "w", encoding="utf-8") as output:
            try:
                done = run(command, cwd=folder or self.folder, stdout=output,
                           stderr=subprocess.STDOUT)
            except OSError as error:
                raise Problem(f"cannot run {what} ({error.strerror}): install Debian's "
                              "packages autoconf, automake, libtool, make and gcc") from error
        if done.returncode:
            lines = [line for line in log.read_text(errors="replace").splitlines()
                     if re.search(r"error: |undefined reference|\*\*\*", line)] or ["it does not say why"]
            raise Problem(f"{what} for {self.name} failed: {lines[0].strip()} "
                          f"(all of it: {log})")
