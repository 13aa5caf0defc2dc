# SPDX-License-Identifier: LGPL-2.1-or-later
"""Release: a release of Xen that the lab can boot, and where Debian has it."""
from dataclasses import dataclass

from .problem import Problem


@dataclass(frozen=True)
class Release:
    name: str
    suite: str  # of Debian, whose packages it is in
    store: str  # the package of libxenstore, which bullseye calls otherwise

    @property
    def packages(self):
        """The hypervisor, headers, and the tool libraries with all that they load."""
        return [
            f"xen-hypervisor-{self.name}-amd64", f"xen-utils-{self.name}",
            f"libxenmisc{self.name}", "libxen-dev", self.store,
            "libxencall1", "libxendevicemodel1", "libxenevtchn1", "libxenforeignmemory1",
            "libxengnttab1", "libxentoolcore1", "libxentoollog1", "libxenhypfs1",
            "libc6", "libgcc-s1", "libuuid1", "zlib1g", "libyajl2", "libbz2-1.0", "liblzma5",
            "liblzo2-2", "libzstd1"]


RELEASES = {release.name: release for release in (
    Release("4.14", "bullseye", "libxenstore3.0"),
    Release("4.17", "bookworm", "libxenstore4"),
    Release("4.20", "trixie", "libxenstore4"),
)}

# Bochs 3.0: in 2.7, bookworm's, the trap flag never fires.
EMULATOR_SUITE = "trixie"
# dom0's kernel, its busybox and GRUB are the same for every Xen.
KERNEL_SUITE = "bookworm"


def find_releases(name):
    """The releases that a person means by NAME: one, or "all"."""
    if name == "all":
        return list(RELEASES.values())
    if name not in RELEASES:
        raise Problem(f"no Xen {name} here: the lab knows {', '.join(RELEASES)} and all")
    return [RELEASES[name]]
