# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmlinux: the kernel inside a bzImage.

The setup header (Linux' Documentation/arch/x86/boot.rst) tells where: payload_offset (at
0x248) and payload_length (at 0x24c) count from the protected-mode code, which starts after the
boot sector and setup_sects (at 0x1f1) sectors more.
"""
import lzma
import struct
import zlib

from .problem import Problem

SECTOR = 512


def unpack_vmlinux(image):
    """The ELF file in IMAGE, the bytes of a bzImage."""
    if image[0x202:0x206] != b"HdrS":
        raise Problem("dom0's kernel is no bzImage")
    start = (1 + (image[0x1f1] or 4)) * SECTOR
    offset, length = struct.unpack_from("<II", image, 0x248)
    payload = image[start + offset:start + offset + length]
    if payload.startswith(b"\xfd7zXZ\0"):
        # the kernel's build appends the unpacked size, which is no part of the stream
        kernel = lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(payload)
    elif payload.startswith(b"\x1f\x8b"):
        kernel = zlib.decompressobj(31).decompress(payload)
    else:
        raise Problem(f"dom0's kernel is packed in a way that is not known here: "
                      f"{payload[:6].hex()}")
    if not kernel.startswith(b"\x7fELF"):
        raise Problem("dom0's kernel unpacks to something that is no ELF file")
    return kernel


PAGE = 4096
HEADER, SEGMENT = "<16xHHIQQQIHHHHHH", "<IIQQQQQQ"
PT_LOAD = 1


def pack_segments(kernel):
    """KERNEL, an ELF file, with its segments alone, and without the zeros that these end with:
    what a loader needs, in half the bytes."""
    header = list(struct.unpack_from(HEADER, kernel))
    first, size, count = header[4], header[8], header[9]
    segments, content = [], bytearray(-(-(64 + size * count) // PAGE) * PAGE)
    for number in range(count):
        fields = list(struct.unpack_from(SEGMENT, kernel, first + number * size))
        kind, _, offset, _, _, length, _, _ = fields
        piece = kernel[offset:offset + length]
        if kind == PT_LOAD:
            piece = piece.rstrip(b"\0")
        fields[2], fields[5] = len(content), len(piece)
        segments.append(struct.pack(SEGMENT, *fields))
        content += piece + b"\0" * (-len(piece) % PAGE)
    header[4], header[5], header[10:] = 64, 0, [0, 0, 0]  # no sections
    content[:64] = kernel[:16] + struct.pack(HEADER, *header)[16:]
    content[64:64 + len(b"".join(segments))] = b"".join(segments)
    return bytes(content)
