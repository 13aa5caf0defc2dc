# SPDX-License-Identifier: LGPL-2.1-or-later
"""recording: what the driver kept of a run, on its way out of dom0 and into a file.

It comes over the serial line, as lines of base64 behind a prefix, of a tar file packed by gzip:

    TEST.trace    what went over the ring in that test
    cpuid         the CPUID policy that Xen offers a guest
    cpuid-guest   what libxenguest has made of it
    guest.elf     the guest

`verdict`, what came of each check, is added here. It is kept packed by xz, with no more of the
tar file's heads than names.
"""
import base64
import io
import re
import tarfile
from pathlib import PurePosixPath

from .problem import Problem

PREFIX = "# record: "



def check_of(line):
    """A line of TAP without what differs from run to run: "ok TEST", "not ok TEST", "skip TEST";
    None if it is no check's."""
    found = re.match(r"(ok|not ok) \d+ - ([\w-]+):", line)
    if not found:
        return None
    return f"{'skip' if '# SKIP' in line else found.group(1)} {found.group(2)}"


class Recording:
    def __init__(self):
        self.lines, self.checks = [], []

    def take(self, line):
        """Looks at a line from dom0. Whether it is the recording's own, and not for people."""
        if line.startswith(PREFIX):
            self.lines.append(line[len(PREFIX):])
            return True
        check = check_of(line)
        if check:
            self.checks.append(check)
        return False

    def _files(self):
        try:
            packed = base64.b64decode("".join(self.lines), validate=True)
            with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
                files = {PurePosixPath(member.name).name: archive.extractfile(member).read()
                         for member in archive.getmembers() if member.isfile()}
        except (ValueError, EOFError, OSError, tarfile.TarError) as error:
            raise Problem(f"the recording did not come out of dom0 whole: {error}") from error
        missing = {"cpuid", "cpuid-guest", "guest.elf"} - files.keys()
        if missing:
            raise Problem(f"the recording lacks {' and '.join(sorted(missing))}")
        files["verdict"] = "".join(check + "\n" for check in self.checks).encode()
        return files

    def _add_others(self, files, path):
        """The tests of PATH that were not run again. Each had a guest for itself, so what was
        recorded of it is what would be."""
        with tarfile.open(path) as archive:
            old = {member.name: archive.extractfile(member).read() for member in archive}
        for name in ("cpuid", "cpuid-guest", "guest.elf"):
            if old[name] != files[name]:
                raise Problem(f"{path} was made with another {name}: record all tests again")
        ran = {check.rpartition(" ")[2] for check in self.checks}
        others = [line for line in old["verdict"].decode().splitlines()
                  if line.rpartition(" ")[2] not in ran]
        files["verdict"] = "".join(check + "\n" for check in others + self.checks).encode()
        for name, content in old.items():
            if name.removesuffix(".trace") not in ran:
                files.setdefault(name, content)

    def keep(self, path, is_part):
        """Writes PATH, which appears when it is complete. IS_PART: not all tests ran, what is
        in PATH of the others stays. Returns how many traces there are."""
        files = self._files()
        if is_part and path.exists():
            self._add_others(files, path)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with tarfile.open(part, mode="w:xz", preset=9) as archive:
            for name, content in sorted(files.items()):
                head = tarfile.TarInfo(name)
                head.size = len(content)
                archive.addfile(head, io.BytesIO(content))
        part.rename(path)
        return sum(name.endswith(".trace") for name in files)
