# SPDX-License-Identifier: LGPL-2.1-or-later
"""host: whether this machine is the dom0 of a Xen, which the tests can use without an emulator."""
import os
from pathlib import Path

PRIVCMD = "dev/xen/privcmd"
CAPABILITIES = "proc/xen/capabilities"  # empty in a guest


def why_no_dom0(root="/"):
    """Why the tests cannot run in this machine's own dom0, with the cure; None if they can. ROOT:
    where its /dev, /proc and /sys are."""
    root = Path(root)
    if not os.path.exists(root / PRIVCMD):
        kind = root / "sys/hypervisor/type"
        if kind.exists() and kind.read_text(encoding="ascii").strip() == "xen":
            return "there is no /dev/xen/privcmd: modprobe xen-privcmd"
        return "this machine does not run on Xen (tests/xen/lab boot emulates one that does)"
    try:
        capabilities = (root / CAPABILITIES).read_text(encoding="ascii")
    except OSError:
        capabilities = None  # xenfs is not mounted: the driver will find out
    if capabilities is not None and "control_d" not in capabilities:
        return "this is a guest of a Xen, not its dom0: run it there"
    if not os.access(root / PRIVCMD, os.R_OK | os.W_OK):
        return "no right to use /dev/xen/privcmd: run it as root"
    return None
