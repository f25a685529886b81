// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The guest's console: one stream of bytes, parted into the program's output, the kernel's lines
//! and the end state.
//!
//! A kernel line starts with [`KERNEL_LINE_PREFIX`] and ends with a line feed; all else is the
//! program's. What is held back is bounded: a started prefix, a started kernel line of at most
//! [`LINE_MAX`] bytes, and the last line while it may turn out to be the end state. That line
//! counts only if nothing follows it before the debug exit; a program that prints such a line gains
//! nothing.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::{Path, PathBuf};

use seed_protocols::end::{DEBUG_EXIT_SEE_LINE, EndState, KERNEL_LINE_PREFIX};

use crate::end::End;
use crate::engine::Console;
use crate::signals::{raw_terminal, time_limit};

/// Longest kernel line in bytes that is passed on in one piece.
pub const LINE_MAX: usize = 4096;

/// Why the guest's bytes could not be passed on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller's console failed, for instance because its reader is gone.
    #[error("cannot pass on the guest's output")]
    Forward(#[source] io::Error),
    /// The transcript cannot be created.
    #[error("cannot create the transcript {path}", path = path.display())]
    CreateTranscript {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The transcript cannot be written.
    #[error("cannot write the transcript")]
    Transcript(#[source] io::Error),
}

/// Takes the guest's bytes and passes them on.
pub struct Output<'a> {
    splitter: Splitter,
    console: &'a mut dyn Console,
    transcript: Option<File>,
}

impl<'a> Output<'a> {
    /// An output to `console` and, if asked for, to a transcript that is created here.
    ///
    /// # Errors
    /// The transcript cannot be created.
    pub fn new(console: &'a mut dyn Console, transcript: Option<&Path>) -> Result<Self, Error> {
        let transcript = transcript
            .map(|path| {
                File::create(path)
                    .map_err(|source| Error::CreateTranscript { path: path.to_owned(), source })
            })
            .transpose()?;
        Ok(Self { splitter: Splitter::default(), console, transcript })
    }

    /// Takes what the guest sent and passes it on at once.
    ///
    /// # Errors
    /// It could not be passed on.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if let Some(file) = &mut self.transcript {
            write_all(file.as_fd(), bytes).map_err(Error::Transcript)?;
        }
        self.splitter.push(bytes, self.console).map_err(Error::Forward)
    }

    /// The end that `debug_exit_value` tells, together with the console's last line.
    ///
    /// # Errors
    /// What was held back could not be passed on.
    pub fn finish_with(&mut self, debug_exit_value: u16) -> Result<End, Error> {
        if let Some(state) = EndState::from_debug_exit(debug_exit_value) {
            self.finish()?;
            return Ok(state.into());
        }
        let end = match debug_exit_value {
            DEBUG_EXIT_SEE_LINE => self.splitter.take_end(),
            _ => None,
        };
        self.finish()?;
        Ok(end.unwrap_or_else(|| {
            End::GuestCrashed(format!(
                "it wrote {debug_exit_value:#x} to the debug-exit port without saying how it ended"
            ))
        }))
    }

    /// Passes on whatever was held back.
    ///
    /// # Errors
    /// It could not be passed on.
    pub fn finish(&mut self) -> Result<(), Error> {
        self.splitter.finish(self.console).map_err(Error::Forward)
    }
}

/// Parts the stream; what it holds back is bounded by [`LINE_MAX`].
#[derive(Debug, Default)]
struct Splitter {
    state: State,
    /// A complete line that is the end state unless a byte follows it.
    end_line: Option<Vec<u8>>,
}

#[derive(Debug)]
enum State {
    /// In the program's output, with this many bytes of the prefix seen and held back.
    Program { prefix_seen: usize },
    /// In a kernel line; `continued` if earlier pieces of it were passed on.
    Line { text: Vec<u8>, continued: bool },
}

impl Default for State {
    fn default() -> Self {
        Self::Program { prefix_seen: 0 }
    }
}

impl Splitter {
    fn push(&mut self, mut bytes: &[u8], console: &mut dyn Console) -> io::Result<()> {
        while !bytes.is_empty() {
            if let Some(line) = self.end_line.take() {
                console.write_kernel_line(&line)?;
            }
            bytes = match &mut self.state {
                State::Program { .. } => self.push_program(bytes, console)?,
                State::Line { .. } => self.push_line(bytes, console)?,
            };
        }
        Ok(())
    }

