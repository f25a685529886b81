// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Cases: a program, its files and arguments, and what must come of it, on every backend alike.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::archive::{self, Contents};
use crate::backend::{self, Backend};
use crate::paths::{self, Scratch};
use crate::process::{self, Outcome};
use crate::program::{self, Program};
use crate::timings;

/// Longest time that one run may take, if the case says nothing else.
const LIMIT: Duration = Duration::from_secs(60);

/// One program on its files; states what must come of it, then [`Case::run`].
#[derive(Clone, Debug)]
pub struct Case {
    program: Program,
    command_line: Option<String>,
    tree: BTreeMap<String, Node>,
    options: Vec<String>,
    backends: Vec<Backend>,
    host: Host,
    makers: Makers,
    status: i32,
    stdout: Option<Vec<u8>>,
    outputs: Option<BTreeMap<String, Vec<u8>>>,
    disk_bytes: u64,
    limit: Duration,
}

#[derive(Clone, Debug)]
enum Node {
    File { mode: u32, data: Vec<u8> },
    Link(String),
    Folder,
    Copy(PathBuf),
}

/// What a run on the host itself is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host {
    /// Nothing: the program counts on the seed kernel.
    Skip,
    /// Status only.
    SameStatus,
    /// Status, standard output and files.
    Same,
}

/// Who makes the input archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Makers {
    /// seedvmm, and for comparison the host's cpio.
    Both,
    /// seedvmm alone.
    Ours,
}

/// What came of a case, the same on all backends.
#[derive(Clone, Debug)]
pub struct Results {
    /// The program's output.
    pub stdout: Vec<u8>,
    /// The output archive.
    pub contents: Contents,
    /// The runs, for what may differ.
    pub runs: Vec<(Backend, Outcome)>,
}

impl Case {
    /// A program that is to exit with 0.
    #[must_use]
    pub fn new(program: Program) -> Self {
        Self {
            program,
            command_line: None,
            tree: BTreeMap::from([
                ("in".to_owned(), Node::Folder),
                ("out".to_owned(), Node::Folder),
            ]),
            options: Vec::new(),
            backends: backend::available().to_vec(),
            host: Host::Skip,
            makers: Makers::Both,
            status: 0,
            stdout: None,
            outputs: None,
            disk_bytes: 4 << 20,
            limit: LIMIT,
        }
    }

    /// The kernel's command line, from which `argv` is made.
    #[must_use]
    pub fn append(mut self, text: &str) -> Self {
        self.command_line = Some(text.to_owned());
        self
    }

    /// A file of the input.
    #[must_use]
    pub fn file(self, name: &str, data: &[u8]) -> Self {
        self.node(name, Node::File { mode: 0o644, data: data.to_vec() })
    }

    /// A program of the input, beside the one that is started.
    #[must_use]
    pub fn program(self, name: &str, program: Program) -> Self {
        self.copy(name, &program::path(program))
    }

    /// A file or folder of the host as part of the input; links to files become files.
    #[must_use]
    pub fn copy(self, name: &str, source: &Path) -> Self {
        self.node(name, Node::Copy(source.to_owned()))
    }

    /// A symbolic link of the input.
    #[must_use]
    pub fn link(self, name: &str, target: &str) -> Self {
        self.node(name, Node::Link(target.to_owned()))
    }

    /// An empty folder of the input.
    #[must_use]
    pub fn folder(self, name: &str) -> Self {
        self.node(name, Node::Folder)
    }

    fn node(mut self, name: &str, node: Node) -> Self {
        self.tree.insert(name.to_owned(), node);
        self
    }

    /// More options for seedvmm.
    #[must_use]
    pub fn options(mut self, options: &[&str]) -> Self {
        self.options.extend(options.iter().map(|&option| option.to_owned()));
        self
    }

    /// Leaves out a backend.
    #[must_use]
    pub fn not_on(mut self, backend: Backend) -> Self {
        self.backends.retain(|&other| other != backend);
        self
    }

    /// Leaves out the archive that the host's cpio makes: for what takes long and is not about files.
    #[must_use]
    pub fn packed_once(mut self) -> Self {
        self.makers = Makers::Ours;
        self
    }

