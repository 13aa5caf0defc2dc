#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""labkit_test: what the lab does when something is wrong. Needs neither Xen nor a network."""
import base64
import io
import os
import shutil
import signal
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
from contextlib import redirect_stdout
from pathlib import Path
from unittest import mock

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from labkit import archive, run  # noqa: E402  (the path comes first)
from labkit.cache import Cache  # noqa: E402
from labkit.emulator import Emulator  # noqa: E402
from labkit.host import why_no_dom0  # noqa: E402
from labkit.problem import Problem, Unavailable  # noqa: E402
from labkit.recording import PREFIX, Recording  # noqa: E402
from labkit.release import find_releases  # noqa: E402
from labkit.side_by_side import run_side_by_side  # noqa: E402
from labkit.table import make_table  # noqa: E402
from labkit.verdict import Verdict  # noqa: E402
from labkit.vmlinux import pack_segments, shorten_p2m  # noqa: E402


def silent(_):
    pass


def lives(pid):
    """Whether the process runs: a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition):
    """Whether it came true within a time that is long enough for any machine."""
    for _ in range(600):
        if condition():
            return True
        time.sleep(0.05)
    return False


class InFolder(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def lab(self, *arguments, **environment):
        """Runs the lab with an empty cache, as a person would."""
        environment = dict(os.environ, XDG_CACHE_HOME=str(self.folder / "cache"), CI="",
                           **environment)
        return subprocess.run([sys.executable, HERE / "lab", *arguments], env=environment,
                              capture_output=True, text=True, check=False)

    def cache_holds(self):
        """What of packages is in the cache."""
        folder = self.folder / "cache/ringside"
        return sorted(path.name for path in folder.iterdir()
                      if path.name not in ("lock", "apt"))

    def program(self, name, script):
        """The text of a PATH on which the program NAME is SCRIPT."""
        program = self.folder / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text("#!/bin/sh\n" + script)
        program.chmod(0o755)
        return f"{program.parent}:{os.environ['PATH']}"

    def apt_get(self, script):
        return self.program("apt-get", script)


class Fetching(InFolder):
    def skips(self, done, reason):
        self.assertEqual(done.returncode, 77, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertRegex(done.stderr, reason)
        self.assertEqual(self.cache_holds(), [])

    def test_no_apt(self):
        self.skips(self.lab("fetch", PATH=str(self.folder)), "apt-get.*Debian, or a warm cache")

    def test_no_network(self):
        self.skips(self.lab("fetch", RINGSIDE_LAB_ARCHIVE_TRIXIE="http://127.0.0.1:9/debian"),
                   "cannot fetch from Debian's trixie: .*RINGSIDE_LAB_ARCHIVE_TRIXIE")

    def test_in_ci_no_network_is_a_failure(self):
        with mock.patch.dict(os.environ, CI="true"):
            done = subprocess.run(
                [sys.executable, HERE / "lab", "fetch"], capture_output=True, text=True,
                check=False, env=dict(os.environ, XDG_CACHE_HOME=str(self.folder / "cache"),
                                      RINGSIDE_LAB_ARCHIVE_TRIXIE="http://127.0.0.1:9/debian"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("failed: cannot fetch", done.stderr)

    def test_unsigned_archive(self):
        repository = self.folder / "debian/dists/trixie"
        (repository / "main/binary-amd64").mkdir(parents=True)
        (repository / "main/binary-amd64/Packages").write_text("")
        (repository / "Release").write_text("Suite: trixie\nCodename: trixie\n")
        done = self.lab("fetch", RINGSIDE_LAB_ARCHIVE_TRIXIE=f"file:{self.folder}/debian")
        self.skips(done, "not signed")

    def test_package_has_vanished(self):
        path = self.apt_get("""case "$*" in
            *indextargets*) echo Packages http://archive/debian ;;
            *--simulate*) echo Inst libgtk ; echo Inst bochs ;;
            *download*) touch half.deb; echo "E: Unable to locate package vgabios" >&2; exit 100 ;;
            esac""")
        self.skips(self.lab("fetch", PATH=path), "Unable to locate package vgabios")

    def test_package_is_damaged(self):
        path = self.apt_get("""case "$*" in
            *indextargets*) echo Packages http://archive/debian ;;
            *download*) echo garbage >bochs.deb ;;
            esac""")
        self.skips(self.lab("fetch", PATH=path), "cannot unpack bochs.deb")

    def lacks_room(self, done):
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertRegex(done.stderr, "No space left on device.*make room.*XDG_CACHE_HOME")
        self.assertEqual(self.cache_holds(), [])

    def test_apt_has_no_room(self):
        path = self.apt_get("""case "$*" in
            *indextargets*) echo Packages http://archive/debian ;;
            *download*) echo "E: You don't have enough free space in /x." >&2; exit 100 ;;
            esac""")
        self.lacks_room(self.lab("fetch", PATH=path))

    def test_dpkg_has_no_room(self):
        path = self.apt_get("""case "$*" in
            *indextargets*) echo Packages http://archive/debian ;;
            *download*) echo whole >bochs.deb ;;
            esac""")
        self.program("dpkg-deb", "echo 'dpkg-deb: error: failed to write (No space left on device)'"
                     " >&2; exit 2")
        self.lacks_room(self.lab("fetch", PATH=path))

    def interrupt(self, number):
        """Sends the signal to a lab that fetches. Returns how it ended."""
        path = self.apt_get(f"""case "$*" in
            *indextargets*) echo Packages http://archive/debian ;;
            *download*) touch half.deb; echo $$ >{self.folder}/new
                        mv {self.folder}/new {self.folder}/pid; exec sleep 60 ;;
            esac""")
        environment = dict(os.environ, XDG_CACHE_HOME=str(self.folder / "cache"), PATH=path)
        with subprocess.Popen([sys.executable, HERE / "lab", "fetch"], env=environment,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as lab:
            self.assertTrue(wait_until((self.folder / "pid").exists))
            apt = int((self.folder / "pid").read_text(encoding="ascii"))
            lab.send_signal(number)
            status = lab.wait()
        self.assertTrue(wait_until(lambda: not lives(apt)), "apt-get still runs")
        return status

    def test_an_interrupted_fetch_leaves_nothing(self):
        self.assertEqual(self.interrupt(signal.SIGTERM), 130)
        self.assertEqual(self.cache_holds(), [])

    def test_a_killed_fetch_does_not_poison_the_next(self):
        self.assertEqual(self.interrupt(signal.SIGKILL), -signal.SIGKILL)
        self.assertEqual(self.cache_holds(), ["emulator.part"])
        path = self.apt_get("""case "$*" in
            *indextargets*) echo Packages http://archive/debian ;;
            *download*) [ ! -e half.deb ] || exit 9
                        echo "E: Unable to locate package vgabios" >&2; exit 100 ;;
            esac""")
        self.skips(self.lab("fetch", PATH=path), "Unable to locate package vgabios")

    def test_the_named_archive_is_taken(self):
        with mock.patch.dict(os.environ, RINGSIDE_LAB_ARCHIVE_BULLSEYE="http://mine"):
            self.assertEqual(archive.mirror_of("bullseye"), "http://mine")


class Room(InFolder):
    def small_disk(self):
        disk = self.folder / "disk"
        disk.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk],
                              capture_output=True, check=False)
        if done.returncode:
            self.skipTest("no right to mount a small disk")
        self.addCleanup(subprocess.run, ["umount", disk], check=False)
        return disk

    def test_full_disk(self):
        cache = Cache(self.small_disk() / "ringside", silent)

        def fill(folder):
            part = folder.with_name(folder.name + ".part")
            part.mkdir()
            (part / "big").write_bytes(bytes(1 << 20))
            return part
        with self.assertRaisesRegex(Problem, "No space left.*make room"):
            cache._keep("emulator", fill)  # pylint: disable=protected-access
        self.assertEqual([path.name for path in cache.folder.iterdir()], ["lock"])

    def test_full_disk_while_it_boots(self):
        disk = self.small_disk()
        output = io.StringIO()
        with redirect_stdout(output), Emulator(FakeRoot(
                "sh", "-c", "cat /dev/zero >tap.log 2>/dev/null; exec sleep 60"), disk, 1) as emulator:
            good = run.watch_tests(emulator, disk, "4.17", False)
        self.assertTrue(emulator.ended())
        self.assertFalse(good)
        self.assertIn(f"no room is left in {disk}: make some", output.getvalue())

    def test_cache_is_a_file(self):
        (self.folder / "cache").write_text("")
        done = self.lab("fetch")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "^lab: cannot write to .*XDG_CACHE_HOME\n$")

    def test_what_is_there_is_not_fetched_again(self):
        cache = Cache(self.folder / "cache", silent)
        (cache.folder / "emulator").mkdir()
        self.assertEqual(cache.emulator(), cache.folder / "emulator")


class Kernel(unittest.TestCase):
    def test_segments_are_packed(self):
        """Two segments far from each other: one ends with zeros, the notes are left as they are."""
        kernel = bytearray(0x9000)
        struct.pack_into("<16sHHIQQQIHHHHHH", kernel, 0, b"\x7fELF\2\1\1", 2, 62, 1, 0x1000,
                         64, 0x8000, 0, 64, 56, 2, 64, 3, 2)
        struct.pack_into("<IIQQQQQQ", kernel, 64, 1, 5, 0x4000, 0x1000, 0x1000, 0x2000, 0x3000, 1)
        struct.pack_into("<IIQQQQQQ", kernel, 120, 4, 4, 0x7000, 0, 0, 8, 8, 4)
        kernel[0x4000:0x4003], kernel[0x7000:0x7002] = b"abc", b"no"
        packed = pack_segments(bytes(kernel))
        self.assertEqual(len(packed), 0x3000)
        self.assertEqual(struct.unpack_from("<Q", packed, 40), (0,))  # no sections
        load, notes = (struct.unpack_from("<IIQQQQQQ", packed, at) for at in (64, 120))
        self.assertEqual(load, (1, 5, 0x1000, 0x1000, 0x1000, 3, 0x3000, 1))
        self.assertEqual(packed[load[2]:load[2] + load[5]], b"abc")
        self.assertEqual(notes[5], 8)
        self.assertEqual(packed[notes[2]:notes[2] + 2], b"no")


    def test_p2m_is_shortened(self):
        """The operand alone; and only where there is one that looks like it."""
        code = bytes.fromhex("488b050281bbff ba00000008 48c705 6a5229")
        kernel = b"before" + code + b"after"
        shorter = shorten_p2m(kernel)
        self.assertEqual(len(shorter), len(kernel))
        self.assertEqual(shorter[6 + 8:6 + 12], struct.pack("<I", 0x400000))
        self.assertEqual([i for i, byte in enumerate(kernel) if shorter[i] != byte], [16, 17])
        for other in (b"before after", kernel + kernel):
            self.assertEqual(shorten_p2m(other), other)


class Usage(InFolder):
    def test_unknown_release(self):
        with self.assertRaisesRegex(Problem, "no Xen 4.13 here: .*4.20 and all"):
            find_releases("4.13")



class Host(InFolder):
    def machine(self, **files):
        """A root folder; in the names __ is a slash."""
        for name, content in files.items():
            file = self.folder / name.replace("__", "/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        return self.folder

    def test_no_xen(self):
        self.assertIn("does not run on Xen", why_no_dom0(self.machine()))

    def test_no_module(self):
        self.assertIn("modprobe xen-privcmd",
                      why_no_dom0(self.machine(sys__hypervisor__type="xen\n")))

    def test_a_guest(self):
        self.assertIn("not its dom0", why_no_dom0(
            self.machine(dev__xen__privcmd="", proc__xen__capabilities="")))

    def test_dom0(self):
        self.assertIsNone(why_no_dom0(
            self.machine(dev__xen__privcmd="", proc__xen__capabilities="control_d\n")))

    @unittest.skipIf(os.path.exists("/dev/xen/privcmd"), "this machine runs on Xen")
    def test_refused(self):
        done = self.lab("host")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "^lab: the tests cannot run here: this machine does not run "
                                      "on Xen .*\n$")

    def on_the_model(self, *arguments, **environment):
        build = Path(os.environ.get("top_builddir", "build")).absolute()
        if not (build / "tests/xen/driver/driver").exists():
            self.skipTest("the driver is not built")
        return subprocess.run(
            [build / "fakexen", "--domains", "0", "--", sys.executable, HERE / "lab", "host",
             *arguments], capture_output=True, text=True, check=False,
            env=dict(os.environ, **{"RINGSIDE_BUILD": str(build), **environment}))

    def test_runs(self):
        done = self.on_the_model("--test", "attach-twice")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, "\nok \\d+ - attach-twice: ")

    def test_not_built(self):
        done = self.on_the_model(RINGSIDE_BUILD=str(self.folder))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "lab: no .*driver: build it first")


class FakeRoot:
    """In the place of Bochs' PackageRoot: starts COMMAND."""

    def __init__(self, *command):
        self.started = list(command)

    def __truediv__(self, name):
        return Path("/nonexistent") / name

    def command(self, *_):
        return self.started


