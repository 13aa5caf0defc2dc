# SPDX-License-Identifier: LGPL-2.1-or-later
"""Archive: packages of one suite of Debian, fetched by apt and unpacked, not installed.

apt gets lists and a state of its own for each suite, so it can fetch from suites that this
machine does not have and leaves the machine as it is. Signatures and hashes are checked by
apt, with the keys that this machine trusts. The state says that nothing is installed, which
makes `apt-get --simulate install` name all that a package needs.
"""
import errno
import os
import re
import shutil
import subprocess

from .problem import Unavailable
from .process import run

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def mirror_of(suite):
    """The archive that holds SUITE: the user's word, or the one that this machine uses."""
    named = os.environ.get("RINGSIDE_LAB_ARCHIVE_" + suite.upper())
    if named:
        return named
    try:
        listed = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(CREATED_BY) $(REPO_URI)"],
            capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unavailable(f"apt-get does not work here ({error}): the lab needs a Debian, or "
                          "a warm cache") from error
    for line in listed.splitlines():
        kind, _, address = line.partition(" ")
        if kind == "Packages" and re.search(r"/debian/?$", address):
            return address
    raise Unavailable("no Debian archive in apt's configuration: name one in "
                      f"RINGSIDE_LAB_ARCHIVE_{suite.upper()}")


def _look_for_room(words):
    """apt and dpkg say of a full disk what they say of an archive that is broken."""
    if re.search("No space left on device|enough free space", words):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Archive:
    def __init__(self, cache, suite):
        self.suite = suite
        self.folder = cache / "apt" / suite
        self.updated = False

    def _apt(self, *arguments, where=None):
        folder = self.folder
        options = {
            "Dir::Etc::SourceList": folder / "sources.list",
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::Etc::Preferences": "/dev/null",
            "Dir::Etc::PreferencesParts": "/dev/null",
            "Dir::State": folder / "state",
            "Dir::State::Lists": folder / "lists",
            "Dir::State::status": folder / "status",
            "Dir::Cache": folder / "cache",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
            "APT::Architecture": "amd64",
            # as root, apt would drop to a user who may not write into our cache
            "APT::Sandbox::User": "root",
        }
        command = ["apt-get", "-q"]
        for name, value in options.items():
            command += ["-o", f"{name}={value}"]
        try:
            done = run(command + list(arguments), cwd=where, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE)
        except OSError as error:
            raise Unavailable(f"cannot run apt-get: {error.strerror}") from error
        if done.returncode:
            _look_for_room(done.stderr)
            lines = [line for line in done.stderr.splitlines() if line.startswith("E:")]
            reason = lines[0][2:].strip() if lines else f"apt-get ended with {done.returncode}"
            raise Unavailable(f"cannot fetch from Debian's {self.suite}: {reason} (another "
                              "archive can be named in RINGSIDE_LAB_ARCHIVE_"
                              f"{self.suite.upper()})")
        return done.stdout

    def _update(self):
        """Fetches the suite's lists, once in the life of this object."""
        if self.updated:
            return
        for name in ("lists/partial", "cache/archives/partial", "state"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        trust = f"[signed-by={KEYRING}] " if os.path.exists(KEYRING) else ""
        source = f"deb {trust}{mirror_of(self.suite)} {self.suite} main\n"
        (self.folder / "sources.list").write_text(source)
        # Without this a list that cannot be fetched is but a warning.
        self._apt("-o", "APT::Update::Error-Mode=any", "update")
        self.updated = True

    def needs(self, packages):
        """All packages that an empty machine would get with PACKAGES, they among them."""
        self._update()
        plan = self._apt("--simulate", "--no-install-recommends", "install", *packages)
        return re.findall(r"^Inst (\S+)", plan, re.M)

    def unpack(self, packages, folder):
        """Unpacks PACKAGES into FOLDER, which appears when it is complete, or not at all."""
        self._update()
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        debs = part / "debs"
        debs.mkdir(parents=True)
        self._apt("download", *packages, where=debs)
        for deb in sorted(debs.iterdir()):
            done = run(["dpkg-deb", "--extract", deb, part], stderr=subprocess.PIPE)
            if done.returncode:
                _look_for_room(done.stderr)
                raise Unavailable(f"cannot unpack {deb.name}: {done.stderr.strip()}")
        versions = sorted(deb.name for deb in debs.iterdir())
        (part / "versions").write_text("\n".join(versions) + "\n")
        shutil.rmtree(debs)
        return part
