# SPDX-License-Identifier: LGPL-2.1-or-later
"""disc: the bootable CD with GRUB, Xen, dom0's kernel and its initrd."""
import os
import shutil
import subprocess

from .problem import Problem
from .process import run
from .vmlinux import pack_segments, shorten_p2m

# What the emulator lacks, or what would cost time: see the comment of each.
XEN_ARGUMENTS = [
    "console=com1", "com1=115200,8n1",
    "loglvl=all",
    "guest_loglvl=warning",  # each look at a vCPU's state says 2 KB: the serial line is slow
    "hap=1", "altp2m=1", "bootscrub=0",
    "apicv=0",        # Bochs' APIC virtualisation is not complete
    "cpuidle=0", "cpufreq=none", "iommu=0", "ucode=no", "edd=off", "no-real-mode",
    "watchdog=0",     # time is counted in instructions: a slow host is no hang
    # Fewer instructions on each way into and out of Xen; the eager FPU stays, because with
    # a lazy one Xen's emulator refuses SIMD, and current hardware has eager.
    "spec-ctrl=no,eager-fpu",
    "noreboot",       # a crash stays on the console
]
# What a boot of Linux in an emulator does not need, and how many emulated seconds it takes: the
# ciphers' self-tests (15), write-protecting and walking the kernel's page tables (6), the
# certificates of modules (3), tracing (3), LOCK prefixes taken out (1), the kernel's types for BPF
# (1), and smaller ones (3).
QUICK_LINUX = [
    "cryptomgr.notests", "rodata=off", "noreplace-smp",
    "initcall_blacklist=load_system_certificate_list,crypto_kdf108_init,init_kprobe_trace,"
    "trace_eval_init,tracer_init_tracefs,bpf_rstat_kfunc_init,kfunc_init,bpf_prog_test_run_init,"
    "bpf_tcp_ca_kfunc_init,bpf_key_sig_kfuncs_init,cubictcp_register,init_acpi_pm_clocksource,"
    "powercap_init",
]
DOM0_ARGUMENTS = [
    "console=hvc0", "quiet",
    "swiotlb=512",    # the default buffer is too large for 256 MB
    "mitigations=off", "norandmaps", "random.trust_cpu=off",
    "panic=-1",
    *QUICK_LINUX,
]

GRUB_CONFIGURATION = """\
serial --unit=0 --speed=115200
terminal_input serial
terminal_output serial
multiboot2 /xen {xen}
module2 /vmlinux {dom0}
module2 /initrd
boot
"""
GRUB_MODULES = ["biosdisk", "iso9660", "multiboot2", "serial", "normal", "configfile",
                "terminal", "minicmd"]


def _run(what, command):
    done = run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        lines = (done.stderr.strip() or "it says nothing").splitlines()
        raise Problem(f"{what} failed: {lines[-1]}")


def make_disc(path, tools, kernel, xen, initrd, cpus, dom0_mb):
    """Writes the CD's image to PATH. TOOLS, KERNEL and XEN are PackageRoots."""
    tree = path.with_suffix(".tree")
    shutil.rmtree(tree, ignore_errors=True)
    (tree / "boot/grub").mkdir(parents=True)
    # Xen and the kernel lie there unpacked: to unpack them inside the emulator costs more
    # than to read them.
    (tree / "vmlinux").write_bytes(
        pack_segments(shorten_p2m((kernel / "vmlinux").read_bytes())))
    for name, source in (("xen", xen / "xen"), ("initrd", initrd)):
        try:
            os.link(source, tree / name)
        except OSError:
            shutil.copy(source, tree / name)
    memory = [f"dom0_mem={dom0_mb}M,max:{dom0_mb}M", f"dom0_max_vcpus={cpus}"]
    (tree / "boot/grub/grub.cfg").write_text(GRUB_CONFIGURATION.format(
        xen=" ".join(XEN_ARGUMENTS + memory), dom0=" ".join(DOM0_ARGUMENTS)))
    _run("grub-mkimage", tools.command(
        "usr/bin/grub-mkimage", "-d", kernel / "usr/lib/grub/i386-pc", "-O", "i386-pc-eltorito",
        "-p", "/boot/grub", "-o", tree / "boot/grub/eltorito.img", *GRUB_MODULES))
    _run("xorriso", tools.command(
        "usr/bin/xorriso", "-as", "mkisofs", "-quiet", "-R", "-b", "boot/grub/eltorito.img",
        "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "-o", path, tree))
    shutil.rmtree(tree)
