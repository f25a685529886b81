// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The reference command line of QEMU.

use std::path::Path;

use seed_tests::paths;

/// QEMU's program.
pub(crate) const PROGRAM: &str = "qemu-system-x86_64";

/// Exit status of QEMU when the guest's was 0: the debug-exit device has it so.
pub(crate) const SUCCESS: i32 = 1;

/// How QEMU executes the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accelerator {
    Kvm,
    Tcg,
}

/// The reference command line: as much memory as seedvmm gives a guest, two disks in `folder`.
pub(crate) fn arguments(accelerator: Accelerator, folder: &Path, append: &str) -> Vec<String> {
    let drive = |name: &str, id: &str, more: &str| {
        format!("file={},if=none,format=raw,id={id}{more}", folder.join(name).display())
    };
    let (accelerator, cpu) = match accelerator {
        Accelerator::Kvm => ("kvm", "host,-arch-capabilities"),
        Accelerator::Tcg => ("tcg", "max"),
    };
    let memory = format!("{}M", seedvmm::engine::DEFAULT_MEMORY_MIB);
    let kernel = paths::kernel().to_string_lossy().into_owned();
    let words = [
        "-machine",
        "microvm,acpi=off,pic=off,pit=off,rtc=off,isa-serial=on,auto-kernel-cmdline=off",
        "-accel",
        accelerator,
        "-cpu",
        cpu,
        "-m",
        &memory,
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-serial",
        "stdio",
        "-no-reboot",
        "-global",
        "virtio-mmio.force-legacy=false",
        "-device",
        "isa-debug-exit,iobase=0x501,iosize=2",
        "-kernel",
        &kernel,
        "-drive",
        &drive("in.img", "hd0", ",readonly=on"),
        "-device",
        "virtio-blk-device,drive=hd0",
        "-drive",
        &drive("out.img", "hd1", ""),
        "-device",
        "virtio-blk-device,drive=hd1",
        "-append",
        append,
    ];
    words.iter().map(|&word| word.to_owned()).collect()
}
