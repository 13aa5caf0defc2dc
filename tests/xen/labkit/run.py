# SPDX-License-Identifier: LGPL-2.1-or-later
"""run: watches the tests on the emulator's second serial line until there is a verdict."""
import os
import time

from .verdict import Verdict

# dom0 itself counts emulated seconds. This is for what dom0 cannot see, a Xen that hangs or
# never boots: seconds of the processor that Bochs has used, which other load does not add to.
SILENCE_LIMIT = 180
LOOK_EVERY = 0.1
ROOM = 1 << 16  # bytes: without them Bochs loses what dom0 says
TAIL = 40


class Follower:
    """The whole lines that a growing file gets."""

    def __init__(self, path):
        self.file = open(path, encoding="utf-8", errors="replace", newline="\n")
        self.rest = ""

    def lines(self):
        *whole, self.rest = (self.rest + self.file.read()).split("\n")
        return [line.strip("\r") for line in whole]


def _has_room(folder):
    """Some file systems do not say how large they are; and what is kept for root counts as room."""
    disk = os.statvfs(folder)
    return not disk.f_blocks or disk.f_bfree * disk.f_frsize >= ROOM


def _show_tail(folder):
    lines = (folder / "console.log").read_text(errors="replace").splitlines()
    lines = [line.strip("\r") for line in lines if line.strip()]
    print(f"--- the last {min(TAIL, len(lines))} lines of {folder / 'console.log'}:")
    print("\n".join(lines[-TAIL:]))
    print("---", flush=True)


def watch_tests(emulator, folder, name, verbose, recording=None):
    """True if all is well. Prints each line as it comes, with NAME and the seconds of the processor that
    Bochs has used so far: other load does not add to them. RECORDING, if there is one, looks at
    each line too."""
    verdict = Verdict()
    tap, dom0 = Follower(folder / "tap.log"), Follower(folder / "console.log")
    start, last_said, ended = time.monotonic(), 0.0, None
    while not verdict.complete and not ended:
        stopped = emulator.ended()  # asked first: what it said last is read below
        for line in dom0.lines() if verbose else []:
            print(f"{name} {emulator.cpu_seconds():7.1f} | {line}", flush=True)
        for line in tap.lines():
            last_said = emulator.cpu_seconds()
            if recording and recording.take(line):
                continue
            print(f"{name} {last_said:7.1f} {line}", flush=True)
            verdict.read(line)
        if stopped:
            ended = emulator.last_words()
        elif emulator.cpu_seconds() - last_said > SILENCE_LIMIT:
            ended = f"nothing came for {SILENCE_LIMIT} seconds of Bochs' own time"
        elif not _has_room(folder):
            ended = f"no room is left in {folder}: make some"
        time.sleep(LOOK_EVERY)
    problem = verdict.why_not()
    if problem:
        _show_tail(folder)
        problem = f"{problem}; {ended}" if ended else problem
    seconds = time.monotonic() - start
    print(f"lab: Xen {name}: {verdict}, in {seconds:.0f} s ({last_said:.0f} of Bochs' own)"
          f"{': FAILED: ' + problem if problem else ''} (logs: {folder})", flush=True)
    return problem is None
