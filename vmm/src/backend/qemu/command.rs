// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The command line that makes QEMU present seed machine 1.
//!
//! Files are passed by descriptor: QEMU opens what was checked and locked here, whatever happens to
//! the names meanwhile, and a comma in a name needs no quoting.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::fd::{AsRawFd as _, RawFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;

use rustix::fs::MemfdFlags;

use super::{Error, Machine, cpu_model};
use crate::engine::BackendKind;
use crate::images::{Image, Role};

/// The program, found by `PATH`.
pub(super) const PROGRAM: &str = "qemu-system-x86_64";

const MACHINE: &str =
    "microvm,acpi=off,pic=off,pit=off,rtc=off,isa-serial=on,auto-kernel-cmdline=off";
const DEBUG_EXIT: &str = "isa-debug-exit,iobase=0x501,iosize=2";

/// The console device, in slot [`CONSOLE_SLOT`](seed_protocols::machine::CONSOLE_SLOT).
const CONSOLE_BUS: &str = "virtio-serial-device,bus=virtio-mmio-bus.0";

/// A command line, and the descriptors that it names.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) arguments: Vec<OsString>,
    /// Descriptors that QEMU must inherit.
    pub(super) descriptors: Vec<RawFd>,
    /// Where standard input goes, if the machine has any. It does not block.
    pub(super) input: Option<UnixStream>,
    /// Keeps what QEMU inherits open until it runs.
    _kernel: File,
    _input_end: Option<UnixStream>,
}

impl Invocation {
    /// The command line for `machine`.
    ///
    /// # Errors
    /// The embedded kernel cannot be given to QEMU.
    pub(super) fn new(kind: BackendKind, machine: &Machine<'_>) -> Result<Self, Error> {
        let kernel = kernel_file(machine.kernel.bytes).map_err(Error::KernelFile)?;
        let mut descriptors = vec![kernel.as_raw_fd()];
        let mut arguments = fixed_arguments(kind, machine);
        let mut push = |option: &str, value: &OsStr| {
            arguments.push(option.into());
            arguments.push(value.into());
        };
        push("-kernel", descriptor_path(kernel.as_raw_fd()).as_ref());
        if let Some(path) = machine.initrd {
            push("-initrd", path.as_os_str());
        }
        for (index, image) in machine.images.iter().enumerate() {
            let [drive, device] = disk_arguments(index, image);
            push("-drive", drive.as_ref());
            push("-device", device.as_ref());
            descriptors.push(image.file.as_raw_fd());
        }
        let sockets = machine.stdin.map(|_| input_sockets()).transpose().map_err(Error::Spawn)?;
        let (input, input_end) = sockets.unzip();
        if let Some(end) = &input_end {
            let chardev = format!("socket,id=input,fd={}", end.as_raw_fd());
            push("-chardev", chardev.as_ref());
            push("-device", CONSOLE_BUS.as_ref());
            push("-device", OsStr::new("virtconsole,chardev=input"));
            descriptors.push(end.as_raw_fd());
        }
        push("-append", OsStr::from_bytes(machine.command_line));
        Ok(Self { arguments, descriptors, input, _kernel: kernel, _input_end: input_end })
    }
}

fn fixed_arguments(kind: BackendKind, machine: &Machine<'_>) -> Vec<OsString> {
    let accel = match kind {
        BackendKind::Kvm | BackendKind::QemuKvm => "kvm",
        BackendKind::QemuTcg => "tcg",
    };
    let cpu = cpu_model::model(machine.cpu, kind);
    let memory = format!("{}M", machine.memory_mib);
    #[rustfmt::skip]
    let arguments = [
        "-machine", MACHINE, "-accel", accel, "-cpu", &cpu, "-m", &memory,
        "-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-no-reboot",
        "-global", "virtio-mmio.force-legacy=false", "-device", DEBUG_EXIT,
    ];
    arguments.map(OsString::from).into()
}

fn disk_arguments(index: usize, image: &Image) -> [String; 2] {
    let path = descriptor_path(image.file.as_raw_fd());
    let access = match image.role {
        Role::Input => ",readonly=on",
        Role::Output => "",
    };
    [
        format!("file={path},if=none,format=raw,id=hd{index}{access}"),
        format!("virtio-blk-device,drive=hd{index}"),
    ]
}

/// Both ends of standard input's way: this program's, and QEMU's.
fn input_sockets() -> io::Result<(UnixStream, UnixStream)> {
    let (own, other) = UnixStream::pair()?;
    own.set_nonblocking(true)?;
    Ok((own, other))
}

fn descriptor_path(descriptor: RawFd) -> String {
    format!("/proc/self/fd/{descriptor}")
}

/// The kernel that was checked, in a file of its own.
fn kernel_file(bytes: &[u8]) -> io::Result<File> {
    let mut file = File::from(rustix::fs::memfd_create("kernel", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}
