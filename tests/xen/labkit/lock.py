# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lock: who may use a folder. It ends with the process, however that ends."""
import fcntl


class Lock:
    def __init__(self, folder, say):
        """Makes FOLDER if need be. Raises OSError if that cannot be."""
        self.folder, self.say = folder, say
        folder.mkdir(parents=True, exist_ok=True)
        self.file = open(folder / "lock", "w", encoding="ascii")

    def share(self):
        self._get(fcntl.LOCK_SH)

    def take(self):
        self._get(fcntl.LOCK_EX)

    def _get(self, kind):
        try:
            fcntl.flock(self.file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            self.say(f"another lab uses {self.folder}: waiting for it")
            fcntl.flock(self.file, kind)