class Booting(InFolder):
    def watch(self, *command, silence=run.SILENCE_LIMIT):
        output = io.StringIO()
        with redirect_stdout(output), mock.patch.object(run, "SILENCE_LIMIT", silence), \
                Emulator(FakeRoot(*command), self.folder, 1) as emulator:
            good = run.watch_tests(emulator, self.folder, "4.17", False)
        self.assertTrue(emulator.ended())
        return good, output.getvalue()

    def test_bochs_dies(self):
        good, said = self.watch("sh", "-c", "echo '[CPU0] PANIC: oh' >bochs.log; exit 3")
        self.assertFalse(good)
        self.assertIn("no verdict after 0 checks; Bochs ended by itself: [CPU0] PANIC: oh", said)

    def test_bochs_cannot_start(self):
        with self.assertRaisesRegex(Problem, "cannot start Bochs .*lab clean, then lab fetch"):
            self.watch("/nonexistent/bochs")

    def test_bochs_says_nothing(self):
        good, said = self.watch("sh", "-c", "while :; do :; done", silence=1)
        self.assertFalse(good)
        self.assertIn("nothing came for 1 seconds of Bochs' own time", said)

    def test_all_is_well(self):
        good, said = self.watch("sh", "-c", "printf 'ok 1 - a\\n1..1\\n"
                                "# lab: the driver ended with 0\\n' >tap.log; exec sleep 60")
        self.assertTrue(good, said)

    def test_the_end_of_the_console_is_shown(self):
        good, said = self.watch("sh", "-c", "echo '(XEN) Panic on CPU 0' >console.log")
        self.assertFalse(good)
        self.assertIn("(XEN) Panic on CPU 0", said)

    def test_a_killed_lab_leaves_no_bochs(self):
        child = os.fork()
        if not child:
            with Emulator(FakeRoot("sleep", "60"), self.folder, 1) as emulator:
                (self.folder / "pid").write_text(str(emulator.process.pid))
                os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(child, 0)
        bochs = int((self.folder / "pid").read_text())
        self.assertTrue(wait_until(lambda: not lives(bochs)), "it still runs")


