# SPDX-License-Identifier: LGPL-2.1-or-later
"""commands: what the lab can be told to do; each returns an exit status."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

from . import console
from .cache import Cache, default_folder
from .disc import make_disc
from .dom0 import DEMO, RECORD, SHELL, TEST, make_initrd
from .emulator import Emulator
from .host import why_no_dom0
from .linux_guest import make_linux_guest
from .lock import Lock
from .package_root import PackageRoot
from .problem import FAIL, PASS, Problem
from .product import Product
from .recording import PREFIX, Recording
from .release import RELEASES, find_releases
from .run import watch_tests
from .side_by_side import run_side_by_side
from .table import make_table

SOURCE = Path(__file__).resolve().parents[3]
WORKPLACE = SOURCE / "build/lab"
WHOLE = "whole.log"  # what the tests said when all of them ran
RECORDINGS = SOURCE / "tests/traces/lab"
GUESTS = ("bench.elf", "mailbox.elf", "worker.elf")
LINUX_TEST = "linux"
DOM0_MB = 256
DEMO_SPARE = 60  # emulated seconds, for all that is not watching


def say(text):
    print(f"lab: {text}", flush=True)


def _workplace(release):
    """Where RELEASE is built and run: it belongs to this source tree, unlike the cache."""
    folder = WORKPLACE / release.name
    try:
        lock = Lock(folder, say)
    except OSError as error:
        raise Problem(f"cannot write to {folder} ({error.strerror}): run the lab from a source "
                      "tree of your own") from error
    lock.take()
    return folder, lock


def _prepare(cache, release, run, arguments, job):
    """Fetches, builds and packs; RUN becomes the folder in which Bochs finds its disc."""
    cache.fetch(release)
    xen, kernel = PackageRoot(cache.xen(release)), PackageRoot(cache.kernel())
    product = Product(SOURCE, run / "build", f"Xen {release.name}", xen, say)
    product.build()
    build = product.folder
    files = {name: build / "guests" / name for name in GUESTS}
    try:
        if arguments.linux:
            files.update(make_linux_guest(run / "linux", xen, kernel))
        make_initrd(run / "initrd", xen, kernel,
                    programs={"driver": build / "tests/xen/driver/driver",
                              "ringside": build / "ringside",
                              "ringside-keeper": build / "ringside-keeper",
                              "microvmi": build / "tests/guest/microvmi",
                              "process-switches": build / "examples/process-switches",
                              "syscalls": build / "examples/syscalls"},
                    files=files, job=job)
        make_disc(run / "boot.iso", PackageRoot(cache.tools()), kernel, xen, run / "initrd",
                  arguments.cpus, DOM0_MB)
    except OSError as error:
        raise Problem(f"cannot write to {run} ({error.strerror}): make room there") from error


def _boot_one(cache, release, arguments, job):
    run, _lock = _workplace(release)
    _prepare(cache, release, run, arguments, job)
    say(f"booting Xen {release.name} with {arguments.cpus} CPU(s)")
    with Emulator(PackageRoot(cache.emulator()), run, arguments.cpus) as emulator:
        return watch_tests(emulator, run, release.name, arguments.verbose)


def _boot(arguments, job):
    releases = find_releases(arguments.xen)
    cache = Cache(default_folder(), say)
    results = [_boot_one(cache, release, arguments, job) for release in releases]
    return PASS if all(results) else FAIL


def _boot_side_by_side(arguments, releases):
    cache = Cache(default_folder(), say)
    for release in releases:  # first: whoever fetches is alone
        cache.fetch(release)
    options = ["--cpus", str(arguments.cpus), "--limit", str(arguments.limit), "--linux"]
    options += ["--verbose"] * arguments.verbose
    for name in arguments.test:
        options += ["--test", name]
    statuses = run_side_by_side([[sys.executable, SOURCE / "tests/xen/lab", "boot", "--xen",
                                  release.name, *options] for release in releases],
                                arguments.jobs)
    return PASS if not any(statuses) else FAIL


def boot(arguments):
    releases = find_releases(arguments.xen)
    if len(releases) > 1:
        return _boot_side_by_side(arguments, releases)
    # The kernel takes the time of a third of the other tests.
    arguments.linux |= LINUX_TEST in arguments.test
    status = _boot(arguments, TEST.format(limit=arguments.limit,
                                        arguments=" ".join(arguments.test)))
    if not arguments.test:
        run = WORKPLACE / releases[0].name
        shutil.copy(run / "tap.log", run / WHOLE)
    return status


def table(_):
    logs = {name: WORKPLACE / name / WHOLE for name in RELEASES}
    logs = {name: log for name, log in logs.items() if log.exists()}
    if not logs:
        raise Problem("no release was tested as a whole yet: lab boot --xen all")
    print(make_table(logs))
    return PASS


def demo(arguments):
    arguments.limit = arguments.seconds + DEMO_SPARE
    return _boot(arguments, DEMO.format(limit=arguments.limit, seconds=arguments.seconds))


def _record_one(cache, release, arguments, job):
    run, _lock = _workplace(release)
    _prepare(cache, release, run, arguments, job)
    say(f"recording Xen {release.name}")
    recording = Recording()
    with Emulator(PackageRoot(cache.emulator()), run, arguments.cpus) as emulator:
        if not watch_tests(emulator, run, release.name, arguments.verbose, recording):
            return False
    kept = Path(arguments.into or RECORDINGS) / f"xen-{release.name}.tar.xz"
    say(f"{recording.keep(kept, bool(arguments.test))} recordings in {kept}")
    return True


def record(arguments):
    releases = find_releases(arguments.xen)
    cache = Cache(default_folder(), say)
    job = RECORD.format(limit=arguments.limit, arguments=" ".join(arguments.test), prefix=PREFIX)
    results = [_record_one(cache, release, arguments, job) for release in releases]
    return PASS if all(results) else FAIL


def shell(arguments):
    releases = find_releases(arguments.xen)
    if len(releases) != 1:
        raise Problem("a shell of one release at a time")
    if not sys.stdin.isatty():
        raise Problem("a shell wants a terminal")
    cache = Cache(default_folder(), say)
    run, _lock = _workplace(releases[0])
    _prepare(cache, releases[0], run, arguments, SHELL)
    with console.Terminal() as terminal, \
            Emulator(PackageRoot(cache.emulator()), run, arguments.cpus,
                     terminal=terminal.name) as emulator:
        say("dom0's shell comes after a minute; leave with Ctrl-]")
        terminal.talk(emulator)
    return PASS


def fetch(arguments):
    releases = find_releases(arguments.xen)
    cache = Cache(default_folder(), say)
    for release in releases:
        cache.fetch(release)
        say(f"Xen {release.name} is ready in {cache.folder}")
    return PASS


def list(_):  # pylint: disable=redefined-builtin  (it is the command's name)
    folder = default_folder()
    for release in RELEASES.values():
        there = (folder / f"xen-{release.name}").exists()
        print(f"Xen {release.name}  (Debian {release.suite}"
              f"{'' if there else ', to be fetched'})")
    for driver in sorted(WORKPLACE.glob("*/build/tests/xen/driver/driver")):
        names = subprocess.run([driver, "--list"], capture_output=True, text=True, check=False)
        if names.returncode == 0:
            print("\nTests:\n" + names.stdout, end="")
            return PASS
    print("\nThe tests are known when they have been built once: lab boot")
    return PASS


def host(arguments):
    """No emulator: the driver runs right here, in this machine's dom0."""
    problem = why_no_dom0()
    if problem:
        raise Problem(f"the tests cannot run here: {problem}")
    build = Path(os.environ.get("RINGSIDE_BUILD", SOURCE / "build"))
    driver = build / "tests/xen/driver/driver"
    if not driver.exists():
        raise Problem(f"no {driver}: build it first (make check TESTS= in {build}, or name "
                      "another folder in RINGSIDE_BUILD)")
    command = [driver, "--image", build / "guests/mailbox.elf"]
    if arguments.domain:
        command += ["--domain", arguments.domain]
    return subprocess.run(command + arguments.test, check=False).returncode


def clean(_):
    folder = default_folder()
    if folder.exists():
        Cache(folder, say).clean()
    say(f"{folder} is empty")
    return PASS
