// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The examinations themselves: each tries what a run would do.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use seedvmm::archive;
use seedvmm::end::End;
use seedvmm::engine::{self, Accel, BackendChoice, Console, Job, KernelSource, Outcome};
use seedvmm::error_line::error_line;
use serde::{Serialize, Serializer};

use super::kernel;

/// The device through which a program reaches KVM.
const KVM_DEVICE: &str = "/dev/kvm";

/// The program behind the other backend.
const QEMU_PROGRAM: &str = "qemu-system-x86_64";

/// Steps of the timed kernel: enough to hide what starting costs, few enough to be quick.
const STEPS: u32 = 20_000;

/// Nanoseconds for an instruction from which on it was interpreted: processors need less than one,
/// interpreters several hundred.
const INTERPRETED_NS: u64 = 200;

/// Longest time for a kernel of a few instructions.
const PATIENCE: Duration = Duration::from_secs(10);

/// Guest memory for it in MiB.
const MEMORY_MIB: u64 = 32;

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It works.
    Usable,
    /// It works by interpretation.
    Interpreted,
    /// It is not there.
    Absent,
    /// It is there for others.
    Forbidden,
    /// It is there and does not work.
    Broken,
}

impl State {
    /// The word in both forms of the output.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Usable => "usable",
            Self::Interpreted => "interpreted",
            Self::Absent => "absent",
            Self::Forbidden => "forbidden",
            Self::Broken => "broken",
        }
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What was found about one thing.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) state: State,
    /// What that means, in one line.
    pub(super) detail: String,
    /// What mends it, if it needs that.
    pub(super) mend: Option<String>,
    /// The measured figure: nanoseconds for an instruction.
    #[serde(rename = "ns_per_instruction", skip_serializing_if = "Option::is_none")]
    pub(super) figure: Option<u64>,
}

impl Finding {
    pub(super) fn new(state: State, detail: impl fmt::Display, mend: Option<&str>) -> Self {
        let mend = mend.map(str::to_owned);
        Self { state, detail: detail.to_string(), mend, figure: None }
    }
}

/// Whether KVM works, and if so, how it executes a kernel's instructions.
pub(super) fn kvm() -> (Finding, Option<Finding>) {
    if let Err(error) = OpenOptions::new().read(true).write(true).open(KVM_DEVICE) {
        return (kvm_closed(&error), None);
    }
    match try_kernel(BackendChoice::Kvm) {
        Ok(tried) => {
            let around = tried.total.saturating_sub(tried.in_guest.unwrap_or_default());
            let detail = format!("{KVM_DEVICE} starts a machine in {:.1} ms", milliseconds(around));
            (Finding::new(State::Usable, detail, None), tried.in_guest.map(supervisor))
        }
        Err(reason) => {
            let mend =
                "end other virtual machine monitors; if that does not help, use --backend qemu";
            let detail = format!("{KVM_DEVICE} is there, but no machine runs: {reason}");
            (Finding::new(State::Broken, detail, Some(mend)), None)
        }
    }
}

fn kvm_closed(error: &io::Error) -> Finding {
    match error.kind() {
        ErrorKind::NotFound => Finding::new(
            State::Absent,
            format_args!("there is no {KVM_DEVICE}"),
            Some(
                "sudo modprobe kvm_intel || sudo modprobe kvm_amd \
                 (virtualisation must be on in the firmware; a container needs --device /dev/kvm)",
            ),
        ),
        ErrorKind::PermissionDenied => Finding::new(
            State::Forbidden,
            format_args!("{KVM_DEVICE} is there, but not for this user"),
            Some("sudo usermod -aG kvm $USER, then log in again"),
        ),
        _ => Finding::new(
            State::Broken,
            format_args!("{KVM_DEVICE} cannot be opened: {error}"),
            Some("sudo modprobe kvm_intel || sudo modprobe kvm_amd, and see sudo dmesg"),
        ),
    }
}

