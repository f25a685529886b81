// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The command line: its options, their values and its help.
//!
//! Statuses 1 to 123 belong to the guest's program, so a wrong command line ends with 125 like
//! every other failure of seedvmm's own, and with one line that names what is wrong.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand};
use seedvmm::engine::{Accel, BackendChoice, DEFAULT_MEMORY_MIB};
use seedvmm::processor::CpuProfile;

/// What is still said after `-h`.
const MORE_HELP: &str = "See 'seedvmm --help' for examples and the meaning of the exit status.";

/// What closes `--help`.
const LONG_HELP: &str = "\
EXAMPLES
  Run a program of this computer on one file; what it writes below out/ lands in result/:
    seedvmm run --in notes.txt --out result -- \\
      busybox sh -c 'sort in/notes.txt > out/sorted'

  The same in single steps, with disk images as files:
    seedvmm pack folder in.img
    truncate -s 64M out.img
    seedvmm --in in.img --out out.img --timeout 60 --report report.json
    seedvmm unpack out.img result

  Start a kernel of your own and tell it which program to run:
    seedvmm --kernel kernel.elf --in in.img --out out.img --append \"init in/combined.scm\"

  Use a folder as the root file system, with QEMU as the machine:
    seedvmm run --root rootfs --export etc --out result --backend qemu -- /bin/sh /build.sh

  Find out what this computer can do:
    seedvmm doctor

EXIT STATUS
  0 to 255  the program's own status, exactly
  128 + n   signal n killed the program
  124       the time limit passed
  125       seedvmm, this computer, an image or the kernel failed
  126       the program is there and cannot be executed
  127       the program was not found

  When a status from 124 on could mean more than one of these, the last line on standard error
  says which it was, and so does the report.";

/// What `run --help` says about delivery.
const RUN_HELP: &str = "\
PROG becomes /init and is looked up on PATH if its name has no slash; with --root it is a path
inside that folder. It runs in / and finds the --in files below in/.

What the program left below out/ is delivered to --out DIR when it exited, with whatever status;
nothing is delivered when it was killed or the machine failed. Nothing in DIR is overwritten.

What is piped in reaches PROG when it reads. A terminal reaches it only with -i.

EXAMPLES
  seedvmm run --in notes.txt -- busybox sha256sum in/notes.txt
  seedvmm run --in src --out build --env CC=tcc --timeout 60 -- busybox sh in/src/build.sh
  seedvmm run --root rootfs --export usr/local --out result -- /bin/sh -c 'make install'
  seedvmm run -i -- busybox sh

The exit status is explained in 'seedvmm --help'.";

/// What the command line asks for.
#[derive(Debug)]
pub(crate) enum Request {
    /// Run a command.
    Run(Box<Cli>),
    /// Print this text to standard output and succeed.
    Answer(String),
    /// Say why it cannot be done.
    Refuse(String),
}

/// Run one program, on exactly the files it was given, in a machine of its own.
#[derive(Debug, Parser)]
#[command(
    name = "seedvmm",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_value_name = "COMMAND",
    subcommand_help_heading = "Commands",
    override_usage = "seedvmm --in IMG [--out IMG] [OPTIONS]\n       seedvmm COMMAND ...",
    after_help = MORE_HELP,
    after_long_help = LONG_HELP
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) boot: BootOptions,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Pack files, run a program on them, unpack what it made
    Run(Box<RunOptions>),
    /// Pack a folder into an image: the same files give the same bytes
    Pack(PackOptions),
    /// Unpack an image into a folder, safely
    Unpack(UnpackOptions),
    /// Tell which backends this computer has, and how to get those that it lacks
    Doctor(DoctorOptions),
}

/// Options of the main job.
#[derive(Args, Debug)]
pub(crate) struct BootOptions {
    /// Input disk: a cpio archive in newc format, opened read-only
    #[arg(long = "in", value_name = "IMG")]
    pub(crate) input: Option<PathBuf>,
    /// Output disk: an existing file or device, large enough for the result
    #[arg(long = "out", value_name = "IMG")]
    pub(crate) output: Option<PathBuf>,
    /// Give the archive to the kernel as a module in memory instead of a disk
    #[arg(long, value_name = "FILE", conflicts_with = "input")]
    pub(crate) initrd: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) machine: MachineOptions,
}

