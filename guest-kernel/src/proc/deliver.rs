// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Delivering signals: to a handler on the program's stack, or by what happens by default.

use super::process::{Change, Ending, FIRST_PID, State};
use super::signal::{Action, AlternateStack, Default, Signal, SignalInfo, SignalSet};
use crate::arch::{
    paging::FaultAccess,
    signal_frame::{self, Context, FRAME_SIZE},
    trap::Registers,
    vector,
};
use crate::end;
use crate::errno::Errno;
use crate::kernel::Kernel;
use crate::mm::address::UserAddr;
use crate::mm::transfer;
use crate::syscall::{self, OnSignal};

/// `si_code` of a signal that the kernel sends because of a fault lies between these.
const FAULT_CODES: core::ops::RangeInclusive<i32> = 1..=0x80;

/// `si_code` of a child's stop (`sigaction(2)`).
pub const CLD_STOPPED: i32 = 5;
/// `si_code` of a child's going on.
pub const CLD_CONTINUED: i32 = 6;

/// Where the vector registers and the stack of a handler are aligned to.
const VECTORS_ALIGN: u64 = 64;
const STACK_ALIGN: u64 = 16;

/// Bytes that a signal takes of the stack, at most. The same on every processor, so that addresses
/// are: state that this one does not have is left room for.
pub(super) const STACK_USE_MAX: u64 =
    vector::SIZE_MAX + VECTORS_ALIGN + FRAME_SIZE as u64 + STACK_ALIGN + 8;

impl Kernel {
    /// Delivers the next signal of the running process.
    pub fn deliver_signal(&mut self) {
        let Some((signal, info)) = self.process.signals.take() else { return };
        let action = self.process.signals.action(signal);
        match action.handler {
            Action::IGNORE => {}
            Action::DEFAULT => self.act_by_default(signal, info),
            _ => {
                self.settle_interrupted_call(&action);
                if self.enter_handler(signal, info, &action).is_err() {
                    // No stack to run the handler on: what Linux does then.
                    self.report_fault(Signal::SIGSEGV, info);
                    self.end_process(Ending::Killed(Signal::SIGSEGV.number()));
                }
            }
        }
    }

    fn act_by_default(&mut self, signal: Signal, info: SignalInfo) {
        match signal.default() {
            Default::Ignore | Default::Continue => {}
            // Nothing could make these go on again.
            Default::Stop if self.process.pid == FIRST_PID => {}
            Default::Stop
                if signal != Signal::SIGSTOP && self.is_group_orphaned(self.process.group) => {}
            Default::Stop => self.stop(signal),
            Default::End => {
                self.report_fault(signal, info);
                self.end_process(Ending::Killed(signal.number()));
            }
        }
    }

    fn stop(&mut self, signal: Signal) {
        self.process.state = State::Stopped;
        let pid = self.process.pid;
        self.report_change(pid, Change::Stopped(signal.number()));
    }

    /// Leaves the parent of a process a change to wait for, and lets it know.
    pub fn report_change(&mut self, pid: u32, change: Change) {
        let Some(process) = self.process_mut(pid) else { return };
        process.change = Some(change);
        let parent = process.parent;
        if process.is_orphan {
            return;
        }
        let (code, status) = match change {
            Change::Stopped(signal) => (CLD_STOPPED, signal),
            Change::Continued => (CLD_CONTINUED, Signal::SIGCONT.number()),
        };
        let Some(parent_process) = self.process_mut(parent) else { return };
        let action = parent_process.signals.action(Signal::SIGCHLD);
        if action.flags & Action::NO_CHILD_STOP == 0 {
            self.send(parent, Signal::SIGCHLD, SignalInfo::of_child(code, pid, status));
        }
        self.processes.set_ready(parent, State::Waiting);
    }

    /// A handler is about to run: a call whose wait a signal ended is made again after it, or fails.
    fn settle_interrupted_call(&mut self, action: &Action) {
        if !core::mem::take(&mut self.process.is_interrupted) {
            return;
        }
        self.process.deadline = None;
        self.abandon_wait();
        // SAFETY: the trap is being settled, and nobody else looks at the registers.
        let registers = unsafe { self.process.thread.registers_mut() };
        let is_made_again = action.flags & Action::RESTART != 0
            && syscall::on_signal(registers) == OnSignal::Repeat;
        if is_made_again {
            registers.repeat_call();
        } else {
            registers.rax = Errno::EINTR.as_return_value();
        }
    }

    /// Prints what a program died of, if it was a fault of its own.
    fn report_fault(&self, signal: Signal, info: SignalInfo) {
        let is_fault = matches!(
            signal,
            Signal::SIGSEGV | Signal::SIGBUS | Signal::SIGILL | Signal::SIGFPE | Signal::SIGTRAP
        );
        let is_kernels = FAULT_CODES.contains(&info.code);
        if is_kernels && (is_fault || signal == Signal::SIGKILL) {
            // SAFETY: the trap is being settled, and nobody else looks at the registers.
            let instruction = unsafe { self.process.thread.registers_mut() }.rip;
            end::report_death(&self.process, signal, info, instruction);
        }
    }