    /// The program does the same on the host: status, output, files.
    #[must_use]
    pub fn same_on_host(mut self) -> Self {
        self.host = Host::Same;
        self
    }

    /// The program ends with the same status on the host, but prints something else.
    #[must_use]
    pub fn same_status_on_host(mut self) -> Self {
        self.host = Host::SameStatus;
        self
    }

    /// The status that must come.
    #[must_use]
    pub fn status(mut self, status: i32) -> Self {
        self.status = status;
        self
    }

    /// The standard output that must come, to the byte.
    #[must_use]
    pub fn stdout(mut self, bytes: &[u8]) -> Self {
        self.stdout = Some(bytes.to_vec());
        self
    }

    /// The files that must be on the output disk; without this call, what the host's run left.
    #[must_use]
    pub fn outputs(mut self, files: &[(&str, &[u8])]) -> Self {
        let pairs = files.iter().map(|&(name, data)| (name.to_owned(), data.to_vec()));
        self.outputs = Some(pairs.collect());
        self
    }

    /// Size of the output disk.
    #[must_use]
    pub fn disk(mut self, size_bytes: u64) -> Self {
        self.disk_bytes = size_bytes;
        self
    }

    /// Longest time for one run.
    #[must_use]
    pub fn limit(mut self, seconds: u64) -> Self {
        self.limit = Duration::from_secs(seconds);
        self
    }

    /// Runs the case everywhere and compares.
    ///
    /// # Panics
    /// Something is not as stated, or two runs differ.
    #[track_caller]
    pub fn run(self) -> Results {
        let scratch = Scratch::new();
        let tree = scratch.join("tree");
        self.lay_out(&tree);
        let images = self.pack(&scratch, &tree);

        let mut runs = Vec::new();
        let mut first: Option<(Vec<u8>, Contents)> = None;
        for &backend in &self.backends {
            for image in &images {
                let (outcome, contents) = self.run_on(backend, image, &scratch);
                timings::note(backend.name(), outcome.elapsed);
                match &first {
                    None => first = Some((outcome.stdout.clone(), contents)),
                    Some((stdout, same)) => {
                        assert!(*stdout == outcome.stdout, "{backend}: other output\n{outcome}");
                        assert!(
                            *same == contents,
                            "{backend}: other archive: {:?} instead of {:?}\n{outcome}",
                            summary(&contents),
                            summary(same)
                        );
                    }
                }
                runs.push((backend, outcome));
            }
        }
        let (stdout, contents) = first.expect("there is a backend");
        if let Some(wanted) = &self.stdout {
            assert!(*wanted == stdout, "standard output is not as wanted\n{}", runs[0].1);
        }
        if let Some(wanted) = &self.outputs {
            assert_eq!(*wanted, contents.files(), "files are not as wanted\n{}", runs[0].1);
        }
        self.compare_with_host(&tree, &stdout, &contents);
        Results { stdout, contents, runs }
    }

    /// Writes the input's files.
    fn lay_out(&self, tree: &Path) {
        let write = |name: &str, node: &Node| -> std::io::Result<()> {
            let path = tree.join(name);
            fs::create_dir_all(path.parent().expect("it is below the tree"))?;
            match node {
                Node::File { mode, data } => {
                    fs::write(&path, data)?;
                    fs::set_permissions(&path, fs::Permissions::from_mode(*mode))
                }
                Node::Link(target) => symlink(target, &path),
                Node::Folder => fs::create_dir_all(&path),
                Node::Copy(source) => copy(source, &path),
            }
        };
        let init = Node::File { mode: 0o755, data: program::bytes(self.program) };
        write("init", &init).expect("a scratch file can be written");
        for (name, node) in &self.tree {
            write(name, node).expect("a scratch file can be written");
        }
    }