    /// Takes bytes up to the end of a prefix; returns the rest.
    fn push_program<'b>(
        &mut self,
        bytes: &'b [u8],
        console: &mut dyn Console,
    ) -> io::Result<&'b [u8]> {
        let State::Program { prefix_seen } = &mut self.state else { return Ok(bytes) };
        let expected = &KERNEL_LINE_PREFIX[*prefix_seen..];
        let matching = bytes.iter().zip(expected).take_while(|(byte, want)| byte == want).count();
        if matching == expected.len() {
            self.state = State::Line { text: Vec::new(), continued: false };
            return Ok(&bytes[matching..]);
        }
        *prefix_seen += matching;
        if matching == bytes.len() {
            return Ok(&[]);
        }
        // No match after all. The prefix has its first byte nowhere else, so that no shorter match
        // can hide in what was held back, and the next one starts at that byte at the earliest.
        let held = std::mem::take(prefix_seen);
        let rest = &bytes[matching..];
        if held > 0 {
            console.write_program(&KERNEL_LINE_PREFIX[..held])?;
            return Ok(rest);
        }
        let first = KERNEL_LINE_PREFIX[0];
        let length = rest.iter().position(|&byte| byte == first).unwrap_or(rest.len());
        console.write_program(&rest[..length])?;
        Ok(&rest[length..])
    }

    /// Takes bytes up to the end of the line; returns the rest.
    fn push_line<'b>(
        &mut self,
        bytes: &'b [u8],
        console: &mut dyn Console,
    ) -> io::Result<&'b [u8]> {
        let State::Line { text, continued } = &mut self.state else { return Ok(bytes) };
        let room = &bytes[..bytes.len().min(LINE_MAX - text.len())];
        let Some(length) = room.iter().position(|&byte| byte == b'\n') else {
            text.extend_from_slice(room);
            if text.len() == LINE_MAX {
                console.write_kernel_line(text)?;
                text.clear();
                *continued = true;
            }
            return Ok(&bytes[room.len()..]);
        };
        text.extend_from_slice(&room[..length]);
        let line = std::mem::take(text);
        let is_whole = !*continued;
        self.state = State::default();
        if is_whole && parse_end(&line).is_some() {
            self.end_line = Some(line);
        } else {
            console.write_kernel_line(&line)?;
        }
        Ok(&bytes[length + 1..])
    }

    fn take_end(&mut self) -> Option<End> {
        self.end_line.take().and_then(|line| parse_end(&line))
    }

    fn finish(&mut self, console: &mut dyn Console) -> io::Result<()> {
        if let Some(line) = self.end_line.take() {
            console.write_kernel_line(&line)?;
        }
        match std::mem::take(&mut self.state) {
            State::Program { prefix_seen: 0 } => Ok(()),
            State::Program { prefix_seen } => {
                console.write_program(&KERNEL_LINE_PREFIX[..prefix_seen])
            }
            State::Line { text, .. } if text.is_empty() => Ok(()),
            State::Line { text, .. } => console.write_kernel_line(&text),
        }
    }
}

fn parse_end(line: &[u8]) -> Option<End> {
    EndState::parse_line(std::str::from_utf8(line).ok()?).map(End::from)
}

/// The console on this process's standard output and standard error, unbuffered.
#[derive(Clone, Copy, Debug, Default)]
pub struct StandardStreams;

impl Console for StandardStreams {
    fn write_program(&mut self, bytes: &[u8]) -> io::Result<()> {
        write_all(rustix::stdio::stdout(), bytes)
    }

    fn write_kernel_line(&mut self, text: &[u8]) -> io::Result<()> {
        let name = &KERNEL_LINE_PREFIX[1..];
        let line_end: &[u8] = if raw_terminal::is_raw() { b"\r\n" } else { b"\n" };
        write_all(rustix::stdio::stderr(), &[name, text, line_end].concat())
    }
}