class SideBySide(InFolder):
    def test_statuses_and_jobs(self):
        """Two at a time: the first waits for the second's file, the third comes after one."""
        wait = f"until [ -e {self.folder}/second ]; do sleep 0.05; done; exit 3"
        commands = [["sh", "-c", wait], ["sh", "-c", f"touch {self.folder}/second"],
                    ["sh", "-c", f"[ -e {self.folder}/second ]"]]
        self.assertEqual(run_side_by_side(commands, 2), [3, 0, 0])

    def test_interrupted(self):
        """Both get their time to end, and none is left."""
        script = f"trap 'echo ended >>{self.folder}/log; exit' TERM; echo >{self.folder}/$$; " \
                 "while :; do sleep 0.05; done"
        code = f"import sys, signal; sys.path.insert(0, {str(HERE)!r})\n" \
               "from labkit.side_by_side import run_side_by_side\n" \
               "signal.signal(signal.SIGTERM, lambda *_: sys.exit(9))\n" \
               f"run_side_by_side([['sh', '-c', {script!r}]] * 2, 2)"
        with subprocess.Popen([sys.executable, "-c", code]) as parent:
            self.assertTrue(wait_until(lambda: len(list(self.folder.iterdir())) == 2))
            parent.terminate()
            self.assertEqual(parent.wait(), 9)
        self.assertEqual((self.folder / "log").read_text(), "ended\n" * 2)


