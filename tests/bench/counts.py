#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""counts: what bench/marginal.py makes of runs that were disturbed. Speaks TAP; needs no model.

The runs are invented: a contestant makes so many calls an event and some at its start, and the
machine adds what a busy machine adds, from a seed.
"""
import os
import random
import sys
import types
from unittest import mock

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../../bench"), os.path.join(HERE, "../traces")]

import marginal  # noqa: E402  (the path comes first)
from tap import Tap  # noqa: E402

NAME = "engine-block cr3 1"
KNOWN, SLACK = 4.0, 0.05
SEEDS = 300


class Machine:
    """Runs of a contestant that makes `calls` an event. Of two runs one is disturbed, by up to a
    call in every fourth event; one in five does not sleep before each, which saves calls."""

    def __init__(self, calls, seed):
        self.calls, self.random = calls, random.Random(seed)
        self.counted = None

    def run(self, _options, _contestant, _kind, _way, events, _wrapper):
        asleep, more = 1.0, 0
        if self.random.random() < 0.2:
            asleep = 0.7
        elif self.random.random() < 0.5:
            more = self.random.randint(1, events // 4)
        self.counted = {"futex": 30 + more, "poll": 3 + int(events * asleep * self.calls)}
        return {"events": events, "waits_per_event": asleep}

    def read(self, _folder):
        return self.counted


def checked(machine, update=False):
    """The exit status of a check of that machine's contestant, and what is known of it afterwards."""
    options = types.SimpleNamespace(check=not update, update=update, quiet=True, table=False,
                                    combinations=[tuple(NAME.split())])
    figures = {"syscalls": {"gcc": {NAME: KNOWN}}}
    with mock.patch.multiple(marginal, run_once=machine.run, load=lambda: figures, save=lambda _: None,
                             compiler=lambda _: "gcc", print=lambda *_, **__: None, create=True):
        status = marginal.main(options, "syscalls", lambda _: "", machine.read, SLACK)
    return status, figures["syscalls"]["gcc"][NAME]


def main():
    tap = Tap()
    failed = [seed for seed in range(SEEDS) if checked(Machine(KNOWN, seed))[0]]
    tap.ok(not failed, "a busy machine alone never fails a check", f"seeds {failed}")
    passed = [seed for seed in range(SEEDS) if not checked(Machine(KNOWN + 0.5, seed))[0]]
    tap.ok(not passed, "one call more in every second event always fails it", f"seeds {passed}")
    found = [checked(Machine(KNOWN, seed), update=True)[1] for seed in range(SEEDS)]
    tap.ok(all(abs(figure - KNOWN) <= SLACK for figure in found), "what is written down is the contestant's own",
           f"{min(found)} to {max(found)}")
    tap.done()


if __name__ == "__main__":
    main()
