// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The last line on standard error: how the run ended, and what can be done about it.
//!
//! A status below 124 can only be the program's own and needs no line. From 124 on the number
//! alone does not tell who ended the run, so the line is always there.

use seed_protocols::end::EXIT_TIME_LIMIT;
use seedvmm::end::End;

use crate::say;

/// Says how the run ended where the exit status alone does not, and always if `verbose`.
pub(super) fn report(end: &End, verbose: u8) {
    if is_ambiguous(end) || verbose > 0 {
        say(&line(end));
    }
}

/// Whether the exit status could come from something other than this end.
fn is_ambiguous(end: &End) -> bool {
    !matches!(end, End::Exited(_)) || end.status() >= EXIT_TIME_LIMIT
}

fn line(end: &End) -> String {
    match advice(end) {
        Some(advice) => format!("{end}; {advice}"),
        None => end.to_string(),
    }
}

fn advice(end: &End) -> Option<&'static str> {
    match end {
        End::TimeLimit(_) => Some("give more time with --timeout"),
        // What other failures of the output need is a program that does something else.
        End::OutputFailed(why) if why.contains("too small") => {
            Some("give a larger output image, or more --mem to 'seedvmm run'")
        }
        End::KernelPanic(_) => Some("keep the --transcript and report it"),
        End::GuestCrashed(_) => Some("see what it said with --transcript"),
        // What KVM and QEMU lack; of the caller's own streams and files the end tells all.
        End::HostFailed(why) if ["KVM", "QEMU", "qemu"].iter().any(|it| why.contains(it)) => {
            Some("try 'seedvmm doctor'")
        }
        End::HostFailed(_)
        | End::OutputFailed(_)
        | End::Exited(_)
        | End::Killed(_)
        | End::NotFound(_)
        | End::NotExecutable(_)
        | End::BadInput(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_said_where_the_status_is_not_enough() {
        for status in [0, 1, 42, 123] {
            assert!(!is_ambiguous(&End::Exited(status)));
        }
        for status in [124, 125, 126, 127, 128, 139, 255] {
            assert!(is_ambiguous(&End::Exited(status)));
        }
        assert!(is_ambiguous(&End::Killed(11)));
        assert!(is_ambiguous(&End::GuestCrashed(String::new())));
        assert_eq!(line(&End::Exited(125)), "the program exited with status 125");
        let failed = |why: &str| line(&End::HostFailed(why.to_owned()));
        assert_eq!(
            failed("cannot read standard input"),
            "the host failed: cannot read standard input"
        );
        assert!(failed("KVM_RUN failed: x").ends_with("; try 'seedvmm doctor'"));
    }
}
