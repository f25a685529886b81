// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The engine: one run of the machine, from its description to its end.
//!
//! The interface between the command line and the backends. A [`Job`] says what to run, [`run`]
//! opens and checks everything it names, picks the backend, runs the machine to its end and writes
//! the report. Before the machine has started a problem is an [`Error`]; from then on every way to
//! stop is an [`End`], a failing host included.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::backend::{Chosen, Machine, Stopped, kvm, qemu};
use crate::console::{self, Output};
use crate::destinations;
use crate::end::End;
use crate::images::{self, Images};
use crate::input::StandardInput;
use crate::kernel_image::{self, KernelImage};
use crate::layout::{self, RamMap};
use crate::memory;
use crate::processor::CpuProfile;
use crate::report::{self, Draft};
use crate::signals::time_limit::TimeLimit;

/// Guest memory in MiB unless the caller says otherwise.
pub const DEFAULT_MEMORY_MIB: u64 = 512;

/// One run of the machine.
#[derive(Debug)]
pub struct Job {
    /// The kernel to start.
    pub kernel: KernelSource,
    /// The first disk, read-only.
    pub input: Option<DiskSource>,
    /// The second disk, writable.
    pub output: Option<DiskSource>,
    /// File handed to the kernel as its PVH module.
    pub initrd: Option<PathBuf>,
    /// The kernel's command line, without a terminating zero.
    pub append: Vec<u8>,
    /// Guest memory in MiB.
    pub memory_mib: u64,
    /// The processor that the guest sees.
    pub cpu: CpuProfile,
    /// What the guest gets from this process's standard input, if anything.
    pub stdin: Option<StandardInput>,
    /// Longest time the guest may run.
    pub timeout: Option<Duration>,
    /// Which backend runs the machine.
    pub backend: BackendChoice,
    /// How QEMU executes the guest, if it is QEMU that does.
    pub accel: Accel,
    /// File that receives every byte that the guest sent to the serial port.
    pub transcript: Option<PathBuf>,
    /// File that receives the report.
    pub report: Option<PathBuf>,
    /// How much the engine says on standard error about what it does: 0 is nothing.
    pub verbose: u8,
}

impl Default for Job {
    /// The embedded kernel with no disks, no limits and the default memory.
    fn default() -> Self {
        Self {
            kernel: KernelSource::Embedded,
            input: None,
            output: None,
            initrd: None,
            append: Vec::new(),
            memory_mib: DEFAULT_MEMORY_MIB,
            cpu: CpuProfile::default(),
            stdin: None,
            timeout: None,
            backend: BackendChoice::Auto,
            accel: Accel::Auto,
            transcript: None,
            report: None,
            verbose: 0,
        }
    }
}

/// Where the kernel image comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KernelSource {
    /// The seed kernel in this program.
    Embedded,
    /// An ELF file with a PVH note.
    Path(PathBuf),
}

/// Where a disk's bytes live.
#[derive(Debug)]
pub enum DiskSource {
    /// A file to open.
    Path(PathBuf),
    /// A file that is open already, for instance in memory only.
    Open {
        /// The file; an output must be open for reading and writing.
        file: File,
        /// What messages and the report call it.
        name: String,
    },
}

impl DiskSource {
    /// What messages and the report call it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Path(path) => path.to_string_lossy().into_owned(),
            Self::Open { name, .. } => name.clone(),
        }
    }
}

/// The backend that the caller asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendChoice {
    /// KVM where it can be used, else QEMU.
    #[default]
    Auto,
    /// KVM or nothing.
    Kvm,
    /// QEMU or nothing.
    Qemu,
}

/// How QEMU is to execute the guest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Accel {
    /// KVM where it can be used, else TCG.
    #[default]
    Auto,
    /// QEMU with KVM.
    Kvm,
    /// QEMU's own binary translation.
    Tcg,
}

/// The backend that ran the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendKind {
    /// This program's own, on KVM.
    Kvm,
    /// QEMU with KVM.
    QemuKvm,
    /// QEMU with TCG.
    QemuTcg,
}

impl BackendKind {
    /// The name in messages and in the report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::QemuKvm => "qemu-kvm",
            Self::QemuTcg => "qemu-tcg",
        }
    }
}

/// Receives what the guest says.
///
/// An error ends the run as a failure of the host: the reader of the output is gone.
pub trait Console {
    /// Bytes of the program's output, in order.
    ///
    /// # Errors
    /// They could not be passed on.
    fn write_program(&mut self, bytes: &[u8]) -> std::io::Result<()>;

    /// One line of the kernel's own, without its prefix and line end. A line of more than 4 KiB
    /// comes in pieces.
    ///
    /// # Errors
    /// It could not be passed on.
    fn write_kernel_line(&mut self, text: &[u8]) -> std::io::Result<()>;
}

/// How a run went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// Which backend ran it.
    pub backend: BackendKind,
    /// When it reached which point.
    pub phases: Phases,
    /// Exits from the guest, where the backend counts them.
    pub exits: Option<ExitCounts>,
}

/// Times since the start of the process in microseconds; `None` where the backend cannot tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// Virtual machine, memory and vCPU are ready.
    pub vm_ready: Option<u64>,
    /// The guest runs its first instruction.
    pub kernel_entered: Option<u64>,
    /// The program runs its first instruction. Known with a report only.
    pub first_user: Option<u64>,
    /// The program has ended. Known with a report only.
    pub program_ended: Option<u64>,
    /// The machine has stopped.
    pub done: Option<u64>,
}

