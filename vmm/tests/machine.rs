// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Tiny hand-made kernels on every backend of this computer: the machine's contract, without the
//! seed kernel.
//!
//! A backend that is missing here is skipped, and the test says so; with `SEEDVMM_REQUIRE_KVM` set,
//! missing KVM is a failure. Expected numbers are those of the specifications, not our constants.

#[cfg(test)]
mod guest;

use std::io;
use std::time::{Duration, Instant};

use seedvmm::end::End;
use seedvmm::engine::{self, BackendChoice, BackendKind, Console, DiskSource, Job};

use guest::{Guest, Recorder, ZEROS, backends, exit, print, require, with_operand};

#[test]
fn output_and_status_come_through() {
    let guest = Guest::new(&[&print(b"ok\n"), &exit(42)]);
    for (kind, outcome, recorder) in guest.run_everywhere(|_| {}) {
        assert_eq!(
            (outcome.end, recorder.program),
            (End::Exited(42), b"ok\n".to_vec()),
            "{kind:?}"
        );
    }
}

#[test]
fn the_last_line_tells_what_the_port_cannot() {
    let guest = Guest::new(&[
        &print(b"x\x1eseedkernel: hi\n\x1eseedkernel: end exited 255\n"),
        &exit(0x7f),
    ]);
    for (kind, outcome, recorder) in guest.run_everywhere(|_| {}) {
        assert_eq!(outcome.end, End::Exited(255), "{kind:?}");
        assert_eq!((recorder.program, recorder.lines), (b"x".to_vec(), vec![b"hi".to_vec()]));
    }
}

#[test]
fn the_start_info_tells_command_line_and_memory() {
    let guest = Guest::new(&[
        // cmp dword [ebx], magic
        &require(&with_operand(&[0x81, 0x3b], 0x336e_c578), 1),
        // mov esi, [ebx + 0x18]; cmp dword [esi], "abcd"
        &[0x8b, 0x73, 0x18],
        &require(&with_operand(&[0x81, 0x3e], u32::from_le_bytes(*b"abcd")), 2),
        // cmp dword [ebx + 0x0c], 0: no modules
        &require(&[0x83, 0x7b, 0x0c, 0x00], 3),
        // mov esi, [ebx + 0x28]; cmp dword [esi + 16], 1: the first range of the map is RAM
        &[0x8b, 0x73, 0x28],
        &require(&[0x83, 0x7e, 0x10, 0x01], 4),
        &exit(0),
    ]);
    guest.assert_ends_everywhere(|job| job.append = b"abcd ef".to_vec(), &End::Exited(0));
}

#[test]
fn an_initrd_is_the_module() {
    let guest = Guest::new(&[
        &require(&[0x83, 0x7b, 0x0c, 0x01], 1),
        // mov esi, [ebx + 0x10]; then cmp dword [esi + 8], 5: its size; mov esi, [esi]
        &[0x8b, 0x73, 0x10],
        &require(&[0x83, 0x7e, 0x08, 0x05], 2),
        &[0x8b, 0x36],
        &require(&with_operand(&[0x81, 0x3e], u32::from_le_bytes(*b"seed")), 3),
        &exit(0),
    ]);
    let initrd = guest.file("initrd", b"seed\n");
    guest.assert_ends_everywhere(|job| job.initrd = Some(initrd.clone()), &End::Exited(0));
}

/// A note by which the kernel does not use memory from 8 MiB on before it asks for it.
const EARLY_MEMORY: &[u8] = b"\x08\0\0\0\x08\0\0\0\x02\0\0\0seedvmm\0\0\0\x80\0\0\0\0\0";

#[test]
fn all_memory_is_there_when_it_is_asked_for() {
    let guest = Guest::with_notes(
        &[
            // mov dword [0x700000], 7; then mov dx, 0x505; out dx, al
            &[0xc7, 0x05, 0x00, 0x00, 0x70, 0x00, 7, 0, 0, 0],
            &[0x66, 0xba, 0x05, 0x05, 0xee],
            // mov dword [0x900000], 9; cmp dword [0x900000], 9
            &[0xc7, 0x05, 0x00, 0x00, 0x90, 0x00, 9, 0, 0, 0],
            &require(&[0x83, 0x3d, 0x00, 0x00, 0x90, 0x00, 9], 1),
            &require(&[0x83, 0x3d, 0x00, 0x00, 0x70, 0x00, 7], 2),
            &exit(0),
        ],
        EARLY_MEMORY,
    );
    guest.assert_ends_everywhere(|_| {}, &End::Exited(0));
}

