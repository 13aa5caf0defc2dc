# SPDX-License-Identifier: LGPL-2.1-or-later
"""recording: the traces that the lab's driver has kept, by test; a folder, or a tar file of it."""
import os
import struct
import tarfile
from dataclasses import dataclass

HEADER = struct.Struct("<8sHHII12x")
RECORD = struct.Struct("<B3xIQ")


@dataclass(frozen=True)
class Record:
    is_response: bool
    message: bytes


def parse_trace(content):
    """The records of one file. ValueError if it is none."""
    if len(content) < HEADER.size:
        raise ValueError("cut short in the header")
    magic, container, header_size, _, size = HEADER.unpack_from(content)
    if magic != b"vmevent\0" or container != 1 or header_size != HEADER.size:
        raise ValueError("no recorded messages")
    records, at = [], HEADER.size
    while at < len(content):
        if at + RECORD.size + size > len(content):
            raise ValueError(f"cut short at {at}")
        kind, length, _ = RECORD.unpack_from(content, at)
        if kind > 1 or length != size:
            raise ValueError(f"damaged at {at}")
        at += RECORD.size
        records.append(Record(kind == 1, content[at:at + size]))
        at += size
    return records


def files_of(path):
    """Names and contents."""
    if os.path.isdir(path):
        for name in sorted(os.listdir(path)):
            with open(os.path.join(path, name), "rb") as file:
                yield name, file.read()
    else:
        with tarfile.open(path) as archive:
            for member in archive.getmembers():
                yield member.name, archive.extractfile(member).read()


def read_recording(path):
    """Lists of records, by test."""
    return {name[:-len(".trace")]: parse_trace(content) for name, content in files_of(path)
            if name.endswith(".trace")}
