# SPDX-License-Identifier: LGPL-2.1-or-later
"""message: a vm_event message taken apart, every byte of it.

Written from Xen's public header (xen/vm_event.h) and not from the decoder's tables, so that the
two can be held against each other. A byte that no field covers must be zero, and is a field of
its own if it is not.
"""
import struct

SIZES = {6: 384, 7: 400}

FLAGS = ("VCPU_PAUSED", "FOREIGN", "EMULATE", "EMULATE_NOWRITE", "TOGGLE_SINGLESTEP",
         "SET_EMUL_READ_DATA", "DENY", "ALTERNATE_P2M", "SET_REGISTERS", "SET_EMUL_INSN_DATA",
         "GET_NEXT_INTERRUPT", "FAST_SINGLESTEP", "NESTED_P2M", "RESET_VMTRACE",
         "RESET_FORK_STATE", "RESET_FORK_MEMORY")
FLAG = {name: 1 << bit for bit, name in enumerate(FLAGS)}

HEAD = (("version", "I", 0), ("flags", "I", 4), ("reason", "I", 8), ("vcpu_id", "I", 12),
        ("altp2m_idx", "H", 16))

# What the 32 bytes from 24 on hold, by reason.
PAYLOADS = {
    0: (),
    1: (("gfn", "Q", 24), ("offset", "Q", 32), ("gla", "Q", 40), ("access", "I", 48)),
    4: (("index", "I", 24), ("new_value", "Q", 32), ("old_value", "Q", 40)),
    5: (("msr", "Q", 24), ("new_value", "Q", 32), ("old_value", "Q", 40)),
    6: (("gfn", "Q", 24), ("pending_dbg", "Q", 32), ("insn_length", "I", 40),
        ("type", "B", 44)),
    7: (("gfn", "Q", 24),),
    8: (),
    9: (("gfn", "Q", 24), ("pending_dbg", "Q", 32), ("insn_length", "I", 40),
        ("type", "B", 44)),
    10: (("insn_length", "I", 24), ("leaf", "I", 28), ("subleaf", "I", 32)),
    12: (("vector", "I", 24), ("type", "I", 28), ("error_code", "I", 32),
         ("interrupt_cr2", "Q", 40)),
    13: (("instr_info", "I", 24), ("exit_qualification", "Q", 32), ("descriptor", "B", 40),
         ("is_write", "B", 41)),
    14: (("gfn", "Q", 24), ("offset", "Q", 32), ("gla", "Q", 40), ("access", "I", 48)),
    15: (("exit_reason", "Q", 24), ("exit_qualification", "Q", 32)),
    16: (("bytes", "I", 24), ("port", "H", 28), ("in", "B", 30), ("string", "B", 31)),
}
REASONS = {0: "unknown", 1: "mem_access", 4: "write_ctrlreg", 5: "mov_to_msr",
           6: "software_breakpoint", 7: "singlestep", 8: "guest_request",
           9: "debug_exception", 10: "cpuid", 12: "interrupt", 13: "descriptor_access",
           14: "emul_unimplemented", 15: "vmexit", 16: "io_instruction"}

# From 56 on in a request, and in a response with SET_REGISTERS, of which Xen sets all but two.
GENERAL = ("rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15 rflags dr6 dr7 "
           "rip").split()
NOT_SET = ("dr6", "dr7")
SYSTEM = ("cr0 cr2 cr3 cr4 sysenter_cs sysenter_esp sysenter_eip msr_efer msr_star msr_lstar "
          "gdtr_base").split()
SEGMENTS = ("cs", "ss", "ds", "es", "fs", "gs")


def _registers():
    return tuple((name, "Q", 56 + 8 * place) for place, name in enumerate(GENERAL))


def _rest(version):
    at = 56 + 8 * len(GENERAL)
    for name in SYSTEM:
        yield name, "Q", at
        at += 8
    if version == 7:
        yield "npt_base", "Q", at
        yield "vmtrace_pos", "Q", at + 8
        at += 16
    for name, code in zip(SEGMENTS, "IIIIQQ"):
        yield name + "_base", code, at
        at += struct.calcsize(code)
    for name in SEGMENTS:
        yield name, "I", at  # limit and access rights
        at += 4
    yield "shadow_gs", "Q", at
    yield "gdtr_limit", "H", at + 8
    at += 10
    for name in SEGMENTS:
        yield name + "_sel", "H", at
        at += 2


def _response_fields(message, flags, reason):
    """A response is what its flags say, and Xen looks at nothing else of it."""
    if flags & FLAG["FAST_SINGLESTEP"]:
        yield "fast_singlestep_p2midx", "H", 24
    elif flags & FLAG["EMULATE"] or flags & FLAG["DENY"]:
        yield from PAYLOADS[reason]
    if flags & FLAG["SET_REGISTERS"]:
        yield from (field for field in _registers() if field[0] not in NOT_SET)
    elif flags & FLAG["SET_EMUL_READ_DATA"]:
        yield "size", "I", 56
        size = struct.unpack_from("<I", message, 56)[0]
        if size > len(message) - 60:
            raise ValueError(f"no message has room for {size} bytes that are read")
        for place in range(size):
            yield f"data[{place}]", "B", 60 + place
    elif flags & FLAG["SET_EMUL_INSN_DATA"]:
        for place in range(16):
            yield f"data[{place}]", "B", 56 + place


def fields_of(message, is_response):
    """Name, struct's code and place of each field that counts."""
    version, flags, reason = struct.unpack_from("<III", message)
    if SIZES.get(version) != len(message):
        raise ValueError(f"no message of version {version} has {len(message)} bytes")
    if reason not in PAYLOADS:
        raise ValueError(f"no event has reason {reason}")
    if is_response:
        return list(HEAD) + list(_response_fields(message, flags, reason))
    return [*HEAD, *PAYLOADS[reason], *_registers(), *_rest(version)]


def end_of(message, is_response):
    """Behind it lies nothing, or, in a response, what an older one has left."""
    return 56 if is_response else len(message)


def take_apart(message, is_response):
    """Names and values, in the order of their places."""
    values, covered = {}, bytearray(len(message))
    for name, code, at in fields_of(message, is_response):
        if name in values:
            raise AssertionError(f"two fields are called {name}")
        values[name] = struct.unpack_from("<" + code, message, at)[0]
        size = struct.calcsize(code)
        covered[at:at + size] = b"\1" * size
    for at in range(end_of(message, is_response)):
        if not covered[at] and message[at]:
            values[f"byte {at}"] = message[at]
    return values
