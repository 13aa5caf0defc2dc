# SPDX-License-Identifier: LGPL-2.1-or-later
"""vmlinux: the kernel inside a bzImage, and what of it a loader needs.

The setup header (Linux' Documentation/arch/x86/boot.rst) tells where: payload_offset (at
0x248) and payload_length (at 0x24c) count from the protected-mode code, which starts after the
boot sector and setup_sects (at 0x1f1) sectors more.
"""
import lzma
import re
import struct
import zlib

from .problem import Problem

SECTOR = 512
PAGE = 4096
# Elf64_Ehdr and Elf64_Phdr; the indices are those of the fields that are changed.
HEADER, E_PHOFF, E_SHOFF, E_PHENTSIZE, E_PHNUM, E_SHENTSIZE = "<16sHHIQQQIHHHHHH", 5, 6, 9, 10, 11
SEGMENT, P_TYPE, P_OFFSET, P_FILESZ = "<IIQQQQQQ", 0, 2, 5
PT_LOAD = 1


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


# xen_vmalloc_p2m_tree(): how many pages dom0 may ever have, the larger of those it has and of 512 GB.
# mov xen_max_p2m_pfn, %rax; mov $0x8000000, %edx; movq $..., vm.flags
P2M_LIMIT = re.compile(rb"\x48\x8b\x05....\xba\x00\x00\x00\x08\x48\xc7\x05", re.DOTALL)
P2M_LIMIT_AT, P2M_PAGES = 8, 16 << 30 >> 12


def shorten_p2m(kernel):
    """KERNEL with room for 16 GB of memory to be plugged in later, in place of 512: for each page
    of these the kernel has a look, at what is not there, and that takes half of a boot in an
    emulator. One operand says how many; where it is not found the kernel is left as it is."""
    found = P2M_LIMIT.findall(kernel)
    if len(found) != 1:
        return kernel
    at = kernel.index(found[0]) + P2M_LIMIT_AT
    return kernel[:at] + struct.pack("<I", P2M_PAGES) + kernel[at + 4:]


def _to_page(size):
    return -(-size // PAGE) * PAGE


def pack_segments(kernel):
    """KERNEL, an ELF file, with its segments alone, and without the zeros that these end with:
    all that a loader needs, in half the bytes."""
    header = list(struct.unpack_from(HEADER, kernel))
    size, count = header[E_PHENTSIZE], header[E_PHNUM]
    head_size = struct.calcsize(HEADER)
    entries, content = b"", bytearray(_to_page(head_size + size * count))
    for number in range(count):
        fields = list(struct.unpack_from(SEGMENT, kernel, header[E_PHOFF] + number * size))
        piece = kernel[fields[P_OFFSET]:fields[P_OFFSET] + fields[P_FILESZ]]
        if fields[P_TYPE] == PT_LOAD:
            piece = piece.rstrip(b"\0")
        fields[P_OFFSET], fields[P_FILESZ] = len(content), len(piece)
        entries += struct.pack(SEGMENT, *fields)
        content += piece.ljust(_to_page(len(piece)), b"\0")
    header[E_PHOFF], header[E_SHOFF], header[E_SHENTSIZE:] = head_size, 0, [0, 0, 0]
    head = struct.pack(HEADER, *header) + entries
    content[:len(head)] = head
    return bytes(content)