class Judging(unittest.TestCase):
    def why_not(self, *lines):
        verdict = Verdict()
        for line in lines:
            verdict.read(line)
        return verdict.why_not()

    END = "# lab: the driver ended with 0"

    def test_good(self):
        self.assertIsNone(self.why_not("ok 1 - a", "ok 2 - b # SKIP Xen 4.14 has none", "1..2",
                                       self.END))

    def test_bad(self):
        for reason, lines in (
                ("1 of 2 checks failed", ("ok 1", "not ok 2", "1..2", self.END)),
                ("1 checks of 2 ran", ("ok 1", "1..2", self.END)),
                ("before it said how many", ("ok 1", self.END)),
                ("no verdict after 1 checks", ("ok 1", "1..1")),
                ("not one check ran", ("1..0", self.END)),
                ("the driver ended with 1", ("ok 1", "1..1", self.END[:-1] + "1")),
                ("300 emulated seconds", ("ok 1", "Bail out! 300 emulated seconds are over"))):
            self.assertIn(reason, self.why_not(*lines), lines)


class Recorded(InFolder):
    def recording(self, guest, **traces):
        """What dom0 sends of the tests in TRACES, as if each had one check."""
        packed = io.BytesIO()
        files = {"cpuid": b"c", "cpuid-guest": b"g", "guest.elf": guest}
        files |= {f"{name}.trace": content for name, content in traces.items()}
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for name, content in files.items():
                head = tarfile.TarInfo(name)
                head.size = len(content)
                archive.addfile(head, io.BytesIO(content))
        recording = Recording()
        for name in traces:
            recording.take(f"ok 1 - {name}: came")
        recording.take(PREFIX + base64.b64encode(packed.getvalue()).decode())
        return recording

    def kept(self):
        with tarfile.open(self.folder / "all") as archive:
            return {member.name: archive.extractfile(member).read() for member in archive}

    def test_a_part_replaces_its_own(self):
        path = self.folder / "all"
        self.assertEqual(self.recording(b"elf", cr3=b"old", msr=b"m").keep(path, False), 2)
        self.assertEqual(self.recording(b"elf", cr3=b"new", io=b"i").keep(path, True), 3)
        kept = self.kept()
        self.assertEqual((kept["cr3.trace"], kept["msr.trace"], kept["io.trace"]),
                         (b"new", b"m", b"i"))
        self.assertEqual(kept["verdict"], b"ok msr\nok cr3\nok io\n")

    def test_a_part_of_another_guest_is_refused(self):
        path = self.folder / "all"
        self.recording(b"elf", cr3=b"old").keep(path, False)
        with self.assertRaisesRegex(Problem, "another guest.elf: record all tests again"):
            self.recording(b"other", cr3=b"new").keep(path, True)
        self.assertEqual(self.kept()["cr3.trace"], b"old")
        self.assertEqual(self.recording(b"other", io=b"i").keep(path, False), 1)

    def test_cut_short(self):
        recording = self.recording(b"elf", cr3=b"x")
        recording.lines[0] = recording.lines[0][:40]
        with self.assertRaisesRegex(Problem, "did not come out of dom0 whole"):
            recording.keep(self.folder / "all", False)
        self.assertEqual(list(self.folder.iterdir()), [])


