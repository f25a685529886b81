// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Profiles of the processor: what programs are told of it, the same on every backend; a host that
//! cannot keep a profile's promise says so; and the state of what is promised survives.

use std::process::Command;
use std::time::Duration;

use seed_tests::archive::Writer;
use seed_tests::backend::{self, Backend};
use seed_tests::paths::{self, Scratch};
use seed_tests::process::{self, Outcome};
use seed_tests::program::{self, Program};
use serde_json::Value;

const LIMIT: Duration = Duration::from_secs(60);

/// What the fixed profiles tell, after the brand: leaf, subleaf, EAX, EBX, ECX, EDX.
const BASE: &str = "\
00000000 00000000: 00000007 68747541 444d4163 69746e65
00000001 00000000: 00060fb1 00000800 80000000 078ba37d
00000005 00000000: 00000000 00000000 00000003 00000000
00000007 00000000: 00000000 00000000 00000000 00000000
0000000d 00000000: 00000000 00000000 00000000 00000000
0000000d 00000001: 00000000 00000000 00000000 00000000
0000000d 00000002: 00000000 00000000 00000000 00000000
40000000 00000000: 00000000 00000000 00000000 00000000
80000000 00000000: 80000008 68747541 444d4163 69746e65
80000001 00000000: 00060fb1 00000000 00000000 2193ab7d
80000005 00000000: 01ff01ff 01ff01ff 40020140 40020140
80000006 00000000: 00000000 42004200 02008140 00808140
80000008 00000000: 00003024 00000000 00000000 00000000
";

/// How v2 and v3 differ from the profile before: words of [`BASE`] and what stands there instead.
const V2: &[(&str, &str)] =
    &[("80000000 078ba37d", "80982201 078ba37d"), ("00000000 2193ab7d", "00000001 2193ab7d")];
const V3: &[(&str, &str)] = &[
    ("00000007 68747541", "0000000d 68747541"),
    // OSXSAVE among them: the kernel has switched the state of AVX on.
    ("80982201 078ba37d", "bcd83201 078ba37d"),
    ("00000007 00000000: 00000000 00000000", "00000007 00000000: 00000000 00000128"),
    (
        "0000000d 00000000: 00000000 00000000 00000000",
        "0000000d 00000000: 00000007 00000340 00000340",
    ),
    ("0000000d 00000001: 00000000 00000000", "0000000d 00000001: 00000001 00000340"),
    ("0000000d 00000002: 00000000 00000000", "0000000d 00000002: 00000100 00000240"),
    ("00000001 2193ab7d", "00000021 2193ab7d"),
];

/// The brand of the fixed profiles.
const BRAND: &str = "seed machine 1\n";

fn told_by(profile: &str) -> String {
    let changes = match profile {
        "base" => vec![],
        "v2" => vec![V2],
        _ => vec![V2, V3],
    };
    let change = |text: String, &(old, new): &(&str, &str)| {
        assert_eq!(text.matches(old).count(), 1, "{old}");
        text.replace(old, new)
    };
    changes.into_iter().flatten().fold(BASE.to_owned(), change)
}

fn run(backend: Backend, profile: &str, program: Program, command_line: &str) -> Outcome {
    let scratch = Scratch::new();
    let image = Writer::default().program("init", &program::bytes(program)).finish();
    let image = scratch.write("in.img", &image);
    let mut command = Command::new(paths::seedvmm());
    command.args(backend.options()).args(["--cpu", profile]).arg("--in").arg(image);
    process::run(command.args(["--append", command_line]), LIMIT)
}

/// What `seedvmm doctor` found.
fn doctor() -> Value {
    let mut command = Command::new(paths::seedvmm());
    let outcome = process::run(command.args(["doctor", "--json"]), LIMIT);
    serde_json::from_str(&outcome.stdout_text()).expect("doctor prints JSON")
}

