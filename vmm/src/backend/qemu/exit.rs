// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What QEMU's exit status means.
//!
//! `isa-debug-exit` ends QEMU with `(value << 1) | 1`, of which the system keeps eight bits. QEMU's
//! own failures end it with 1 as well, which is also the debug exit of value 0; they are told apart
//! by the line that QEMU then leaves on standard error.

use std::os::unix::process::ExitStatusExt as _;

use super::command::PROGRAM;
use super::process::Exit;
use crate::console::Output;
use crate::end::End;
use crate::error_line::error_line;
use crate::processor::CpuProfile;

/// Exit status of QEMU's own failures, and of a debug exit of value 0.
const FAILED_OR_ZERO: i32 = 1;

/// The end that `exit` tells, together with the console.
pub(super) fn interpret(exit: &Exit, cpu: CpuProfile, output: &mut Output<'_>) -> End {
    let Some(code) = exit.status.code() else {
        let signal = exit.status.signal().unwrap_or_default();
        return End::HostFailed(format!("QEMU was killed by signal {signal}"));
    };
    let complaint = find_complaint(&exit.complaints);
    match (code, complaint) {
        (FAILED_OR_ZERO, Some(complaint)) => {
            let lacking = lacking_features(&exit.complaints, cpu);
            End::HostFailed(lacking.unwrap_or_else(|| complaint.to_owned()))
        }
        (0, _) => End::GuestCrashed("the machine was reset, as by a triple fault".to_owned()),
        (code, _) if code & 1 == 1 => match u16::try_from(code >> 1) {
            Ok(value) => output
                .finish_with(value)
                .unwrap_or_else(|error| End::HostFailed(error_line(&error))),
            Err(_) => End::HostFailed(format!("QEMU ended with status {code}")),
        },
        (code, Some(complaint)) => {
            End::HostFailed(format!("QEMU ended with status {code}: {complaint}"))
        }
        (code, None) => End::HostFailed(format!("QEMU ended with status {code}")),
    }
}

/// What QEMU's warnings say about a processor that it refuses, in one line; nothing if it did not.
///
/// Each is like "... doesn't support requested feature: CPUID.01H:ECX.avx [bit 28]".
fn lacking_features(complaints: &str, cpu: CpuProfile) -> Option<String> {
    let name = |line: &str| {
        let (_, feature) = line.split_once("support requested feature: ")?;
        let (_, name) = feature.split_once([':'])?.1.split_once('.')?;
        name.split_whitespace().next().map(str::to_owned)
    };
    let names: Vec<_> = complaints.lines().filter_map(name).collect();
    (!names.is_empty()).then(|| {
        let names = names.join(", ");
        format!(
            "QEMU cannot give the features that --cpu {cpu} promises ({names}); choose --cpu base, \
             or another --accel"
        )
    })
}

/// The last line that QEMU itself left, warnings aside.
fn find_complaint(text: &str) -> Option<&str> {
    let own = |line: &&str| {
        let message = line.strip_prefix(PROGRAM).and_then(|rest| rest.strip_prefix(':'));
        message.is_some_and(|message| !message.trim_start().starts_with("warning:"))
    };
    text.lines().rfind(own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Console;
    use std::io;
    use std::process::ExitStatus;

    struct Nowhere;

    impl Console for Nowhere {
        fn write_program(&mut self, _bytes: &[u8]) -> io::Result<()> {
            Ok(())
        }

        fn write_kernel_line(&mut self, _text: &[u8]) -> io::Result<()> {
            Ok(())
        }
    }

    fn end_of(wait_status: i32, console: &[u8], complaints: &str) -> End {
        let exit =
            Exit { status: ExitStatus::from_raw(wait_status), complaints: complaints.to_owned() };
        let mut nowhere = Nowhere;
        let mut output = Output::new(&mut nowhere, None).unwrap();
        output.push(console).unwrap();
        interpret(&exit, CpuProfile::V3, &mut output)
    }

    fn exited(code: i32, console: &[u8], complaints: &str) -> End {
        end_of(code << 8, console, complaints)
    }

    #[test]
    fn odd_statuses_are_debug_exits() {
        assert_eq!(exited(1, b"", ""), End::Exited(0));
        assert_eq!(exited(85, b"", ""), End::Exited(42));
        assert_eq!(exited(253, b"", ""), End::Exited(126));
        assert_eq!(exited(255, b"\x1eseedkernel: end killed 11\n", ""), End::Killed(11));
        assert!(matches!(exited(255, b"", ""), End::GuestCrashed(_)));
    }

    #[test]
    fn warnings_do_not_spoil_a_success() {
        let warning = "qemu-system-x86_64: warning: TCG doesn't support requested feature\n";
        assert_eq!(exited(1, b"", warning), End::Exited(0));
    }

    #[test]
    fn a_failed_qemu_is_no_success() {
        let complaint = "qemu-system-x86_64: warning: x\nqemu-system-x86_64: no such device\n";
        let expected = End::HostFailed("qemu-system-x86_64: no such device".to_owned());
        assert_eq!(exited(1, b"", complaint), expected);
    }

    #[test]
    fn a_processor_that_qemu_cannot_give_is_refused_in_one_line() {
        let complaints = "qemu-system-x86_64: warning: host doesn't support requested feature: \
                          CPUID.01H:ECX.sse4.1 [bit 19]\n\
                          qemu-system-x86_64: warning: host doesn't support requested feature: \
                          CPUID.07H:EBX.avx2 [bit 5]\n\
                          qemu-system-x86_64: Host doesn't support requested features\n";
        let End::HostFailed(message) = exited(1, b"", complaints) else { panic!("it ran") };
        assert!(message.contains("--cpu v3 promises (sse4.1, avx2)"), "{message}");
    }

    #[test]
    fn a_reset_is_a_crash_and_a_signal_a_failed_host() {
        assert!(matches!(exited(0, b"", ""), End::GuestCrashed(_)));
        assert_eq!(end_of(9, b"", ""), End::HostFailed("QEMU was killed by signal 9".to_owned()));
        assert!(matches!(exited(2, b"", ""), End::HostFailed(_)));
    }
}
