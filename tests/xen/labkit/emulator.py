# SPDX-License-Identifier: LGPL-2.1-or-later
"""Emulator: Bochs with a CD in it, two serial lines and a debug port.

    console.log   the first serial line: GRUB, Xen, dom0's console
    tap.log       the second: what the tests say, which nobody else writes to
    port-e9.log   what dom0 sends to port 0xe9, and Bochs' own words
"""
import os
import subprocess

from .problem import Problem
from .process import die_with_parent

# Bochs executes about this many instructions in a second, and calls that a second.
TICKS_PER_SECOND = 50_000_000

CONFIGURATION = """\
config_interface: textconfig
# a display without a window, that does not wait for somebody to look
display_library: rfb, options="timeout=0"
cpu: model=corei7_haswell_4770, count={cpus}, ips={ticks}, reset_on_triple_fault=0
# time is counted in instructions, never in the host's seconds
clock: sync=none, time0=1700000000
memory: guest=1024, host=1024
romimage: file={bios}/bochs/BIOS-bochs-latest
vgaromimage: file={bios}/vgabios/vgabios.bin
vga: extension=none
pci: enabled=1, chipset=i440fx
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path={disc}, status=inserted
boot: cdrom
com1: enabled=1, {console}
com2: enabled=1, mode=file, dev=tap.log
port_e9_hack: enabled=1
panic: action=fatal
# Bochs can lock itself up while it logs more than panics
error: action=ignore
info: action=ignore
debug: action=ignore
log: bochs.log
"""


class Emulator:
    def __init__(self, root, folder, cpus, terminal=None):
        """ROOT is the PackageRoot of Bochs; FOLDER has boot.iso and gets the logs.
        TERMINAL: the first serial line is that tty."""
        self.root, self.folder = root, folder
        console = f"mode=term, dev={terminal}" if terminal else "mode=file, dev=console.log"
        (folder / "bochsrc").write_text(CONFIGURATION.format(
            cpus=cpus, ticks=TICKS_PER_SECOND, bios=root / "usr/share",
            disc="boot.iso", console=console))
        self.process = None

    def __enter__(self):
        libraries = self.root / "usr/lib/x86_64-linux-gnu"
        environment = dict(os.environ, LTDL_LIBRARY_PATH=str(libraries / "bochs/plugins"),
                           BXSHARE=str(self.root / "usr/share/bochs"))
        for name in ("console.log", "tap.log", "bochs.log"):
            (self.folder / name).write_bytes(b"")
        with open(self.folder / "port-e9.log", "wb") as output:
            try:
                self.process = subprocess.Popen(
                    self.root.command("usr/bin/bochs-bin", "-q", "-f", "bochsrc"),
                    cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                    stderr=subprocess.STDOUT, preexec_fn=die_with_parent)
            except OSError as error:
                raise Problem(f"cannot start Bochs ({error.strerror}): run lab clean, then "
                              "lab fetch") from error
        return self

    def __exit__(self, *_):
        # dom0's poweroff does not stop Bochs, nor does a polite signal.
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def ended(self):
        return self.process.poll() is not None

    def cpu_seconds(self):
        """Time of this machine's processors that Bochs has used; 0 when it has ended."""
        try:
            with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def last_words(self):
        """Why it ended by itself, one line."""
        words = (self.folder / "bochs.log").read_text(errors="replace").splitlines()
        words = [line for line in words if "PANIC" in line or "FATAL" in line] or words[-1:]
        return "Bochs ended by itself" + (": " + words[0].strip() if words else "")
