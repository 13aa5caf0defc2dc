# SPDX-License-Identifier: LGPL-2.1-or-later
"""console: a person's terminal, connected to the emulator's first serial line."""
import os
import select
import sys
import termios
import tty

LEAVE = b"\x1d"  # Ctrl-]


class Terminal:
    """A pseudo-terminal: Bochs has one end, the person the other."""

    def __enter__(self):
        self.ours, self.theirs = os.openpty()
        tty.setraw(self.theirs)
        self.name = os.ttyname(self.theirs)
        self.before = termios.tcgetattr(sys.stdin)
        return self

    def __exit__(self, *_):
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self.before)
        os.close(self.ours)
        os.close(self.theirs)

    def talk(self, emulator):
        """Until the person leaves, or the emulator ends."""
        tty.setraw(sys.stdin)
        while not emulator.ended():
            ready, _, _ = select.select([self.ours, sys.stdin], [], [], 0.5)
            if self.ours in ready:
                os.write(sys.stdout.fileno(), os.read(self.ours, 4096))
            if sys.stdin in ready:
                typed = os.read(sys.stdin.fileno(), 4096)
                if LEAVE in typed or not typed:
                    return
                os.write(self.ours, typed)