/// Writes all of `bytes`, or fails when the time limit passes while the reader is slow.
fn write_all(to: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(to, bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(length) => bytes = &bytes[length..],
            Err(rustix::io::Errno::INTR) if !time_limit::has_passed() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Eq)]
    struct Recorder {
        program: Vec<u8>,
        lines: Vec<Vec<u8>>,
    }

    impl Console for Recorder {
        fn write_program(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.program.extend_from_slice(bytes);
            Ok(())
        }

        fn write_kernel_line(&mut self, text: &[u8]) -> io::Result<()> {
            self.lines.push(text.to_vec());
            Ok(())
        }
    }

    /// Sends `pieces` and then `value`; returns program bytes, kernel lines and the end.
    fn run(pieces: &[&[u8]], value: u16) -> (Vec<u8>, Vec<Vec<u8>>, End) {
        let mut recorder = Recorder::default();
        let mut output = Output::new(&mut recorder, None).unwrap();
        for piece in pieces {
            output.push(piece).unwrap();
        }
        let end = output.finish_with(value).unwrap();
        (recorder.program, recorder.lines, end)
    }

    #[test]
    fn streams_are_parted_alike_wherever_the_bytes_are_cut() {
        let stream: &[u8] = b"a\x1e\x1eseed\x1eseedkernel: hi\nb\n\x1eseedkernel: end killed 9\n";
        let expected = (b"a\x1e\x1eseedb\n".to_vec(), vec![b"hi".to_vec()], End::Killed(9));
        for cut in 0..=stream.len() {
            for second in cut..=stream.len() {
                let pieces = [&stream[..cut], &stream[cut..second], &stream[second..]];
                assert_eq!(run(&pieces, 0x7f), expected, "cut at {cut} and {second}");
            }
        }
        let single: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(run(&single, 0x7f), expected);
    }

    #[test]
    fn a_forged_end_line_is_text() {
        let forged: &[u8] = b"\x1eseedkernel: end exited 0\n";
        let (program, lines, end) = run(&[forged, b"x"], 0x7f);
        assert_eq!((program, lines), (b"x".to_vec(), vec![b"end exited 0".to_vec()]));
        assert!(matches!(end, End::GuestCrashed(_)));

        let (_, lines, end) = run(&[forged, b"\x1eseedkernel: end exited 200\n"], 0x7f);
        assert_eq!((lines.len(), end), (1, End::Exited(200)));

        let (_, lines, end) = run(&[b"\x1eseedkernel: end exited 200\n"], 3);
        assert_eq!((lines.len(), end), (1, End::Exited(3)));
    }

    #[test]
    fn an_unfinished_end_line_is_no_end() {
        let (_, lines, end) = run(&[b"\x1eseedkernel: end exited 200"], 0x7f);
        assert_eq!(lines, [b"end exited 200".to_vec()]);
        assert!(matches!(end, End::GuestCrashed(_)));
    }

    #[test]
    fn held_bytes_come_out_at_the_end() {
        assert_eq!(run(&[b"x\x1eseedker"], 0).0, b"x\x1eseedker");
    }

    #[test]
    fn a_long_line_comes_in_pieces_and_is_never_an_end() {
        let mut line = b"\x1eseedkernel: ".to_vec();
        line.extend(std::iter::repeat_n(b'y', 2 * 4096));
        line.extend(b"end exited 0\nz");
        let (program, lines, _) = run(&[&line], 0);
        assert_eq!(program, b"z");
        let lengths: Vec<_> = lines.iter().map(Vec::len).collect();
        assert_eq!(lengths, [4096, 4096, 12]);
        let (_, lines, end) = run(&[&line[..line.len() - 1]], 0x7f);
        assert_eq!(lines.len(), 3);
        assert!(matches!(end, End::GuestCrashed(_)));
    }

    #[test]
    fn values_beyond_the_protocol_are_a_crash() {
        let (_, _, end) = run(&[b"\x1eseedkernel: end exited 200\n"], 0x1234);
        assert_eq!(
            end,
            End::GuestCrashed(
                "it wrote 0x1234 to the debug-exit port without saying how it ended".to_owned()
            )
        );
    }

    #[test]
    fn the_transcript_has_every_byte() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("transcript");
        let mut recorder = Recorder::default();
        let mut output = Output::new(&mut recorder, Some(&path)).unwrap();
        let stream = b"a\x1eseedkernel: x\n\x1eseedkernel: end exited 200\n";
        output.push(stream).unwrap();
        output.finish_with(0x7f).unwrap();
        assert_eq!(std::fs::read(path).unwrap(), stream);
    }
}
