#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `ringside decode` makes of files that are no recordings, cut short, or damaged, and of
outputs that take nothing: one clear line, the documented exit code, whole records first."""
import os
import random
import struct
import subprocess
import tempfile

ringside = os.path.join(os.environ["top_builddir"], "ringside")
trace = os.path.join(os.environ["top_srcdir"], "tests", "traces", "xen-4.17", "cr3.trace")
with open(trace, "rb") as file:
    whole = file.read()
RECORD = 16 + 400
count = 0


def ok(condition, name, detail=""):
    global count
    count += 1
    if not condition and detail:
        print("#", detail)
    print("ok" if condition else "not ok", count, "-", name)


def decode(*arguments, **options):
    options.setdefault("stdout", subprocess.PIPE)
    return subprocess.run([ringside, "decode", *arguments], stderr=subprocess.PIPE, text=True,
                          timeout=10, **options)


def patched(offset, code, value):
    data = bytearray(whole)
    struct.pack_into(code, data, offset, value)
    return bytes(data)


def refused(name, data, records, offset, word):
    """The file gives so many records, then one line with the offset and the word."""
    path = os.path.join(folder, "damaged.trace")
    with open(path, "wb") as damaged:
        damaged.write(data)
    for arguments in [], ["--json"]:
        run = decode(*arguments, path)
        good = (run.returncode == 3 and len(run.stdout.splitlines()) == records
                and len(run.stderr.splitlines()) == 1 and path in run.stderr
                and f"offset {offset}:" in run.stderr and word in run.stderr)
        ok(good, f"{name} {''.join(arguments)}", f"{run.returncode}: {run.stderr}")


def write(name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(data)
    return path


def cuts():
    """Cut anywhere, a file gives the records before the cut, and one line with its size."""
    sizes = [*range(0, 34), *range(430, 470), 863, 864, 865, len(whole) - 1, len(whole)]
    clean = [size for size in sizes if size >= 32 and (size - 32) % RECORD == 0]
    paths = [write(f"cut-{size}", whole[:size]) for size in sizes]
    run = decode(*paths)
    lines = run.stderr.splitlines()
    ok(len(run.stdout.splitlines()) == sum(max(0, size - 32) // RECORD for size in sizes),
       "cut short anywhere: all whole records, and no other")
    ok(len(clean) == 4 and all(f"/cut-{size}: offset {size}: " in run.stderr
                               for size in sizes if size not in clean)
       and len(lines) == len(sizes) - len(clean), "a line for each, and where it was cut",
       run.stderr)


def noise():
    """Random bytes, alone and behind a sound beginning, from a fixed seed."""
    bytes_of = random.Random(20).randbytes
    paths = [write(f"noise-{len(head)}-{size}", head + bytes_of(size))
             for size in (1, 16, 32, 100, 5000)
             for head in (b"", whole[:8], whole[:32], whole[:48])]
    run = decode("--json", *paths)
    ok(run.returncode == 3 and len(run.stderr.splitlines()) == len(paths)
       and all(f"{path}: offset " in run.stderr for path in paths), "random bytes", run.stderr)


def outputs():
    with open("/dev/full", "w") as full:
        run = decode(trace, stdout=full)
    ok(run.returncode == 1 and "No space left" in run.stderr, "a full output", run.stderr)
    run = subprocess.run(f"'{ringside}' decode '{trace}' >&-", shell=True, capture_output=True,
                         text=True)
    ok(run.returncode == 1 and len(run.stderr.splitlines()) == 1, "a closed output", run.stderr)
    reader, writer = os.pipe()
    os.close(reader)
    run = decode("--json", *[trace] * 50, stdout=writer)
    os.close(writer)
    ok(run.returncode == 0 and not run.stderr, "a reader that goes away ends it quietly",
       f"{run.returncode}: {run.stderr}")


def command_lines():
    run = decode()
    ok(run.returncode == 2 and "Usage" in run.stderr, "no file")
    run = decode("--yaml", trace)
    ok(run.returncode == 2 and not run.stdout, "an unknown option")
    run = decode("--help")
    ok(run.returncode == 0 and run.stdout.startswith("Usage"), "--help")
    run = decode(os.path.join(folder, "none"))
    ok(run.returncode == 1 and "No such file" in run.stderr, "no such file", run.stderr)
    run = decode(folder)
    ok(run.returncode == 1 and "directory" in run.stderr, "a directory", run.stderr)
    run = decode("/dev/null", trace)
    ok(run.returncode == 3 and len(run.stdout.splitlines()) == 6,
       "a file after a bad one is decoded all the same", run.stderr)
    with open(trace, "rb") as file:
        run = decode("-", stdin=file)
    ok(run.returncode == 0 and len(run.stdout.splitlines()) == 6, "standard input")


with tempfile.TemporaryDirectory() as folder:
    refused("an empty file", b"", 0, 0, "is empty")
    refused("a text", b"This is no trace, but a text of some length.\n", 0, 0, "vmevent")
    refused("another container version", patched(8, "<H", 2), 0, 8, "version 2")
    refused("another size of header", patched(10, "<H", 64), 0, 10, "64 bytes")
    refused("messages of version 5", patched(12, "<I", 5), 0, 12, "version 5")
    refused("messages of version 8", patched(12, "<I", 8), 0, 12, "version 8")
    refused("a size that is not the version's", patched(16, "<I", 384), 0, 16, "384")
    refused("a record of no kind", patched(32 + RECORD, "<B", 2), 1, 32 + RECORD, "kind 2")
    refused("an oversized length", patched(36 + 2 * RECORD, "<I", 0xFFFFFFF0), 2,
            36 + 2 * RECORD, "4294967280")
    refused("a length too small", patched(36, "<I", 399), 0, 36, "399")
    refused("a message of another version", patched(48 + RECORD, "<I", 6), 1, 48 + RECORD,
            "another version")
    refused("cut short in a message", whole[: 32 + 3 * RECORD - 1], 2, 32 + 3 * RECORD - 1,
            "cut short")
    cuts()
    noise()
    outputs()
    command_lines()
print(f"1..{count}")
