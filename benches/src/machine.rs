// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What a figure was measured on.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

/// Processor, operating system, QEMU and commit.
pub(crate) fn describe() -> Value {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = cpuinfo.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split(": ").nth(1)).unwrap_or("unknown").to_owned()
    };
    json!({
        "processor": field("model name"),
        "processors": cpuinfo.lines().filter(|line| line.starts_with("processor")).count(),
        "system": first_line("uname", &["-sr"]),
        "qemu": first_line("qemu-system-x86_64", &["--version"]),
        "commit": first_line("git", &["rev-parse", "HEAD"]),
    })
}

fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.ok().and_then(|text| text.lines().next().map(str::to_owned)).unwrap_or_default()
}