/// Number of exits from the guest to the monitor by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExitCounts {
    /// I/O port accesses, a string instruction counting once.
    pub io: u64,
    /// Memory-mapped I/O accesses.
    pub mmio: u64,
    /// Returns for a signal to this process.
    pub interrupted: u64,
    /// Among `io`: ports at which there is nothing.
    pub absent_ports: u64,
    /// Among `mmio`: addresses at which there is nothing.
    pub absent_addresses: u64,
}

/// Why a run could not start, or could not be reported. Leads to exit status 125.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no machine of that size.
    #[error(transparent)]
    Memory(#[from] layout::Error),
    /// A file cannot be a disk.
    #[error(transparent)]
    Image(#[from] images::Error),
    /// The kernel cannot be started.
    #[error("kernel {name}")]
    Kernel {
        /// What the caller calls it.
        name: String,
        /// What is wrong with it.
        source: kernel_image::Error,
    },
    /// Command line or module cannot be given to the kernel.
    #[error(transparent)]
    BootData(#[from] memory::Error),
    /// The transcript cannot be created.
    #[error(transparent)]
    Console(#[from] console::Error),
    /// The time limit cannot be kept.
    #[error("cannot start a timer for the time limit")]
    Timer(#[source] std::io::Error),
    /// KVM was asked for and cannot be used.
    #[error(
        "KVM cannot be used: {0}; check that /dev/kvm exists and is yours to open, or use --backend \
         qemu"
    )]
    NoKvm(kvm::Unusable),
    /// Neither backend can be used.
    #[error(
        "no backend can be used: {kvm}, and {qemu}; give this user access to /dev/kvm or install \
         qemu-system-x86"
    )]
    NoBackend {
        /// What is wrong with KVM.
        kvm: kvm::Unusable,
        /// What is wrong with QEMU.
        qemu: qemu::Error,
    },
    /// The machine could not be set up on KVM.
    #[error("cannot set up the machine on KVM")]
    Kvm(#[from] kvm::Error),
    /// QEMU could not be started.
    #[error(transparent)]
    Qemu(#[from] qemu::Error),
    /// Transcript or report would replace what the run needs.
    #[error(transparent)]
    Destination(#[from] destinations::Error),
    /// The report could not be written.
    #[error(transparent)]
    Report(#[from] report::Error),
}

/// Runs `job` to its end and writes its report.
///
/// `started` is when the process started, the zero of [`Phases`].
///
/// # Errors
/// The machine could not be started, or the report could not be written.
pub fn run(job: &Job, started: Instant, console: &mut dyn Console) -> Result<Outcome, Error> {
    destinations::check(job)?;
    job.report.as_deref().map_or(Ok(()), report::check_destination)?;
    let mut draft = job.report.is_some().then(|| Draft::new(job));
    let result = attempt(job, started, console, draft.as_mut());
    if let (Some(path), Some(draft)) = (&job.report, draft) {
        draft.finish(&result).write(path)?;
    }
    result
}

fn attempt(
    job: &Job,
    started: Instant,
    console: &mut dyn Console,
    draft: Option<&mut Draft>,
) -> Result<Outcome, Error> {
    let ram = RamMap::new(job.memory_mib)?;
    memory::check_command_line(&job.append)?;
    let images = Images::open(job.input.as_ref(), job.output.as_ref())?;
    let kernel_error =
        |source| Error::Kernel { name: kernel_image::name(&job.kernel).into_owned(), source };
    let kernel_bytes = kernel_image::read(&job.kernel).map_err(kernel_error)?;
    let kernel = KernelImage::parse(&kernel_bytes, &ram).map_err(kernel_error)?;
    let mut output = Output::new(console, job.transcript.as_deref())?;
    let machine = Machine {
        ram,
        memory_mib: job.memory_mib,
        cpu: job.cpu,
        kernel: &kernel,
        initrd: job.initrd.as_deref(),
        command_line: &job.append,
        images: &images,
        stdin: job.stdin,
        timeout: job.timeout,
        wants_figures: job.report.is_some(),
        started,
    };
    let backend = Chosen::for_job(job)?;
    let kind = backend.kind();
    if job.verbose > 0 {
        let name = kernel_image::name(&job.kernel);
        let (backend, cpu, mib) = (kind.name(), job.cpu, job.memory_mib);
        eprintln!("seedvmm: backend {backend}, processor {cpu}, {mib} MiB, kernel {name}");
    }
    let _limit = job.timeout.map(TimeLimit::start).transpose().map_err(Error::Timer)?;
    let mut stopped = match backend {
        Chosen::Kvm(vm) => kvm::run(vm, &machine, &mut output)?,
        Chosen::Qemu(kind) => qemu::run(kind, &machine, &mut output)?,
    };
    let initrd = job.initrd.as_deref().map(Path::to_string_lossy);
    let input = images.input.as_ref().map(|image| image.name.as_str()).or(initrd.as_deref());
    let output_name = images.output.as_ref().map(|image| image.name.as_str());
    stopped.end = stopped.end.naming(input, output_name);
    if let Some(draft) = draft {
        // Digests are taken here, where they delay nothing: neither source was written to.
        draft.note_sources(&kernel_bytes, &images);
        draft.note_result(kind, &stopped, &images);
    }
    let Stopped { end, phases, exits, .. } = stopped;
    Ok(Outcome { end, backend: kind, phases, exits })
}