/// Whether the run was refused because this host lacks what the profile promises, and rightly so.
fn is_refused(backend: Backend, profile: &str, outcome: &Outcome, found: &Value) -> bool {
    if outcome.status != 125 {
        return false;
    }
    let option = format!("--cpu {profile}");
    outcome.expect_one_line(&[&option, "choose --cpu "]);
    assert!(backend != Backend::QemuTcg && !["base", "host"].contains(&profile), "{outcome}");
    let missing = found["cpu"][profile].as_array().expect("doctor lists what is missing");
    assert!(!missing.is_empty(), "refused, and nothing is missing: {outcome}");
    let said = outcome.stderr_text().replace("sse4.", "sse4_");
    for name in missing {
        assert!(said.contains(name.as_str().expect("it is a name")), "{name}: {outcome}");
    }
    true
}

#[test]
fn programs_are_told_the_same_on_every_backend() {
    let found = doctor();
    for &backend in backend::available() {
        for profile in ["base", "v2", "v3"] {
            let outcome = run(backend, profile, Program::Bare("cpuid"), "cpuid");
            if is_refused(backend, profile, &outcome, &found) {
                continue;
            }
            outcome.expect_status(0);
            match outcome.stdout_text().strip_prefix(BRAND) {
                Some(told) => assert_eq!(told, told_by(profile), "{backend}, {profile}"),
                // Where the host interprets supervisor mode, programs run on the bare processor.
                None => {
                    assert_ne!(backend, Backend::QemuTcg, "{outcome}");
                    assert_eq!(found["supervisor"]["state"], "interpreted", "{outcome}");
                }
            }
        }
    }
}

#[test]
fn vectors_of_the_profiles_width_survive() {
    let found = doctor();
    for &backend in backend::available() {
        for (profile, width) in [("base", 16), ("v2", 16), ("v3", 32), ("host", 16)] {
            let command_line = format!("vectors {width}");
            let outcome = run(backend, profile, Program::Registers("vectors"), &command_line);
            if !is_refused(backend, profile, &outcome, &found) {
                outcome.expect_status(0);
                assert_eq!(outcome.stdout, b"ok\n", "{backend}, {profile}: {outcome}");
            }
        }
    }
}

#[test]
fn cpuinfo_tells_vendor_and_features_of_the_profile() {
    let found = doctor();
    let base = "fpu de pse tsc msr pae cx8 apic pge cmov pat pse36 clflush mmx fxsr sse sse2 \
                syscall nx lm hypervisor";
    let v2 = format!("{base} pni ssse3 cx16 sse4_1 sse4_2 popcnt lahf_lm");
    let v3 = format!("{v2} fma movbe xsave avx f16c bmi1 avx2 bmi2 abm xsaveopt");
    for &backend in backend::available() {
        for (profile, flags) in [("base", base), ("v2", v2.as_str()), ("v3", v3.as_str())] {
            let command_line = "busybox grep -e vendor -e flags /proc/cpuinfo";
            let outcome = run(backend, profile, Program::Busybox, command_line);
            if !is_refused(backend, profile, &outcome, &found) {
                outcome.expect_status(0);
                let wanted = format!("vendor_id\t: AuthenticAMD\nflags\t\t: {flags}\n");
                assert_eq!(outcome.stdout_text(), wanted, "{backend}, {profile}");
            }
        }
    }
}

#[test]
fn the_report_names_the_profile() {
    let scratch = Scratch::new();
    let program = program::bytes(Program::Bare("hello"));
    let image = scratch.write("in.img", &Writer::default().program("init", &program).finish());
    let path = scratch.join("report.json");
    for profile in ["base", "host"] {
        let mut command = Command::new(paths::seedvmm());
        command.args(["--cpu", profile, "--in"]).arg(&image).arg("--report").arg(&path);
        process::run(&mut command, LIMIT).expect_status(0);
        let text = std::fs::read_to_string(&path).expect("the report is written");
        let report: Value = serde_json::from_str(&text).expect("the report is JSON");
        assert_eq!(report["cpu"], profile, "{text}");
    }
}
