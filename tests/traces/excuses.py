# SPDX-License-Identifier: LGPL-2.1-or-later
"""excuses: what may differ between two beds, each with its reason.

All else must be the same. When a record was made is in its container, not in a message, and is
not looked at.
"""

CPUID, VMCALL, EXTERNAL_INTERRUPT = 10, 18, 1  # SDM volume 3, appendix C
BREAKPOINT, SINGLESTEP, DESCRIPTOR, VMEXIT = 6, 7, 13, 15  # reasons of events
FLAG_PF, FLAG_AF = 0x4, 0x10  # rflags
LDTR, TR, REGISTER_OPERAND = 3, 4, 1 << 10
ROOTS = {0x123000, 0x124000}  # guests/mailbox.h

TIME = ("TSC: the guest's loops look at it, and keep it and its differences in registers: beds "
        "are not equally fast")
CALL = ("TSC in a call: a function that a loop calls begins with what the loop's look at the TSC has "
        "left, the TSC in rax, and the parity and half carry of its last sum in rflags")
BEAT = ("heartbeat: stepped through its polling, the guest counts its beats, and how far it has "
        "come is time; the sum's parity and half carry are in rflags")
STALE = ("stale: of sldt and str to a register the processor writes no exit qualification, and "
         "Xen reports what an earlier exit has left there")
VERSION = ("version: messages of version 7 have two fields that those of 6 have not; in a guest "
           "that is neither nested nor traced they say nothing")
POLLING = ("polling: with all exits watched the guest's own polling is reported too, before and "
           "after the instruction that is meant, as often as it has time for, and interrupts "
           "of the machine come when they come")
LAP = ("lap: a vCPU that is told to step while it polls begins where it happens to be in that loop")


# Leaf 7, EBX: Xen folds the host's FDP_EXCP_ONLY and NO_FPU_SEL into each guest's policy, whatever
# it is told; fakexen has one policy for the host and for guests.
HOST_BITS = 1 << 6 | 1 << 13


def excuse_leaf(line):
    """A line of a CPUID policy without what may differ."""
    leaf, subleaf, eax, ebx, ecx, edx = line.split()
    if (leaf, subleaf) == ("7", "0"):
        ebx = f"{int(ebx, 16) & ~HOST_BITS:08x}"
    return " ".join((leaf, subleaf, eax, ebx, ecx, edx))


def _in_loop(fields):
    """Between two looks at the TSC: the macro `loop` of guests/mailbox.S."""
    return {fields.get("r12"), fields.get("r13")} == ROOTS


def _of_a_sum(this, that):
    """rflags of both, which differ by no more than what sums of time leave there."""
    return {"rflags"} <= this.keys() & that.keys() and \
        not (this["rflags"] ^ that["rflags"]) & ~(FLAG_PF | FLAG_AF)


def _between_versions(name, this, that):
    if sorted((this["version"], that["version"])) != [6, 7]:
        return False
    nothing = {"version": (6, 7), "npt_base": (None, 0), "vmtrace_pos": (None, (1 << 64) - 1)}
    return name in nothing and {this.get(name), that.get(name)} == set(nothing[name])


def excuse_field(name, this, that):
    """Why the field `name` of two messages may differ, or None."""
    if _between_versions(name, this, that):
        return VERSION
    if name in ("rdx", "r9", "r10", "r11") and _in_loop(this) and _in_loop(that):
        return TIME
    if name == "rax" and this["reason"] == BREAKPOINT and _in_loop(this) and _in_loop(that):
        return CALL
    if name == "rflags" and _of_a_sum(this, that):
        if this["reason"] == BREAKPOINT and _in_loop(this) and _in_loop(that):
            return CALL
        if this["reason"] == SINGLESTEP:
            return BEAT
    if name == "exit_qualification" and this["reason"] == DESCRIPTOR and \
            this["descriptor"] in (LDTR, TR) and this["instr_info"] & REGISTER_OPERAND:
        return STALE
    return None


def _laps(messages):
    """Cut before each that comes to an instruction where the lap has been."""
    laps = []
    for fields in messages:
        if not laps or fields["rip"] in {other["rip"] for other in laps[-1]}:
            laps.append([])
        laps[-1].append(fields)
    return laps


def _from_the_top(messages, used):
    """Steps around a loop, each lap from the loop's lowest instruction on."""
    laps = _laps(messages)
    if len(laps) < 2 or len({frozenset(fields["rip"] for fields in lap) for lap in laps}) > 1:
        return messages
    turned = []
    for lap in laps:
        top = lap.index(min(lap, key=lambda fields: fields["rip"]))
        if top:
            used[LAP] += 1
        turned += lap[top:] + lap[:top]
    return turned


def excuse_messages(messages, used):
    """Without those whose number may differ: of VM exits what is left is the first exit by an
    instruction that is no polling, and what follows it, repetitions left out. Or from where they
    begin may."""
    if messages and all(fields["reason"] == SINGLESTEP and "rip" in fields for fields in messages):
        return _from_the_top(messages, used)
    if not messages or any(fields["reason"] != VMEXIT for fields in messages):
        return messages
    kept = []
    for fields in messages:
        reason = fields.get("exit_reason")  # of requests; responses say nothing
        idle = reason == EXTERNAL_INTERRUPT or (not kept and reason == VMCALL)
        if idle or fields in kept:
            used[POLLING] += 1
        else:
            kept.append(fields)
    return kept
