// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The main job: `seedvmm --kernel K --in IN --out OUT --append ...`, and the same by the reference
//! command line of QEMU without seedvmm.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use seed_tests::archive::{self, Contents, Writer};
use seed_tests::backend::{self, Backend};
use seed_tests::case::Case;
use seed_tests::paths::{self, Scratch};
use seed_tests::process::{self, Outcome};
use seed_tests::program::{self, Program};

#[test]
fn a_kernel_file_does_what_the_embedded_one_does() {
    let kernel = paths::kernel();
    let run = |options: &[&str]| {
        let case = Case::new(Program::Musl("words")).append("words a").options(options);
        case.file("in/a", b"a rose is a rose\n").run()
    };
    let given = run(&["--kernel", kernel.to_str().unwrap()]);
    let embedded = run(&[]);
    assert_eq!(given.stdout, embedded.stdout);
    assert!(given.contents == embedded.contents);
}

#[test]
fn the_archive_can_be_a_module() {
    for &backend in backend::available() {
        let scratch = Scratch::new();
        let image = scratch.write("in.cpio", &input(program::bytes(Program::Musl("words"))));
        let output = scratch.disk("out.img", 1 << 20);
        let mut command = Command::new(paths::seedvmm());
        command.args(backend.options()).arg("--initrd").arg(&image).arg("--out").arg(&output);
        process::run(command.args(["--append", "words"]), LIMIT).expect_status(0);
        assert!(read(&output).files().contains_key("out/words"), "{backend}");
    }
}

#[test]
fn the_input_disk_is_left_alone_and_may_be_read_only() {
    for &backend in backend::available() {
        let scratch = Scratch::new();
        let bytes = input(program::bytes(Program::Bare("hello")));
        let image = scratch.write("in.img", &bytes);
        let mut permissions = fs::metadata(&image).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&image, permissions).unwrap();
        let output = scratch.disk("out.img", 1 << 16);
        let mut command = Command::new(paths::seedvmm());
        command.args(backend.options()).arg("--in").arg(&image).arg("--out").arg(&output);
        process::run(&mut command, LIMIT).expect_status(0);
        assert!(fs::read(&image).unwrap() == bytes, "{backend} changed the input disk");
    }
}

#[test]
fn old_bytes_behind_the_archive_do_no_harm() {
    for &backend in backend::available() {
        let scratch = Scratch::new();
        let image = scratch.write("in.img", &input(program::bytes(Program::Musl("words"))));
        let output = scratch.write("out.img", &vec![0xa5; 1 << 20]);
        let mut command = Command::new(paths::seedvmm());
        command.args(backend.options()).arg("--in").arg(&image).arg("--out").arg(&output);
        process::run(&mut command, LIMIT).expect_status(0);
        let contents = archive::read(&fs::read(&output).unwrap()).unwrap();
        assert!(contents.files().contains_key("out/words"), "{backend}");
    }
}

#[test]
fn the_reference_command_line_boots_the_kernel() {
    let accelerators = [(Backend::QemuTcg, "tcg", "max"), (Backend::QemuKvm, "kvm", KVM_CPU)];
    for (backend, accelerator, cpu) in accelerators {
        if !backend::has(backend) {
            continue;
        }
        for status in [0, 42, 126] {
            let scratch = Scratch::new();
            let append = format!("exit {status}");
            let image = input(program::bytes(Program::Bare("exit")));
            let outcome = reference(&scratch, &image, accelerator, cpu, &append);
            outcome.expect_status(status << 1 | 1);
            assert!(
                read(&scratch.join("out.img")).order.iter().all(|name| name.starts_with("out"))
            );
        }
        // What seven bits cannot hold stands on the last line, which starts with 0x1e.
        let scratch = Scratch::new();
        let image = input(program::bytes(Program::Bare("exit")));
        let outcome = reference(&scratch, &image, accelerator, cpu, "exit 200");
        outcome.expect_status(0xff);
        let text = outcome.stdout_text();
        assert!(text.ends_with("\u{1e}seedkernel: end exited 200\n"), "{outcome}");
    }
}

#[test]
fn the_reference_command_line_makes_the_same_output_disk() {
    if !backend::has(Backend::QemuTcg) {
        return;
    }
    let case = Case::new(Program::Musl("words")).append("words a b").file("in/text", TEXT);
    let ours = case.run();
    let scratch = Scratch::new();
    let image = input(program::bytes(Program::Musl("words")));
    let outcome = reference(&scratch, &image, "tcg", "max", "words a b");
    outcome.expect_status(1);
    assert_eq!(outcome.stdout, ours.stdout);
    assert!(read(&scratch.join("out.img")) == ours.contents);
}

const LIMIT: Duration = Duration::from_secs(60);
const TEXT: &[u8] = b"a rose is a rose\n";
/// The host's CPU without the one feature whose register some KVMs refuse.
const KVM_CPU: &str = "host,-arch-capabilities";

fn input(program: Vec<u8>) -> Vec<u8> {
    let folders = Writer::default().entry("in", 0o40_755, b"").entry("out", 0o40_755, b"");
    folders.program("init", &program).file("in/text", TEXT).finish()
}

fn read(output: &Path) -> Contents {
    let bytes = fs::read(output).expect("the output disk is ours");
    archive::read_canonical(&bytes).expect("the output disk holds an archive")
}

fn reference(scratch: &Scratch, image: &[u8], accel: &str, cpu: &str, append: &str) -> Outcome {
    let machine = "microvm,acpi=off,pic=off,pit=off,rtc=off,isa-serial=on,auto-kernel-cmdline=off";
    let image = scratch.write("in.img", image);
    let output = scratch.disk("out.img", 4 << 20);
    let mut command = Command::new("qemu-system-x86_64");
    command.args(["-machine", machine, "-accel", accel, "-cpu", cpu, "-m", "2048M"]);
    command.args(["-nodefaults", "-no-user-config", "-display", "none"]);
    command.args(["-serial", "stdio", "-no-reboot"]);
    command.args(["-global", "virtio-mmio.force-legacy=false"]);
    command.args(["-device", "isa-debug-exit,iobase=0x501,iosize=2"]).arg("-kernel");
    command.arg(paths::kernel());
    command.arg("-drive");
    command.arg(format!("file={},if=none,format=raw,id=hd0,readonly=on", image.display()));
    command.args(["-device", "virtio-blk-device,drive=hd0", "-drive"]);
    command.arg(format!("file={},if=none,format=raw,id=hd1", output.display()));
    command.args(["-device", "virtio-blk-device,drive=hd1", "-append", append]);
    process::run(&mut command, LIMIT)
}
