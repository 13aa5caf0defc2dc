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