    fn enter_handler(
        &mut self,
        signal: Signal,
        info: SignalInfo,
        action: &Action,
    ) -> Result<(), Errno> {
        // SAFETY: the trap is being settled, and nobody else looks at the registers.
        let registers = unsafe { &mut *self.process.thread.registers() };
        let (top, bottom) = self.handler_stack(registers, action);
        let vectors = top.wrapping_sub(vector::SIZE_MAX) & !(VECTORS_ALIGN - 1);
        // At its first instruction a function finds the stack 8 bytes off a multiple of 16.
        let frame = (vectors.wrapping_sub(FRAME_SIZE as u64) & !(STACK_ALIGN - 1)).wrapping_sub(8);
        if frame < bottom {
            return Err(Errno::EFAULT);
        }
        let has_layout = self.save_vectors(vectors)?;
        let is_fault = matches!(signal, Signal::SIGSEGV | Signal::SIGBUS);
        let signals = &mut self.process.signals;
        let context = Context {
            stack: signals.stack.words(registers.rsp),
            fault_address: if is_fault { info.address() } else { 0 },
            vectors,
            has_layout,
            mask: signals.saved_mask.take().unwrap_or(signals.blocked).0,
        };
        let bytes =
            signal_frame::build(registers, &context, (signal.number(), &info), action.restorer);
        self.memory().write(UserAddr(frame), &bytes)?;
        signal_frame::enter_handler(registers, action.handler, signal.number(), frame);
        let signals = &mut self.process.signals;
        if signals.stack.disarms_itself {
            signals.stack = AlternateStack::NONE;
        }
        let mut blocked = SignalSet::blockable(signals.blocked.0 | action.mask.0);
        if action.flags & Action::NO_DEFER == 0 {
            blocked.add(signal);
        }
        signals.blocked = SignalSet::blockable(blocked.0);
        if action.flags & Action::RESET_HAND != 0 {
            signals.set_action(signal, Action::default());
        }
        Ok(())
    }

    /// The top of the stack that a handler runs on, and the address below which it must not grow:
    /// what lies below an alternate stack is other data of the program's.
    fn handler_stack(&self, registers: &Registers, action: &Action) -> (u64, u64) {
        let stack = self.process.signals.stack;
        if stack.has(registers.rsp) {
            (signal_frame::below_red_zone(registers.rsp), stack.start)
        } else if action.flags & Action::ON_STACK != 0 && stack.size > 0 {
            (stack.start.wrapping_add(stack.size), stack.start)
        } else {
            (signal_frame::below_red_zone(registers.rsp), 0)
        }
    }

    /// Copies the vector registers to the program's memory; tells whether they say how they are laid
    /// out.
    fn save_vectors(&mut self, address: u64) -> Result<bool, Errno> {
        let found = self.collect(address, vector::SIZE_MAX, FaultAccess::Write)?;
        if found < vector::SIZE_MAX {
            return Err(Errno::EFAULT);
        }
        let state =
            vector::VectorState::of_processor().map_err(|vector::NoMemory| Errno::ENOMEM)?;
        let has_layout = state.finish_for_program();
        transfer::from_frame(state.frame(), &self.ranges);
        Ok(has_layout)
    }

    /// Goes back to where a handler interrupted the program: `rt_sigreturn`.
    ///
    /// # Errors
    /// `EFAULT`: the frame is gone.
    pub fn return_from_handler(&mut self, registers: &mut Registers) -> Result<(), Errno> {
        // The handler's return took the first word.
        let frame = registers.rsp.wrapping_sub(8);
        let mut bytes = [0; FRAME_SIZE];
        self.memory().read(UserAddr(frame), &mut bytes)?;
        let context = signal_frame::restore(&bytes, registers);
        let signals = &mut self.process.signals;
        signals.blocked = SignalSet::blockable(context.mask);
        // One that is in use stays, as does what was there if the frame tells nonsense.
        if !signals.stack.has(registers.rsp)
            && let Ok(stack) = AlternateStack::parse(context.stack)
        {
            signals.stack = stack;
        }
        if context.vectors == 0 {
            vector::reset();
            return Ok(());
        }
        let found = self.collect(context.vectors, vector::SIZE_MAX, FaultAccess::Read)?;
        if found < vector::SIZE_MAX {
            return Err(Errno::EFAULT);
        }
        let state = vector::VectorState::blank().map_err(|vector::NoMemory| Errno::ENOMEM)?;
        transfer::to_frame(&self.ranges, state.frame());
        state.restore_untrusted();
        Ok(())
    }
}
