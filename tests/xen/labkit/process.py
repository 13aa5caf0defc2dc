# SPDX-License-Identifier: LGPL-2.1-or-later
"""process: programs that the lab runs and waits for. None outlives it, however it ends."""
import ctypes
import os
import signal
import subprocess

PR_SET_PDEATHSIG = 1


def die_with_parent():
    """In a child, before it runs its program: not even a kill -9 of the lab leaves it behind."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def run(command, **options):
    """As subprocess.run(), but interrupted it ends also what the program has started."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent,
                          start_new_session=True, text=True, **options) as process:
        try:
            output, errors = process.communicate()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, output, errors)