class Tabling(InFolder):
    def table(self, *lines):
        log = self.folder / "whole.log"
        log.write_text("\n".join(lines))
        return make_table({"4.17": log})

    def test_cells(self):
        table = self.table("ok 1 - cr3: came", "ok 2 - cr-unchanged: came", "not ok 3 - msr: came",
                           "ok 4 - io: out # SKIP Xen 4.18 is the first release with it",
                           "ok 5 - cost: 3 ticks")
        self.assertIn("| CR0, CR3, CR4, XCR0 | yes (2) |", table)
        self.assertIn("| MSRs | **fails** |", table)
        self.assertIn("| I/O instructions | no: Xen 4.18 is the first release with it |", table)
        self.assertIn("| CPUID | not tested |", table)

    def test_a_test_without_a_row(self):
        with self.assertRaisesRegex(Problem, "test novelty belongs to no row"):
            self.table("ok 1 - novelty: came")

    def test_every_test_has_a_row(self):
        driver = Path(os.environ.get("top_builddir", "build")) / "tests/xen/driver/driver"
        if not driver.exists():
            self.skipTest("the driver is not built")
        listed = subprocess.run([driver, "--list"], capture_output=True, text=True, check=True)
        names = [line.split()[0] for line in listed.stdout.splitlines()]
        self.assertGreater(len(names), 50)
        self.table(*(f"ok {i} - {name}: came" for i, name in enumerate(names)))


class Tap(unittest.TextTestResult):
    """Says what automake's driver understands."""

    count = 0

    def line(self, head, test, tail=""):
        Tap.count += 1
        print(f"{head} {Tap.count} - {test.id().split('.', 1)[-1]}{tail}", flush=True)

    def addSuccess(self, test):
        self.line("ok", test)

    def addSkip(self, test, reason):
        self.line("ok", test, f" # SKIP {reason}")

    def addFailure(self, test, err):
        self.line("not ok", test)
        print("# " + self._exc_info_to_string(err, test).replace("\n", "\n# "), flush=True)

    addError = addFailure


if __name__ == "__main__":
    unittest.main(testRunner=unittest.TextTestRunner(stream=io.StringIO(), resultclass=Tap),
                  exit=False)
    print(f"1..{Tap.count}")