/// Options of every command that starts a machine.
#[derive(Args, Debug)]
pub(crate) struct MachineOptions {
    /// Kernel to start instead of the one in this program: ELF with a PVH note
    #[arg(long, value_name = "FILE")]
    pub(crate) kernel: Option<PathBuf>,
    /// Command line for the kernel; its words become the program's arguments
    #[arg(long, value_name = "STRING", allow_hyphen_values = true)]
    pub(crate) append: Option<OsString>,
    /// Guest memory in MiB, or with a unit, as in 512M or 2G
    #[arg(long = "mem", value_name = "SIZE", value_parser = parse_memory,
          default_value_t = MemoryMib(DEFAULT_MEMORY_MIB), allow_hyphen_values = true)]
    pub(crate) memory: MemoryMib,
    /// Processor that the guest sees: base, v2, v3 (levels of x86-64), or host, which varies
    #[arg(long, value_name = "NAME", default_value = CpuProfile::Base.name(),
          hide_possible_values = true, value_parser = cpu_parser())]
    pub(crate) cpu: CpuProfile,
    /// Stop the guest after this time, as in 10 or 0.5, and exit with 124
    #[arg(long, value_name = "SECONDS", value_parser = parse_timeout, allow_hyphen_values = true)]
    pub(crate) timeout: Option<Duration>,
    /// Write every byte of the serial port to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) transcript: Option<PathBuf>,
    /// Write a report of the run, as JSON, to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// What runs the machine: kvm, qemu, or auto, which is KVM if usable, else QEMU
    #[arg(long, value_name = "NAME", default_value = "auto", hide_possible_values = true,
          hide_default_value = true, value_parser = backend_parser())]
    pub(crate) backend: BackendChoice,
    /// How QEMU, if it is used, executes the guest: kvm, tcg, or auto
    #[arg(long, value_name = "NAME", default_value = "auto", hide_possible_values = true,
          hide_default_value = true, value_parser = accel_parser())]
    pub(crate) accel: Accel,
    /// Say on standard error what is done; twice for more
    #[arg(short, long, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// Options of `seedvmm run`.
#[derive(Args, Debug)]
#[command(
    override_usage = "seedvmm run [--in PATH]... [--out DIR] [OPTIONS] -- PROG [ARGS]...",
    after_help = MORE_HELP,
    after_long_help = RUN_HELP
)]
pub(crate) struct RunOptions {
    /// File or folder to put below in/, under its own name; may be repeated
    #[arg(long = "in", value_name = "PATH")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Folder for what the program left below out/; created if missing
    #[arg(long = "out", value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Folder whose contents become the root file system
    #[arg(long, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    /// Path to bring back instead of out/, to its own place below DIR; may be repeated
    #[arg(long = "export", value_name = "PATH", requires = "output")]
    pub(crate) exports: Vec<OsString>,
    /// Seed of the random numbers that the program gets, the same in every run otherwise
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,

    /// Let the program use this terminal; Ctrl-] three times ends the run
    #[arg(short, long)]
    pub(crate) interactive: bool,
    /// The program's clock: virtual, so that runs repeat, or host; host where it has a terminal
    #[arg(long, value_name = "NAME", hide_possible_values = true, value_parser = clock_parser())]
    pub(crate) clock: Option<Clock>,
    /// Variable for the program's environment, which is empty otherwise; may be repeated
    #[arg(long = "env", value_name = "KEY=VALUE")]
    pub(crate) environment: Vec<OsString>,
    /// Folder of the guest in which the program starts
    #[arg(long = "cwd", value_name = "DIR")]
    pub(crate) working_folder: Option<OsString>,
    #[command(flatten)]
    pub(crate) machine: MachineOptions,
    /// Program to run and its arguments
    #[arg(last = true, required = true, value_name = "PROG [ARGS]")]
    pub(crate) program: Vec<OsString>,
}

/// Options of `seedvmm pack`.
#[derive(Args, Debug)]
pub(crate) struct PackOptions {
    /// Folder whose contents become the root of the archive
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Image to write
    #[arg(value_name = "IMG")]
    pub(crate) image: PathBuf,
}

