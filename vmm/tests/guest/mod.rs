// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Hand-made guests: a little machine code in a PVH ELF file, run on every backend.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use seedvmm::backend::{kvm, qemu};
use seedvmm::end::End;
use seedvmm::engine::{
    self, Accel, BackendChoice, BackendKind, Console, Job, KernelSource, Outcome,
};

/// Where the guests' code lies.
pub(crate) const CODE: u32 = 0x10_0000;
/// Zeros behind the code.
pub(crate) const ZEROS: u32 = CODE + 0x800;

/// A kernel image in a file, with the folder that holds it.
pub(crate) struct Guest {
    pub(crate) folder: tempfile::TempDir,
}

impl Guest {
    pub(crate) fn new(code: &[&[u8]]) -> Self {
        Self::with_notes(code, &[])
    }

    /// A guest with notes beside the one of PVH.
    pub(crate) fn with_notes(code: &[&[u8]], notes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("kernel"), elf(&code.concat(), notes)).unwrap();
        Self { folder }
    }

    pub(crate) fn file(&self, name: &str, contents: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::File::create(&path).unwrap().write_all(contents).unwrap();
        path
    }

    pub(crate) fn job(&self) -> Job {
        Job {
            kernel: KernelSource::Path(self.folder.path().join("kernel")),
            memory_mib: 16,
            timeout: Some(Duration::from_secs(20)),
            ..Job::default()
        }
    }

    /// Runs the guest on each backend and returns what each gave.
    pub(crate) fn run_everywhere(
        &self,
        adjust: impl Fn(&mut Job),
    ) -> Vec<(BackendKind, Outcome, Recorder)> {
        backends()
            .into_iter()
            .map(|(backend, accel)| {
                let mut job = Job { backend, accel, ..self.job() };
                adjust(&mut job);
                let mut recorder = Recorder::default();
                let outcome = engine::run(&job, Instant::now(), &mut recorder).unwrap();
                (outcome.backend, outcome, recorder)
            })
            .collect()
    }

    pub(crate) fn assert_ends_everywhere(&self, adjust: impl Fn(&mut Job), expected: &End) {
        for (kind, outcome, recorder) in self.run_everywhere(adjust) {
            assert_eq!(outcome.end, *expected, "{kind:?}: {recorder:?}");
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) program: Vec<u8>,
    pub(crate) lines: Vec<Vec<u8>>,
}

impl Console for Recorder {
    fn write_program(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.program.extend_from_slice(bytes);
        Ok(())
    }

    fn write_kernel_line(&mut self, text: &[u8]) -> io::Result<()> {
        self.lines.push(text.to_vec());
        Ok(())
    }
}

pub(crate) fn backends() -> Vec<(BackendChoice, Accel)> {
    let mut found = Vec::new();
    match kvm::Vm::create() {
        Ok(_) => found.push((BackendChoice::Kvm, Accel::Auto)),
        Err(error) => {
            assert!(std::env::var_os("SEEDVMM_REQUIRE_KVM").is_none(), "{error}");
            println!("skipped on KVM: {error}");
        }
    }
    if qemu::is_installed() {
        found.push((BackendChoice::Qemu, Accel::Tcg));
    } else {
        println!("skipped on QEMU: not installed");
    }
    found
}

/// An ELF file with `code` at [`CODE`], zeros to the end of its page, and a PVH note before `notes`.
pub(crate) fn elf(code: &[u8], notes: &[u8]) -> Vec<u8> {
    let mut note = vec![4, 0, 0, 0, 4, 0, 0, 0, 18, 0, 0, 0];
    note.extend(b"Xen\0");
    note.extend(CODE.to_le_bytes());
    note.extend(notes);
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(64 + 2 * 56, 0);
    bytes[16..24].copy_from_slice(&[2, 0, 62, 0, 1, 0, 0, 0]);
    bytes[24..28].copy_from_slice(&CODE.to_le_bytes());
    (bytes[32], bytes[52], bytes[54], bytes[56]) = (64, 64, 56, 2);
    for (index, kind, address, data, in_memory) in
        [(0, 1_u32, CODE, code, 0x1000), (1, 4, CODE, &note, note.len())]
    {
        let at = 64 + index * 56;
        let fields = [
            (8, bytes.len()),
            (16, address as usize),
            (24, address as usize),
            (32, data.len()),
            (40, in_memory),
            (48, 4),
        ];
        bytes[at..at + 4].copy_from_slice(&kind.to_le_bytes());
        bytes[at + 4] = 7;
        for (field, value) in fields {
            bytes[at + field..at + field + 8].copy_from_slice(&(value as u64).to_le_bytes());
        }
        bytes.extend(data);
    }
    bytes
}

/// `mov dx, 0x3f8`, then for each byte `mov al, byte; out dx, al`.
pub(crate) fn print(text: &[u8]) -> Vec<u8> {
    let mut code = vec![0x66, 0xba, 0xf8, 0x03];
    code.extend(text.iter().flat_map(|byte| [0xb0, *byte, 0xee]));
    code
}

/// `mov dx, 0x501; mov ax, value; out dx, ax`.
pub(crate) fn exit(value: u16) -> Vec<u8> {
    let [low, high] = value.to_le_bytes();
    vec![0x66, 0xba, 0x01, 0x05, 0x66, 0xb8, low, high, 0x66, 0xef]
}

/// Exits with `value` unless `compare` finds equality.
pub(crate) fn require(compare: &[u8], value: u16) -> Vec<u8> {
    let otherwise = exit(value);
    [compare, &[0x74, otherwise.len() as u8], &otherwise].concat()
}

/// An instruction with a 32-bit operand at its end.
pub(crate) fn with_operand(opcode: &[u8], operand: u32) -> Vec<u8> {
    [opcode, &operand.to_le_bytes()].concat()
}