#[test]
fn a_kernel_that_breaks_its_promise_about_memory_is_told_so() {
    // mov dword [0x900000], 9
    let early = [0xc7, 0x05, 0x00, 0x00, 0x90, 0x00, 9, 0, 0, 0];
    let guest = Guest::with_notes(&[&early, &exit(0)], EARLY_MEMORY);
    for (kind, outcome, _) in guest.run_everywhere(|_| {}) {
        match (kind, outcome.end) {
            (BackendKind::Kvm, End::GuestCrashed(why)) => {
                assert!(
                    why.starts_with("it used memory at 0x900000 that it had promised"),
                    "{why}"
                );
            }
            (BackendKind::QemuTcg | BackendKind::QemuKvm, End::Exited(0)) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_module_behind_the_early_memory_can_be_read() {
    let guest = Guest::with_notes(
        &[
            // mov esi, [ebx + 0x10]; mov esi, [esi]; cmp dword [esi], "seed"
            &[0x8b, 0x73, 0x10, 0x8b, 0x36],
            &require(&with_operand(&[0x81, 0x3e], u32::from_le_bytes(*b"seed")), 1),
            &exit(0),
        ],
        EARLY_MEMORY,
    );
    let initrd = guest.file("initrd", b"seed\n");
    guest.assert_ends_everywhere(|job| job.initrd = Some(initrd.clone()), &End::Exited(0));
}

#[test]
fn disks_take_the_slots_from_the_last_downwards() {
    // mov eax, [address]; cmp eax, value
    let device_id = |address: u32, value: u8, otherwise| {
        [with_operand(&[0xa1], address), require(&[0x83, 0xf8, value], otherwise)].concat()
    };
    let guest = Guest::new(&[
        &device_id(0xfeb0_0e08, 2, 1),
        &device_id(0xfeb0_0c08, 2, 2),
        &device_id(0xfeb0_0a08, 0, 3),
        &exit(0),
    ]);
    let (input, output) = (guest.file("in", b"x"), guest.file("out", &[0; 1024]));
    guest.assert_ends_everywhere(
        |job| {
            job.input = Some(DiskSource::Path(input.clone()));
            job.output = Some(DiskSource::Path(output.clone()));
        },
        &End::Exited(0),
    );
    assert_eq!(std::fs::read(output).unwrap(), [0; 1024]);
}

#[test]
fn absent_ports_read_ones_and_ignore_writes() {
    // mov dx, 0x1234; out dx, al; in al, dx; cmp al, 0xff
    let probe = [0x66, 0xba, 0x34, 0x12, 0xee, 0xec];
    let guest = Guest::new(&[&probe, &require(&[0x3c, 0xff], 1), &exit(0)]);
    for (kind, outcome, _) in guest.run_everywhere(|_| {}) {
        assert_eq!(outcome.end, End::Exited(0), "{kind:?}");
        assert!(outcome.exits.is_none_or(|exits| exits.absent_ports == 2), "{:?}", outcome.exits);
    }
}

#[test]
fn the_processor_is_the_profile_on_kvm() {
    // xor eax, eax; cpuid; cmp ebx, "Auth"
    let compare = with_operand(&[0x31, 0xc0, 0x0f, 0xa2, 0x81, 0xfb], u32::from_le_bytes(*b"Auth"));
    let guest = Guest::new(&[&require(&compare, 1), &exit(0)]);
    for (kind, outcome, _) in guest.run_everywhere(|_| {}) {
        assert!(kind != BackendKind::Kvm || outcome.end == End::Exited(0), "{:?}", outcome.end);
    }
}

#[test]
fn memory_continues_behind_the_hole() {
    let guest = Guest::new(&[&exit(0)]);
    for (backend, accel) in backends().into_iter().filter(|(kind, _)| *kind == BackendChoice::Kvm) {
        let job = Job { backend, accel, memory_mib: 4096, ..guest.job() };
        let outcome = engine::run(&job, Instant::now(), &mut Recorder::default()).unwrap();
        assert_eq!(outcome.end, End::Exited(0));
    }
}

#[test]
fn a_triple_fault_is_a_crash() {
    // lidt [zeros]; ud2
    let guest =
        Guest::new(&[&print(b"a"), &with_operand(&[0x0f, 0x01, 0x1d], ZEROS), &[0x0f, 0x0b]]);
    for (kind, outcome, recorder) in guest.run_everywhere(|_| {}) {
        assert_eq!(outcome.end.status(), 125, "{kind:?}");
        assert!(outcome.end.to_string().contains("triple fault"), "{kind:?}: {}", outcome.end);
        assert_eq!(recorder.program, b"a");
    }
}

#[test]
fn a_halt_is_a_crash_on_kvm() {
    let guest = Guest::new(&[&[0xfa, 0xf4]]);
    let limit = Duration::from_millis(500);
    // On KVM the halt is what ends it, however long a busy host takes to notice.
    let limit_qemu = |job: &mut Job| {
        if job.backend == BackendChoice::Qemu {
            job.timeout = Some(limit);
        }
    };
    for (kind, outcome, _) in guest.run_everywhere(limit_qemu) {
        match kind {
            BackendKind::Kvm => assert!(outcome.end.to_string().contains("halted")),
            _ => assert_eq!(outcome.end, End::TimeLimit(limit)),
        }
    }
}

#[test]
fn the_time_limit_ends_a_spinning_guest() {
    let guest = Guest::new(&[&print(b"\x1eseedker"), &[0xeb, 0xfe]]);
    let mut limit = Duration::from_millis(500);
    loop {
        let runs = guest.run_everywhere(|job| job.timeout = Some(limit));
        for (kind, outcome, _) in &runs {
            assert_eq!(outcome.end, End::TimeLimit(limit), "{kind:?}");
            assert_eq!(outcome.end.status(), 124);
        }
        // The limit counts from before the machine is there, and on a busy host that takes its time.
        if runs.iter().all(|(_, _, recorder)| recorder.program == b"\x1eseedker") {
            break;
        }
        limit *= 2;
        assert!(limit < Duration::from_secs(60), "the text does not come: {runs:?}");
    }
}

#[test]
fn a_console_that_fails_ends_the_run() {
    struct Broken;
    impl Console for Broken {
        fn write_program(&mut self, _bytes: &[u8]) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn write_kernel_line(&mut self, _text: &[u8]) -> io::Result<()> {
            Ok(())
        }
    }
    let guest = Guest::new(&[&print(b"a"), &[0xeb, 0xfe]]);
    for (backend, accel) in backends() {
        let job = Job { backend, accel, ..guest.job() };
        let end = engine::run(&job, Instant::now(), &mut Broken).unwrap().end;
        assert_eq!((end.class(), end.status()), ("host-failed", 125));
    }
}

#[test]
fn the_report_tells_the_run_and_also_why_there_was_none() {
    let guest = Guest::new(&[&exit(7)]);
    let report = guest.folder.path().join("report.json");
    let read = || -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap()
    };
    for (backend, accel) in backends() {
        let job = Job { backend, accel, report: Some(report.clone()), ..guest.job() };
        let outcome = engine::run(&job, Instant::now(), &mut Recorder::default()).unwrap();
        let value = read();
        assert_eq!(value["backend"], outcome.backend.name());
        assert_eq!(value["end"]["class"], "exited");
        assert_eq!(value["end"]["status"], 7);
        assert_eq!(value["kernel"]["sha256"].as_str().unwrap().len(), 64);
    }
    let job = Job { report: Some(report.clone()), memory_mib: 1, ..guest.job() };
    assert!(engine::run(&job, Instant::now(), &mut Recorder::default()).is_err());
    assert_eq!(read()["end"]["class"], "not-started");
    assert!(read()["end"]["message"].as_str().unwrap().contains("guest memory of 1 MiB"));
}
