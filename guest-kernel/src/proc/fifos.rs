// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Named pipes: the pipe behind a FIFO for as long as somebody has it open (`fifo(7)`).

use super::descriptors::Blocking;
use super::pipe::{Pipe, Side};
use crate::errno::Errno;
use crate::fs::InodeId;
use crate::kernel::Kernel;
use crate::syscall::Fail;
use alloc::boxed::Box;
use alloc::rc::{Rc, Weak};
use alloc::vec::Vec;

/// The pipes of FIFOs that are open.
#[derive(Debug, Default)]
pub struct Fifos(Vec<(InodeId, Weak<Pipe>)>);

impl Fifos {
    /// The pipe behind a FIFO, and none if nobody has it open.
    fn find(&mut self, inode: InodeId) -> Option<Rc<Pipe>> {
        self.0.retain(|(_, pipe)| pipe.strong_count() > 0);
        self.0.iter().find(|(other, _)| *other == inode).and_then(|(_, pipe)| pipe.upgrade())
    }
}

/// An `open` of a FIFO that waits for the other side.
#[derive(Debug)]
pub struct Opening {
    pipe: Rc<Pipe>,
    side: Side,
    /// Openings of the other side when the wait began.
    nr_others: u64,
}

impl Kernel {
    /// Opens one side of a FIFO, or both, as its first call or after it has waited.
    ///
    /// # Errors
    /// `ENXIO`: it does not wait, and nobody reads what it would write.
    pub fn open_fifo(
        &mut self,
        inode: InodeId,
        side: Side,
        blocking: Blocking,
    ) -> Result<Rc<Pipe>, Fail> {
        if let Some(opening) = self.process.opening.take() {
            let is_met = opening.pipe.nr_openings(side.other()) > opening.nr_others
                || opening.pipe.is_open(side.other());
            if is_met {
                return Ok(opening.pipe);
            }
            return self.wait_for_opening(opening);
        }
        let fifos = &mut self.processes.shared().fifos;
        let pipe = fifos.find(inode);
        if side == Side::Writer
            && blocking == Blocking::No
            && !pipe.as_ref().is_some_and(|pipe| pipe.is_open(Side::Reader))
        {
            return Err(Errno::ENXIO.into());
        }
        let pipe = pipe.unwrap_or_else(|| {
            let pipe = Rc::new(Pipe::of_fifo(inode));
            fifos.0.push((inode, Rc::downgrade(&pipe)));
            pipe
        });
        self.fs.open(inode);
        pipe.open(side);
        self.wake(&pipe.read_waiters);
        self.wake(&pipe.write_waiters);
        if side == Side::Both || blocking == Blocking::No || pipe.is_open(side.other()) {
            return Ok(pipe);
        }
        let nr_others = pipe.nr_openings(side.other());
        self.wait_for_opening(Box::new(Opening { pipe, side, nr_others }))
    }

    fn wait_for_opening(&mut self, opening: Box<Opening>) -> Result<Rc<Pipe>, Fail> {
        opening.pipe.read_waiters.add(self.process.pid);
        self.process.opening = Some(opening);
        Err(Fail::Wait)
    }

    /// Takes back what the running process's call set up to wait: it will not be made again.
    pub fn abandon_wait(&mut self) {
        let pid = self.process.pid;
        if core::mem::take(&mut self.process.is_on_futex) {
            self.processes.shared().futexes.remove(pid);
        }
        if let Some(opening) = self.process.opening.take() {
            opening.pipe.close(opening.side);
            if let Some(inode) = opening.pipe.inode() {
                self.fs.close(inode);
            }
        }
    }
}
