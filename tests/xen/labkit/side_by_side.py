# SPDX-License-Identifier: LGPL-2.1-or-later
"""side_by_side: several commands, some at a time. None outlives the lab."""
import subprocess
import time

from .process import die_with_parent

LOOK_EVERY = 0.2


def run_side_by_side(commands, jobs):
    """Runs COMMANDS, a list, JOBS of them at a time, which print for themselves. Returns the exit
    status of each. Interrupted, it interrupts them and waits for their end."""
    processes = []
    try:
        for command in commands:
            while sum(process.poll() is None for process in processes) >= jobs:
                time.sleep(LOOK_EVERY)
            processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                              preexec_fn=die_with_parent))
        return [process.wait() for process in processes]
    except BaseException:
        for process in processes:
            if process.poll() is None:
                process.terminate()
        for process in processes:
            process.wait()
        raise
