// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The QEMU process: starts it, passes on its console and input, keeps its complaints, and ends with it.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use super::Error;
use super::command::{Invocation, PROGRAM};
use super::stdin::Feed;
use crate::console::Output;
use crate::error_line::error_line;
use crate::input::{Input, StandardInput};
use crate::signals::time_limit;

/// Most bytes of standard error that are kept, the last ones.
const COMPLAINTS_MAX: usize = 16 * 1024;

/// Bytes of the console that are taken at once.
const CHUNK: usize = 16 * 1024;

/// Time between two looks at the input, at most.
const INPUT_INTERVAL: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// What QEMU says when its guest ran into an error of KVM; it then idles instead of ending.
const KVM_ERRORS: [&str; 2] = ["KVM internal error", "kvm run failed"];

/// How the process went.
#[derive(Debug)]
pub(super) enum Finish {
    /// It ended by itself.
    Exited(Exit),
    /// The time limit passed; it was killed.
    TimeLimit,
    /// The guest ran into an error of KVM; QEMU was killed.
    Crashed(String),
    /// The host failed; QEMU was killed.
    Failed(String),
}

/// The end of a process.
#[derive(Debug)]
pub(super) struct Exit {
    pub(super) status: ExitStatus,
    /// The last part of its standard error.
    pub(super) complaints: String,
}

/// Runs QEMU to its end.
///
/// # Errors
/// It could not be started.
pub(super) fn run(
    mut invocation: Invocation,
    stdin: Option<StandardInput>,
    output: &mut Output<'_>,
) -> Result<Finish, Error> {
    let mut child = Running(spawn(&invocation)?);
    let socket = invocation.input.take();
    drop(invocation);
    let mut feed = stdin.zip(socket).map(|(kind, socket)| Feed::new(Input::new(kind), socket));
    let mut complaints = Vec::new();
    match pump(&mut child.0, &mut feed, output, &mut complaints) {
        Ok(()) => {}
        Err(stop) => return Ok(stop),
    }
    let complaints = String::from_utf8_lossy(&complaints).into_owned();
    if let Some(line) = find_line(&complaints, &KVM_ERRORS) {
        return Ok(Finish::Crashed(format!("QEMU reports: {line}")));
    }
    Ok(match child.0.wait() {
        Ok(status) => Finish::Exited(Exit { status, complaints }),
        Err(error) => Finish::Failed(format!("cannot wait for QEMU: {error}")),
    })
}

/// A child that does not outlive this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail harmlessly when the child has ended and was waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn spawn(invocation: &Invocation) -> Result<Child, Error> {
    let mut command = Command::new(PROGRAM);
    command.args(&invocation.arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let descriptors = invocation.descriptors.clone();
    let parent = rustix::process::getpid();
    let prepare = move || prepare_child(&descriptors, parent);
    #[expect(unsafe_code, reason = "the child must die with this process and inherit its files")]
    // SAFETY: the closure runs between fork and exec, so it may only do what is safe in a signal
    // handler: it makes system calls on values captured before and does not allocate.
    unsafe {
        command.pre_exec(prepare);
    }
    command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::Missing,
        _ => Error::Spawn(error),
    })
}

/// Runs in the child before QEMU does.
fn prepare_child(descriptors: &[i32], parent: rustix::process::Pid) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    // The parent may have died before that call.
    if rustix::process::getppid() != Some(parent) {
        return Err(Errno::SRCH.into());
    }
    for descriptor in descriptors {
        #[expect(unsafe_code, reason = "the descriptors are known by number only")]
        // SAFETY: the parent keeps them open until it has spawned the child, so the child has them.
        let descriptor = unsafe { std::os::fd::BorrowedFd::borrow_raw(*descriptor) };
        rustix::io::fcntl_setfd(descriptor, rustix::io::FdFlags::empty())?;
    }
    Ok(())
}

/// Passes on the console and standard input, and keeps standard error, until console and
/// standard error have ended, or something else ends it.
fn pump(
    child: &mut Child,
    feed: &mut Option<Feed>,
    output: &mut Output<'_>,
    complaints: &mut Vec<u8>,
) -> Result<(), Finish> {
    let mut console = child.stdout.take();
    let mut errors = child.stderr.take();
    let mut chunk = vec![0; CHUNK];
    while console.is_some() || errors.is_some() {
        if time_limit::has_passed() {
            return Err(Finish::TimeLimit);
        }
        let [console_ready, errors_ready, feed_ready] =
            wait(console.as_ref(), errors.as_ref(), feed.as_ref())?;
        if let Some(feed) = feed
            && feed_ready
        {
            feed.advance().map_err(|error| Finish::Failed(error_line(&error)))?;
        }
        if console_ready {
            let bytes = read_some(&mut console, &mut chunk)?;
            output.push(bytes).map_err(|error| match time_limit::has_passed() {
                true => Finish::TimeLimit,
                false => Finish::Failed(error_line(&error)),
            })?;
        }
        if errors_ready {
            complaints.extend_from_slice(read_some(&mut errors, &mut chunk)?);
            let excess = complaints.len().saturating_sub(COMPLAINTS_MAX);
            complaints.drain(..excess);
            if find_line(&String::from_utf8_lossy(complaints), &KVM_ERRORS).is_some() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Waits until one of the streams has something or takes something, and says which; a signal ends
/// the wait as well. The input is looked at now and then: the window's size comes by a signal, which
/// may have been just before.
fn wait(
    console: Option<&ChildStdout>,
    errors: Option<&ChildStderr>,
    feed: Option<&Feed>,
) -> Result<[bool; 3], Finish> {
    let streams = [
        (console.map(AsFd::as_fd), PollFlags::IN),
        (errors.map(AsFd::as_fd), PollFlags::IN),
        (feed.and_then(Feed::source), PollFlags::IN),
        (feed.and_then(Feed::target), PollFlags::OUT),
    ];
    let open = streams.iter().filter_map(|(fd, flags)| Some((fd.as_ref()?, *flags)));
    let mut polled: Vec<_> = open.map(|(fd, flags)| PollFd::new(fd, flags)).collect();
    match rustix::event::poll(&mut polled, feed.is_some().then_some(&INPUT_INTERVAL)) {
        Ok(0) | Err(Errno::INTR) => return Ok([false, false, true]),
        Ok(_) => {}
        Err(error) => return Err(Finish::Failed(format!("cannot wait for QEMU: {error}"))),
    }
    let mut polled = polled.iter();
    let [console, errors, source, target] = streams
        .map(|(fd, _)| fd.is_some() && polled.next().is_some_and(|fd| !fd.revents().is_empty()));
    Ok([console, errors, source || target])
}

/// What a stream has; closes it at its end.
fn read_some<'b, S: Read>(stream: &mut Option<S>, chunk: &'b mut [u8]) -> Result<&'b [u8], Finish> {
    let Some(open) = stream else { return Ok(&[]) };
    match open.read(chunk) {
        Ok(0) => {
            *stream = None;
            Ok(&[])
        }
        Ok(length) => Ok(&chunk[..length]),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(&[]),
        Err(error) => Err(Finish::Failed(format!("cannot read from QEMU: {error}"))),
    }
}

/// The first line that has one of `words`.
pub(super) fn find_line<'t>(text: &'t str, words: &[&str]) -> Option<&'t str> {
    text.lines().find(|line| words.iter().any(|word| line.contains(word)))
}