/// Options of `seedvmm unpack`.
#[derive(Args, Debug)]
pub(crate) struct UnpackOptions {
    /// Image to read
    #[arg(value_name = "IMG")]
    pub(crate) image: PathBuf,
    /// Folder to unpack to; created if missing, and nothing in it is overwritten
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

/// Options of `seedvmm doctor`.
#[derive(Args, Debug)]
pub(crate) struct DoctorOptions {
    /// Print the findings as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What the guest's clock goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    /// System calls.
    Virtual,
    /// The host's clock.
    Host,
}

/// A size of guest memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemoryMib(pub(crate) u64);

impl std::fmt::Display for MemoryMib {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Reads the command line.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Request {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let Some(first) = arguments.get(1) else {
        let help = Cli::command().render_help().to_string();
        return Request::Refuse(format!("nothing to do\n\n{help}"));
    };
    match Cli::try_parse_from(&arguments) {
        Ok(cli) if cli.command.is_none() && !cli.boot.has_input() => Request::Refuse(
            "no input: give --in IMG or --initrd FILE, or let 'seedvmm run' pack files for you \
             (see 'seedvmm --help')"
                .to_owned(),
        ),
        Ok(cli) => Request::Run(Box::new(cli)),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                Request::Answer(error.render().to_string())
            }
            _ => Request::Refuse(format!("{} (see '{}')", one_line(&error), help_for(first))),
        },
    }
}

impl BootOptions {
    const fn has_input(&self) -> bool {
        self.input.is_some() || self.initrd.is_some()
    }
}

/// What clap says about a wrong command line, tips included, without its usage and line breaks.
fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let is_said = |part: &&str| !part.starts_with("Usage:") && !part.starts_with("For more");
    let words = |part: &str| part.split_whitespace().collect::<Vec<_>>().join(" ");
    let said: Vec<String> = text.split("\n\n").take_while(is_said).map(words).collect();
    said.join("; ")
}

/// The command line that explains the one that starts with `first`.
fn help_for(first: &OsStr) -> String {
    match first.to_str().filter(|&name| Cli::command().find_subcommand(name).is_some()) {
        Some(name) => format!("seedvmm {name} --help"),
        None => "seedvmm --help".to_owned(),
    }
}

fn backend_parser() -> impl TypedValueParser<Value = BackendChoice> {
    PossibleValuesParser::new(["auto", "kvm", "qemu"]).map(|name| match name.as_str() {
        "kvm" => BackendChoice::Kvm,
        "qemu" => BackendChoice::Qemu,
        _ => BackendChoice::Auto,
    })
}

fn clock_parser() -> impl TypedValueParser<Value = Clock> {
    PossibleValuesParser::new(["virtual", "host"]).map(|name| match name.as_str() {
        "host" => Clock::Host,
        _ => Clock::Virtual,
    })
}

fn accel_parser() -> impl TypedValueParser<Value = Accel> {
    PossibleValuesParser::new(["auto", "kvm", "tcg"]).map(|name| match name.as_str() {
        "kvm" => Accel::Kvm,
        "tcg" => Accel::Tcg,
        _ => Accel::Auto,
    })
}

fn cpu_parser() -> impl TypedValueParser<Value = CpuProfile> {
    PossibleValuesParser::new(CpuProfile::ALL.map(CpuProfile::name))
        .map(|name| CpuProfile::from_name(&name).expect("only names of profiles are possible"))
}

/// Reads a size of memory: MiB, or a number with the unit M or G, as in `2G`, `2GB` or `2GiB`.
fn parse_memory(text: &str) -> Result<MemoryMib, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit_mib = match unit.to_ascii_uppercase().as_str() {
        "" | "M" | "MB" | "MIB" => 1,
        "G" | "GB" | "GIB" => 1024,
        _ => return Err("give a number of MiB, or a size such as 512M or 2G".to_owned()),
    };
    if number.is_empty() {
        return Err("give a number of MiB, or a size such as 512M or 2G".to_owned());
    }
    let size = number.parse::<u64>().ok().and_then(|count| count.checked_mul(unit_mib));
    match size {
        Some(0) => Err("a machine needs memory".to_owned()),
        Some(size) => Ok(MemoryMib(size)),
        None => Err("no computer has that much memory".to_owned()),
    }
}

