# SPDX-License-Identifier: LGPL-2.1-or-later
"""PackageRoot: a folder of unpacked packages, and how to run or copy what is in it."""
from pathlib import Path

from .problem import Problem

LIBRARY_FOLDERS = ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu")
LOADER = "ld-linux-x86-64.so.2"


class PackageRoot:
    def __init__(self, folder):
        self.folder = Path(folder)

    def __truediv__(self, name):
        return self.folder / name

    def library(self, name):
        """The file of the shared library NAME, or None."""
        for folder in LIBRARY_FOLDERS:
            file = self.folder / folder / name
            if file.is_symlink() or file.exists():
                return self._resolve(file)
        return None

    def _resolve(self, file):
        """What FILE links to, in this root even if the link is absolute."""
        while file.is_symlink():
            target = file.readlink()
            file = self.folder / str(target).lstrip("/") if target.is_absolute() \
                else file.parent / target
        return file

    def command(self, program, *arguments):
        """The command that runs PROGRAM of this root with this root's own C library, so that
        this machine's need not be as new."""
        loader = self.library(LOADER)
        if not loader:
            raise Problem(f"{self.folder} has no {LOADER}: run lab clean, then lab fetch")
        path = ":".join(str(self.folder / folder) for folder in LIBRARY_FOLDERS)
        return [str(loader), "--library-path", path, str(self.folder / program),
                *map(str, arguments)]
