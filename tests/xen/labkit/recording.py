# SPDX-License-Identifier: LGPL-2.1-or-later
"""recording: what the driver kept of a run, on its way out of dom0 and into a file.

It comes over the serial line, as lines of base64 behind a prefix, of a tar file packed by gzip.
It is kept packed by xz, with no more of the tar file's heads than names, so that the same
messages make the same bytes.
"""
import base64
import io
import tarfile
from pathlib import PurePosixPath

from .problem import Problem

PREFIX = "# record: "


def keep_recording(lines, path):
    """Writes PATH, which appears when it is complete. Returns how many traces there are."""
    try:
        packed = base64.b64decode("".join(lines), validate=True)
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
            files = {PurePosixPath(member.name).name: archive.extractfile(member).read()
                     for member in archive.getmembers() if member.isfile()}
    except (ValueError, EOFError, OSError, tarfile.TarError) as error:
        raise Problem(f"the recording did not come out of dom0 whole: {error}") from error
    missing = {"cpuid", "cpuid-guest", "guest.elf"} - files.keys()
    if missing:
        raise Problem(f"the recording lacks {' and '.join(sorted(missing))}")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with tarfile.open(part, mode="w:xz", preset=9) as archive:
        for name, content in sorted(files.items()):
            head = tarfile.TarInfo(name)
            head.size = len(content)
            archive.addfile(head, io.BytesIO(content))
    part.rename(path)
    return sum(name.endswith(".trace") for name in files)