/// What the time of the kernel's count says about the host.
fn supervisor(in_guest: Duration) -> Finding {
    let instructions = u128::from(STEPS * kernel::INSTRUCTIONS_PER_STEP);
    let each_ns = u64::try_from(in_guest.as_nanos() / instructions).unwrap_or(u64::MAX);
    let mut finding = if each_ns > INTERPRETED_NS {
        Finding::new(
            State::Interpreted,
            format_args!(
                "KVM here takes {each_ns} ns for an instruction in ring 0, so it interprets \
                 them; programs run at full speed, their system calls slowly"
            ),
            Some("use a computer or a cloud machine type with (nested) hardware virtualisation"),
        )
    } else {
        let detail = "the processor executes the kernel's instructions itself";
        Finding::new(State::Usable, detail, None)
    };
    finding.figure = Some(each_ns);
    finding
}

/// Whether QEMU works.
pub(super) fn qemu() -> Finding {
    let output = Command::new(QEMU_PROGRAM).arg("--version").stdin(Stdio::null()).output();
    let version = match output {
        Ok(output) => String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Finding::new(
                State::Absent,
                format_args!("there is no {QEMU_PROGRAM} on PATH"),
                Some("sudo apt install qemu-system-x86"),
            );
        }
        Err(error) => {
            let detail = format!("{QEMU_PROGRAM} cannot be started: {error}");
            return Finding::new(State::Broken, detail, Some(REINSTALL));
        }
    };
    let version = version.unwrap_or_else(|| QEMU_PROGRAM.to_owned());
    match try_kernel(BackendChoice::Qemu) {
        Ok(tried) => {
            let detail =
                format!("{version}, starts a machine in {:.1} ms", milliseconds(tried.total));
            Finding::new(State::Usable, detail, None)
        }
        Err(reason) => {
            let detail = format!("{version}, but no machine runs: {reason}");
            Finding::new(State::Broken, detail, Some(REINSTALL))
        }
    }
}

const REINSTALL: &str = "sudo apt install --reinstall qemu-system-x86";

/// How long a try took.
struct Tried {
    total: Duration,
    /// The part of it that the guest took, where the backend can tell.
    in_guest: Option<Duration>,
}

/// Runs the kernel of a few instructions on a backend, or says why that does not work.
fn try_kernel(backend: BackendChoice) -> Result<Tried, String> {
    let mut image = archive::memory_image("kernel", 0).map_err(|error| error_line(&error))?;
    image.write_all(&kernel::image(STEPS)).map_err(|error| error.to_string())?;
    // By this process's number and not as "self", which another process would take for its own.
    let path = format!("/proc/{}/fd/{}", std::process::id(), image.as_raw_fd());
    let job = Job {
        kernel: KernelSource::Path(PathBuf::from(path)),
        memory_mib: MEMORY_MIB,
        timeout: Some(PATIENCE),
        backend,
        accel: Accel::Tcg,
        ..Job::default()
    };
    let started = Instant::now();
    let outcome = engine::run(&job, started, &mut Silence).map_err(|error| error_line(&error))?;
    if outcome.end != End::Exited(0) {
        return Err(outcome.end.to_string());
    }
    Ok(Tried { total: started.elapsed(), in_guest: time_in_guest(&outcome) })
}

fn time_in_guest(outcome: &Outcome) -> Option<Duration> {
    let time = outcome.phases.done?.checked_sub(outcome.phases.kernel_entered?)?;
    Some(Duration::from_micros(time))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// A console for a kernel that says nothing.
struct Silence;

impl Console for Silence {
    fn write_program(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn write_kernel_line(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_lack_kvm_has_its_remedy() {
        let finding = kvm_closed(&ErrorKind::PermissionDenied.into());
        assert_eq!(finding.state, State::Forbidden);
        assert!(finding.mend.unwrap().contains("usermod -aG kvm $USER"));
        assert_eq!(kvm_closed(&ErrorKind::NotFound.into()).state, State::Absent);
        assert_eq!(kvm_closed(&io::Error::other("x")).state, State::Broken);
    }

    #[test]
    fn interpretation_is_told_by_its_cost() {
        let native = supervisor(Duration::from_micros(200));
        assert_eq!((native.state, native.figure), (State::Usable, Some(5)));
        let interpreted = supervisor(Duration::from_millis(24));
        assert_eq!((interpreted.state, interpreted.figure), (State::Interpreted, Some(600)));
    }
}