    /// Makes the input image, by each of its makers.
    fn pack(&self, scratch: &Scratch, tree: &Path) -> Vec<PathBuf> {
        let ours = scratch.join("in-seedvmm.img");
        let mut command = Command::new(paths::seedvmm());
        command.arg("pack").arg(tree).arg(&ours);
        process::run(&mut command, self.limit).expect_status(0);
        match self.makers {
            Makers::Both => vec![ours, pack_with_cpio(tree, &scratch.join("in-cpio.img"))],
            Makers::Ours => vec![ours],
        }
    }

    #[track_caller]
    fn run_on(&self, backend: Backend, image: &Path, scratch: &Scratch) -> (Outcome, Contents) {
        let output = scratch.disk("out.img", self.disk_bytes);
        let mut command = Command::new(paths::seedvmm());
        command.args(backend.options()).arg("--in").arg(image).arg("--out").arg(&output);
        if let Some(text) = &self.command_line {
            command.args(["--append", text]);
        }
        let outcome = process::run(command.args(&self.options), self.limit);
        outcome.expect_status(self.status);
        let bytes = fs::read(&output).expect("the output disk is ours");
        let contents = archive::read_canonical(&bytes).unwrap_or_else(|error| {
            panic!("{backend}: the output disk holds no canonical archive: {error}\n{outcome}")
        });
        (outcome, contents)
    }

    #[track_caller]
    fn compare_with_host(&self, tree: &Path, stdout: &[u8], contents: &Contents) {
        if self.host == Host::Skip {
            return;
        }
        let native = self.run_on_host(tree);
        timings::note("host", native.elapsed);
        native.expect_status(self.status);
        if self.host == Host::Same {
            let ours = String::from_utf8_lossy(stdout);
            assert!(native.stdout == stdout, "instead of\n{ours}the host prints\n{native}");
            let (mut wanted, got) = (BTreeMap::new(), contents.files());
            collect_files(tree, &tree.join("out"), &mut wanted);
            let names = |files: &BTreeMap<String, Vec<u8>>| {
                files.iter().map(|(name, data)| (name.clone(), data.len())).collect::<Vec<_>>()
            };
            assert_eq!(names(&wanted), names(&got), "the host makes other files");
            assert!(wanted == got, "the host writes other bytes");
        }
    }

    /// Runs the program on the host, in its tree, with both kinds of output in one stream.
    fn run_on_host(&self, tree: &Path) -> Outcome {
        let text = self.command_line.clone().unwrap_or_else(|| "init".to_owned());
        let mut words = text.split_whitespace();
        let mut command = Command::new("bash");
        command.args(["-c", "exec -a \"$0\" ./init \"$@\" 2>&1"]);
        command.arg(words.next().unwrap_or("init")).args(words);
        command.current_dir(tree).env_clear().env("PATH", "/usr/bin:/bin");
        process::run(&mut command, self.limit)
    }
}

/// Makes an image with the host's cpio, names sorted.
///
/// # Panics
/// It fails.
#[must_use]
pub fn pack_with_cpio(tree: &Path, image: &Path) -> PathBuf {
    let script = "find . -mindepth 1 | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet > \"$0\"";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(image).current_dir(tree);
    process::run(&mut command, LIMIT).expect_status(0);
    image.to_owned()
}

/// Copies a file or a folder with all that it holds.
fn copy(source: &Path, target: &Path) -> std::io::Result<()> {
    if !source.is_dir() {
        return fs::copy(source, target).map(drop);
    }
    fs::create_dir_all(target)?;
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        copy(&entry.path(), &target.join(entry.file_name()))?;
    }
    Ok(())
}

/// Names and sizes, short enough to print.
fn summary(contents: &Contents) -> Vec<(String, u32, [u32; 4], usize)> {
    let entries = contents.entries.iter();
    entries.map(|(name, e)| (name.clone(), e.mode, e.ids, e.data.len())).collect()
}

fn collect_files(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let data = path.symlink_metadata().expect("it was just listed");
        if data.is_dir() {
            collect_files(root, &path, files);
        } else if data.is_file() && data.size() < 1 << 30 {
            let name = path.strip_prefix(root).expect("it is below the root");
            let bytes = fs::read(&path).expect("it was just listed");
            files.insert(name.to_string_lossy().into_owned(), bytes);
        }
    }
}
