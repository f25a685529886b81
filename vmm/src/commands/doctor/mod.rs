// SPDX-License-Identifier: Apache-2.0 OR MIT

//! `seedvmm doctor`: what this computer can do, what that means, and the command that mends it.
//!
//! Nothing is concluded that can be tried: each backend starts a machine with a kernel of a few
//! instructions, and KVM's run of it is timed.

mod kernel;
mod probe;
mod profiles;

use std::io::{self, Write};

use seed_protocols::end::EXIT_FAILURE;
use serde::Serialize;

use self::probe::{Finding, State};
use self::profiles::Profiles;
use crate::cli::DoctorOptions;

/// Name of the JSON form.
const SCHEMA: &str = "seedvmm-doctor";

/// Version of the JSON form; it grows when a field changes its meaning or goes.
const SCHEMA_VERSION: u32 = 1;

/// All that was found.
#[derive(Debug, Serialize)]
struct Findings {
    schema: &'static str,
    version: u32,
    /// The backend that `--backend auto` takes; absent if there is none.
    backend: Option<&'static str>,
    kvm: Finding,
    /// How KVM executes a kernel's instructions; absent without KVM.
    supervisor: Option<Finding>,
    /// The processors that a guest on KVM can be shown; absent without KVM.
    cpu: Option<Profiles>,
    qemu: Finding,
}

/// Examines the computer, prints the findings and returns the exit status.
pub(super) fn execute(options: &DoctorOptions) -> u8 {
    let findings = examine();
    let text = if options.json {
        let json = serde_json::to_string_pretty(&findings);
        json.expect("strings and numbers are always JSON") + "\n"
    } else {
        plain(&findings)
    };
    // The reader may leave early; the status tells the result all the same.
    let _ = io::stdout().write_all(text.as_bytes());
    if findings.backend.is_some() { 0 } else { EXIT_FAILURE }
}

fn examine() -> Findings {
    let (kvm, supervisor) = probe::kvm();
    let cpu = (kvm.state == State::Usable).then(Profiles::of_kvm).flatten();
    let qemu = probe::qemu();
    let backend = match (kvm.state, qemu.state) {
        (State::Usable, _) => Some("kvm"),
        (_, State::Usable) => Some("qemu"),
        _ => None,
    };
    Findings { schema: SCHEMA, version: SCHEMA_VERSION, backend, kvm, supervisor, cpu, qemu }
}

fn plain(findings: &Findings) -> String {
    let mut text = String::new();
    let mut put = |name: &str, finding: &Finding| {
        text += &format!("{name:<8}{}: {}\n", finding.state.name(), finding.detail);
        if let Some(mend) = &finding.mend {
            text += &format!("{:8}to mend it: {mend}\n", "");
        }
    };
    put("kvm", &findings.kvm);
    if let Some(supervisor) = &findings.supervisor {
        put("kernel", supervisor);
    }
    if let Some(profiles) = &findings.cpu {
        put("cpu", &Finding::new(State::Usable, profiles, None));
    }
    put("qemu", &findings.qemu);
    text + &match findings.backend {
        Some(backend) => {
            format!("result  ready: runs use {backend} unless --backend says otherwise\n")
        }
        None => {
            "result  not ready: mend kvm (fast) or qemu (slower, works everywhere)\n".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(state: State, mend: Option<&str>) -> Finding {
        Finding { state, detail: "detail".to_owned(), mend: mend.map(str::to_owned), figure: None }
    }

    #[test]
    fn each_finding_is_a_line_with_what_mends_it() {
        let findings = Findings {
            schema: SCHEMA,
            version: SCHEMA_VERSION,
            backend: None,
            kvm: finding(State::Forbidden, Some("do this")),
            supervisor: None,
            cpu: None,
            qemu: finding(State::Absent, None),
        };
        let expected = "kvm     forbidden: detail\n        to mend it: do this\n\
                        qemu    absent: detail\n\
                        result  not ready: mend kvm (fast) or qemu (slower, works everywhere)\n";
        assert_eq!(plain(&findings), expected);
        let json: serde_json::Value =
            serde_json::from_str(&serde_json::to_string(&findings).unwrap()).unwrap();
        assert_eq!(json["schema"], "seedvmm-doctor");
        assert_eq!(json["version"], 1);
        assert_eq!(json["kvm"]["state"], "forbidden");
        assert_eq!(json["backend"], serde_json::Value::Null);
    }
}