/// Reads a time in seconds, fractions allowed.
fn parse_timeout(text: &str) -> Result<Duration, String> {
    let limit = text
        .parse::<f64>()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or("give a number of seconds, such as 10 or 0.5")?;
    if limit.is_zero() { Err("the time limit must be above 0".to_owned()) } else { Ok(limit) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(words: &[&str]) -> Request {
        parse(std::iter::once("seedvmm").chain(words.iter().copied()).map(OsString::from))
    }

    fn accepted(words: &[&str]) -> Cli {
        match parse_words(words) {
            Request::Run(cli) => *cli,
            other => panic!("{words:?}: {other:?}"),
        }
    }

    fn refused(words: &[&str]) -> String {
        match parse_words(words) {
            Request::Refuse(text) => text,
            other => panic!("{words:?}: {other:?}"),
        }
    }

    fn run(words: &[&str]) -> RunOptions {
        match accepted(words).command {
            Some(Command::Run(options)) => *options,
            other => panic!("{words:?}: {other:?}"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_main_job_takes_the_reference_options() {
        let cli = accepted(&[
            "--kernel",
            "k",
            "--in",
            "i",
            "--out",
            "o",
            "--append",
            "-x init",
            "--mem",
            "2G",
            "--timeout",
            "0.25",
            "--backend",
            "qemu",
            "--accel",
            "tcg",
            "-vv",
        ]);
        let machine = cli.boot.machine;
        assert_eq!(cli.boot.input, Some("i".into()));
        assert_eq!(machine.append, Some("-x init".into()));
        assert_eq!(machine.memory, MemoryMib(2048));
        assert_eq!(machine.timeout, Some(Duration::from_millis(250)));
        assert_eq!((machine.backend, machine.accel), (BackendChoice::Qemu, Accel::Tcg));
        assert_eq!(machine.verbose, 2);
    }

    #[test]
    fn sizes_of_memory_are_read() {
        for (text, mib) in [("64", 64), ("512M", 512), ("1GiB", 1024), ("3g", 3072), ("7mb", 7)] {
            assert_eq!(accepted(&["--in", "i", "--mem", text]).boot.machine.memory, MemoryMib(mib));
        }
        for text in ["", "0", "0G", "M", "-1", "1.5G", "12T", "1 G", "99999999999999999999"] {
            let message = refused(&["--in", "i", "--mem", text]);
            assert!(message.contains("--mem"), "{message}");
            assert_eq!(message.lines().count(), 1, "{message}");
        }
        assert_eq!(accepted(&["--in", "i"]).boot.machine.memory, MemoryMib(512));
    }

    #[test]
    fn times_are_read() {
        for text in ["0", "-1", "nan", "inf", "x", "1e30", ""] {
            let message = refused(&["--in", "i", "--timeout", text]);
            assert!(message.contains("--timeout"), "{message}");
            assert_eq!(message.lines().count(), 1, "{message}");
        }
    }

    #[test]
    fn a_missing_input_is_named() {
        for words in [&["--out", "o"][..], &["-v"]] {
            let message = refused(words);
            assert!(message.contains("--in IMG") && message.contains("seedvmm run"), "{message}");
        }
        assert!(refused(&[]).contains("Usage:"));
        assert_eq!(accepted(&["--initrd", "i"]).boot.initrd, Some("i".into()));
    }

    #[test]
    fn wrong_words_are_one_line_each() {
        for (words, expected) in [
            (&["--nonsense"][..], "--nonsense"),
            (&["nonsense"], "nonsense"),
            (&["--in"], "--in"),
            (&["--in", "a", "--in", "b"], "--in"),
            (&["--in", "a", "--initrd", "b"], "--initrd"),
            (&["--in", "a", "--backend", "xen"], "auto, kvm, qemu"),
            (&["--in", "a", "run", "--", "x"], "run"),
            (&["run"], "PROG"),
            (&["run", "--"], "PROG"),
            (&["run", "x"], "'seedvmm run --help'"),
            (&["run", "--export", "a", "--", "x"], "--out"),
            (&["pack", "a"], "<IMG>"),
            (&["unpack"], "<IMG> <DIR>"),
        ] {
            let message = refused(words);
            assert!(message.contains(expected), "{words:?}: {message}");
            assert_eq!(message.lines().count(), 1, "{message}");
        }
    }

    #[test]
    fn the_programs_own_options_stay_with_it() {
        let options =
            run(&["run", "--in", "a", "--in", "b", "--out", "o", "--", "sh", "-c", "--", "--in"]);
        assert_eq!(options.program, ["sh", "-c", "--", "--in"]);
        assert_eq!(options.inputs, [PathBuf::from("a"), PathBuf::from("b")]);
    }

    #[test]
    fn help_and_version_are_answers() {
        for words in [&["-h"][..], &["--help"], &["--version"], &["run", "--help"], &["help"]] {
            assert!(matches!(parse_words(words), Request::Answer(_)), "{words:?}");
        }
        let Request::Answer(help) = parse_words(&["--help"]) else { panic!("no help") };
        assert!(help.contains("EXAMPLES") && help.contains("EXIT STATUS"), "{help}");
        assert!(help.lines().all(|line| line.len() <= 100), "{help}");
    }
}
