// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Tests of what a run packs: the guest's files and settings, for a given command line.

use super::*;
use std::os::unix::fs::PermissionsExt;

use crate::cli::{Cli, Command, Request, parse};

/// A place with a program, two folders with a file of the same name, and a root.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        for (name, mode) in [
            ("prog", 0o755),
            ("a/file", 0o644),
            ("b/file", 0o644),
            ("root/bin/sh", 0o755),
            ("root/etc/hosts", 0o644),
        ] {
            let path = place.folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, name).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        place
    }

    /// Options as typed, with each `@` standing for the place's own path.
    fn options(&self, line: &str) -> RunOptions {
        let here = self.folder.path().to_str().unwrap();
        let line = line.replace('@', here);
        let words = ["seedvmm", "run"].into_iter().chain(line.split(' ')).map(OsString::from);
        match parse(words) {
            Request::Run(cli) => match *cli {
                Cli { command: Some(Command::Run(options)), .. } => *options,
                other => panic!("{other:?}"),
            },
            other => panic!("{line}: {other:?}"),
        }
    }

    /// Names in the packed input, and the settings.
    fn packed(&self, line: &str) -> (Vec<String>, String) {
        use std::os::unix::fs::FileExt;
        let image = pack_input(&self.options(line), Stdin::Ended).unwrap();
        let mut bytes = vec![0; image.metadata().unwrap().len().try_into().unwrap()];
        image.read_exact_at(&mut bytes, 0).unwrap();
        let mut reader = seed_protocols::cpio::Reader::new(&bytes);
        let (mut names, mut settings) = (Vec::new(), String::new());
        while let Some(entry) = reader.read_entry().unwrap() {
            if entry.name == b".seedvmm" {
                settings = String::from_utf8(entry.data.to_vec()).unwrap();
            } else {
                names.push(String::from_utf8(entry.name.to_vec()).unwrap());
            }
        }
        (names, settings)
    }

    fn error(&self, line: &str) -> RunError {
        pack_input(&self.options(line), Stdin::Ended).unwrap_err()
    }
}

#[test]
fn a_program_and_its_inputs_are_packed() {
    let place = Place::new();
    let (names, settings) =
        place.packed("--in @/a --in @/b/file --env X=0 --env X=1=2 -- @/prog in/a -v");
    assert_eq!(names, ["in", "in/a", "in/a/file", "in/file", "init"]);
    let typed = place.folder.path().join("prog");
    let expected = format!("arg={}\0arg=in/a\0arg=-v\0env=X=1=2\0", typed.display());
    assert_eq!(settings, expected);
}

#[test]
fn a_root_folder_keeps_its_layout() {
    let place = Place::new();
    let (names, settings) =
        place.packed("--root @/root --in @/a/file --cwd etc --export etc --out @/o -- bin/sh");
    assert_eq!(names, ["bin", "bin/sh", "etc", "etc/hosts", "in", "in/file"]);
    assert_eq!(settings, "path=/bin/sh\0arg=bin/sh\0cwd=/etc\0export=etc\0");
}

#[test]
fn what_cannot_run_is_found_before_a_machine_starts() {
    let place = Place::new();
    for (line, status, expected) in [
        ("-- @/none", 127, "none\" was not found"),
        ("-- @/a", 126, "it is a folder"),
        ("-- @/a/file", 126, "chmod +x"),
        ("--root @/root -- sh", 127, "in the --root folder"),
        ("--root @/root -- etc/hosts", 126, "chmod +x"),
        ("--root @/none -- sh", 125, "cannot list the folder"),
        ("--in @/none -- @/prog", 125, "none"),
        ("--in @/a/file --in @/b/file -- @/prog", 125, "two --in paths are named \"file\""),
        ("--in / -- @/prog", 125, "cannot use --in /"),
        ("--env X -- @/prog", 125, "KEY=VALUE"),
        ("--env =X -- @/prog", 125, "KEY=VALUE"),
        ("--out o --export ../x -- @/prog", 125, "--export"),
    ] {
        let error = place.error(line);
        assert_eq!(error.status(), status, "{line}: {error}");
        assert!(error.to_string().contains(expected), "{line}: {error}");
    }
    fs::write(place.folder.path().join("root/.seedvmm"), "").unwrap();
    assert!(matches!(place.error("--root @/root -- bin/sh"), RunError::SettingsTaken));
}

#[test]
fn only_what_lies_in_the_output_folder_is_delivered() {
    let place = Place::new();
    let image = |names: &[&[u8]]| {
        let mut tree = Tree::new();
        for name in names {
            tree.insert_bytes(name, b"made".to_vec()).unwrap();
        }
        let image = archive::memory_image("test", 0).unwrap();
        archive::pack(&tree, 0, &image, &mut |_| {}).unwrap();
        image
    };
    let end = End::Exited(3);
    let target = place.folder.path().join("target");
    let error = deliver(&end, &image(&[b"out/x", b"y"]), &[], &target).unwrap_err();
    assert!(matches!(error, RunError::Contents { .. }));
    assert!(error.to_string().starts_with("the program exited with status 3, but"));
    assert!(!target.exists());
    let error = deliver(&end, &image(&[b"out"]), &[], &target).unwrap_err();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("is not a folder"));
    deliver(&end, &image(&[b"out/x"]), &[], &target).unwrap();
    deliver(&end, &image(&[b"out/x", b"y"]), &[b".".to_vec()], &target).unwrap();
    for name in ["x", "out/x", "y"] {
        assert_eq!(fs::read(target.join(name)).unwrap(), b"made");
    }
    let error = deliver(&end, &image(&[b"out/x"]), &[], &target).unwrap_err();
    assert!(matches!(error, RunError::Deliver { .. }));
    let error = deliver(&end, &archive::memory_image("test", 512).unwrap(), &[], &target);
    assert!(matches!(error, Err(RunError::Read { .. })));
}
