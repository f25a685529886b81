// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What a figure was measured on.

use std::fs;
use std::process::Command;

use seed_tests::paths;
use serde_json::{Value, json};

use crate::qemu;

/// The machine, as far as figures depend on it.
pub(crate) struct Machine {
    description: Value,
}

impl Machine {
    /// Processor, operating system, kind of KVM, QEMU and commit of this one.
    pub(crate) fn this_one() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            let line = cpuinfo.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split(": ").nth(1)).unwrap_or("unknown").to_owned()
        };
        let doctor = output(Command::new(paths::seedvmm()).args(["doctor", "--json"]));
        let doctor: Value = serde_json::from_str(&doctor).unwrap_or_default();
        let description = json!({
            "processor": field("model name"),
            "processors": cpuinfo.lines().filter(|line| line.starts_with("processor")).count(),
            "system": release_of(&first_line("uname", &["-sr"])),
            "kvm": doctor["supervisor"]["state"],
            "ns_per_ring0_instruction": doctor["supervisor"]["ns_per_instruction"],
            "qemu": first_line(qemu::PROGRAM, &["--version"]),
            "commit": first_line("git", &["describe", "--always", "--dirty"]),
        });
        Self { description }
    }

    /// How KVM executes ring 0 here: `usable` is the processor itself, `interpreted` is not.
    pub(crate) fn kvm_kind(&self) -> &str {
        self.description["kvm"].as_str().unwrap_or("absent")
    }

    pub(crate) fn to_json(&self) -> Value {
        self.description.clone()
    }

    /// A sentence for people.
    pub(crate) fn sentence(&self) -> String {
        let text = |name: &str| self.description[name].as_str().unwrap_or("unknown").to_owned();
        let kvm = match self.kvm_kind() {
            "interpreted" => {
                "KVM interprets ring 0 one instruction at a time and runs ring 3 directly"
            }
            "usable" => "KVM runs all rings on the processor",
            _ => "there is no KVM",
        };
        let count = &self.description["processors"];
        let (processor, system, qemu) = (text("processor"), text("system"), text("qemu"));
        format!("{count} processors of type {processor}, {system}, {qemu}; {kvm}.")
    }
}

fn first_line(program: &str, arguments: &[&str]) -> String {
    let text = output(Command::new(program).args(arguments));
    text.lines().next().unwrap_or_default().to_owned()
}

fn output(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).into_owned()
}

/// Name and version of a system, without what its builder added to that.
fn release_of(system: &str) -> &str {
    system.split('-').next().unwrap_or(system)
}
