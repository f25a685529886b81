// SPDX-License-Identifier: Apache-2.0 OR MIT

//! System calls: the table, and how a call gets to its function and back.
//!
//! `docs/syscalls.md` says for each what it does and where it deviates from Linux.

mod allocate;
mod attributes;
mod buffers;
mod credentials;
mod descriptors;
mod directories;
mod epoll;
mod event_counter;
mod file_times;
mod futex;
mod identity;
mod kill;
mod locks;
mod memory;
pub mod missing;
pub mod names;
mod nodes;
mod open;
mod path;
mod pipe;
mod poll;
mod prctl;
mod process;
mod read_write;
mod residency;
mod scheduling;
mod seek;
mod select;
mod signals;
mod socket;
mod splice;
mod stat;
mod statfs;
mod statx;
mod system;
mod time;
mod timer;
mod timers;
mod tree;
mod usage;
mod wait;

use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use names::NAMES;

/// Why a call has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fail {
    /// It failed.
    Errno(Errno),
    /// It has to wait: it is made again when something wakes the process.
    Wait,
    /// The registers are settled, or the process is another one: there is no value to put there.
    Settled,
}

impl From<Errno> for Fail {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

/// What a call returns.
type Answer = Result<u64, Fail>;

/// A function that serves a call.
type Call = fn(&mut Kernel, &Registers) -> Answer;

/// A function that serves a call which needs all registers, or changes them.
type FullCall = fn(&mut Kernel, &mut Registers) -> Answer;

/// The calls that need all registers, by number.
const FULL_CALLS: &[(u64, FullCall)] = &[
    (15, signals::rt_sigreturn),
    (56, process::clone),
    (57, process::fork),
    (58, process::vfork),
    (59, process::execve),
    (60, process::exit),
    (231, process::exit),
    (322, process::execveat),
    (names::SPAWN, process::spawn),
];

/// Whether a call needs all registers.
#[inline]
pub fn needs_all_registers(number: u64) -> bool {
    const LOW: u64 = {
        let mut bits = 0;
        let mut index = 0;
        while index < FULL_CALLS.len() {
            let number = FULL_CALLS[index].0;
            if number < 64 {
                bits |= 1 << number;
            }
            index += 1;
        }
        bits
    };
    match number {
        0..64 => LOW & 1 << number != 0,
        _ => FULL_CALLS.iter().any(|&(full, _)| full == number),
    }
}

/// Calls that a signal always ends, handler or not (`signal(7)`).
const NOT_RESTARTED: &[u64] = &[7, 23, 34, 35, 128, 130, 230, 232, 270, 271, 281, 441];

/// Whether a call that a signal interrupts may be made again.
#[must_use]
pub fn is_restartable(number: u64) -> bool {
    !NOT_RESTARTED.contains(&number)
}

/// The calls that are provided, by number.
static TABLE: [Option<Call>; NAMES.len()] = table();

const fn table() -> [Option<Call>; NAMES.len()] {
    let mut table: [Option<Call>; NAMES.len()] = [None; NAMES.len()];
    let calls: &[(usize, Call)] = &[
        (0, read_write::read),
        (1, read_write::write),
        (2, open::open),
        (3, descriptors::close),
        (4, stat::stat),
        (5, stat::fstat),
        (6, stat::lstat),
        (7, poll::poll),
        (8, seek::lseek),
        (9, memory::mmap),
        (10, memory::mprotect),
        (11, memory::munmap),
        (12, memory::brk),
        (13, signals::rt_sigaction),
        (14, signals::rt_sigprocmask),
        (16, descriptors::ioctl),
        (17, read_write::pread64),
        (18, read_write::pwrite64),
        (19, read_write::readv),
        (20, read_write::writev),
        (21, stat::access),
        (22, pipe::pipe),
        (23, select::select),
        (24, scheduling::sched_yield),
        (25, residency::mremap),
        (26, residency::msync),
        (27, residency::mincore),
        (28, memory::madvise),
        (32, descriptors::dup),
        (33, descriptors::dup2),
        (34, signals::pause),
        (35, time::nanosleep),
        (36, timers::getitimer),
        (37, timers::alarm),
        (38, timers::setitimer),
        (39, identity::getpid),
        (40, splice::sendfile),
        (41, socket::socket),
        (44, socket::sendto),
        (45, socket::recvfrom),
        (46, socket::sendmsg),
        (47, socket::recvmsg),
        (48, socket::shutdown),
        (53, socket::socketpair),
        (55, socket::getsockopt),
        (61, wait::wait4),
        (62, kill::kill),
        (63, system::uname),
        (72, descriptors::fcntl),
        (73, locks::flock),
        (74, seek::fsync),
        (75, seek::fsync),
        (76, seek::truncate),
        (77, seek::ftruncate),
        (78, directories::getdents),
        (79, directories::getcwd),
        (80, directories::chdir),
        (81, directories::fchdir),
        (82, tree::rename),
        (83, tree::mkdir),
        (84, tree::rmdir),
        (85, open::creat),
        (86, tree::link),
        (87, tree::unlink),
        (88, tree::symlink),
        (89, tree::readlink),
        (90, tree::chmod),
        (91, tree::fchmod),
        (92, tree::chown),
        (93, tree::fchown),
        (94, tree::lchown),
        (95, system::umask),
        (96, time::gettimeofday),
        (97, system::getrlimit),
        (98, usage::getrusage),
        (99, system::sysinfo),
        (100, usage::times),
        (102, identity::zero),
        (104, identity::zero),
        (105, credentials::setuid),
        (106, credentials::setuid),
        (107, identity::zero),
        (108, identity::zero),
        (109, identity::setpgid),
        (110, identity::getppid),
        (111, identity::getpgrp),
        (112, identity::setsid),
        (113, credentials::setreuid),
        (114, credentials::setreuid),
        (115, credentials::getgroups),
        (116, credentials::setgroups),
        (117, credentials::setresuid),
        (118, credentials::getresuid),
        (119, credentials::setresuid),
        (120, credentials::getresuid),
        (121, identity::getpgid),
        (122, credentials::setfsuid),
        (123, credentials::setfsuid),
        (124, identity::getsid),
        (127, signals::rt_sigpending),
        (128, signals::rt_sigtimedwait),
        (130, signals::rt_sigsuspend),
        (131, signals::sigaltstack),
        (132, file_times::utime),
        (133, nodes::mknod),
        (135, prctl::personality),
        (137, statfs::statfs),
        (138, statfs::fstatfs),
        (140, scheduling::getpriority),
        (141, scheduling::setpriority),
        (142, scheduling::sched_setparam),
        (143, scheduling::sched_getparam),
        (144, scheduling::sched_setscheduler),
        (145, scheduling::sched_getscheduler),
        (146, scheduling::sched_get_priority_max),
        (147, scheduling::sched_get_priority_min),
        (149, residency::mlock),
        (150, residency::mlock),
        (151, residency::mlockall),
        (152, residency::munlockall),
        (157, prctl::prctl),
        (158, process::arch_prctl),
        (162, seek::sync),
        (186, identity::getpid),
        (187, allocate::readahead),
        (188, attributes::of_path),
        (189, attributes::of_link),
        (190, attributes::of_descriptor),
        (191, attributes::of_path),
        (192, attributes::of_link),
        (193, attributes::of_descriptor),
        (194, attributes::listxattr),
        (195, attributes::llistxattr),
        (196, attributes::flistxattr),
        (197, attributes::of_path),
        (198, attributes::of_link),
        (199, attributes::of_descriptor),
        (200, kill::tkill),
        (201, time::time),
        (202, futex::futex),
        (203, scheduling::sched_setaffinity),
        (204, scheduling::sched_getaffinity),
        (213, epoll::epoll_create),
        (217, directories::getdents64),
        (218, process::set_tid_address),
        (221, allocate::fadvise64),
        (228, time::clock_gettime),
        (229, time::clock_getres),
        (230, time::clock_nanosleep),
        (232, epoll::epoll_wait),
        (233, epoll::epoll_ctl),
        (234, kill::tgkill),
        (235, file_times::utimes),
        (247, wait::waitid),
        (257, open::openat),
        (258, tree::mkdirat),
        (259, nodes::mknodat),
        (260, tree::fchownat),
        (261, file_times::futimesat),
        (262, stat::newfstatat),
        (263, tree::unlinkat),
        (264, tree::renameat),
        (265, tree::linkat),
        (266, tree::symlinkat),
        (267, tree::readlinkat),
        (268, tree::fchmodat),
        (269, stat::faccessat),
        (270, select::pselect6),
        (271, poll::ppoll),
        (273, process::set_robust_list),
        (275, splice::splice),
        (276, splice::tee),
        (277, allocate::sync_file_range),
        (278, splice::vmsplice),
        (280, file_times::utimensat),
        (281, epoll::epoll_pwait),
        (283, timer::timerfd_create),
        (284, event_counter::eventfd),
        (285, allocate::fallocate),
        (286, timer::timerfd_settime),
        (287, timer::timerfd_gettime),
        (290, event_counter::eventfd2),
        (291, epoll::epoll_create1),
        (292, descriptors::dup3),
        (293, pipe::pipe2),
        (295, read_write::preadv),
        (296, read_write::pwritev),
        (302, system::prlimit64),
        (306, statfs::syncfs),
        (309, scheduling::getcpu),
        (316, tree::renameat2),
        (318, system::getrandom),
        (324, scheduling::membarrier),
        (325, residency::mlock2),
        (326, splice::copy_file_range),
        (327, read_write::preadv2),
        (328, read_write::pwritev2),
        (332, statx::statx),
        (334, process::rseq),
        (436, descriptors::close_range),
        (439, stat::faccessat2),
        (441, epoll::epoll_pwait2),
    ];
    let mut index = 0;
    while index < calls.len() {
        let (number, call) = calls[index];
        table[number] = Some(call);
        index += 1;
    }
    table
}

/// Makes the call in the registers.
///
/// # Errors
/// It has no value; see [`Fail`].
#[inline]
pub fn call(kernel: &mut Kernel, registers: &mut Registers) -> Answer {
    let number = registers.rax;
    let call = usize::try_from(number).ok().and_then(|number| *TABLE.get(number)?);
    match call {
        Some(call) => call(kernel, registers),
        None => match FULL_CALLS.iter().find(|&&(full, _)| full == number) {
            Some((_, call)) => call(kernel, registers),
            None => {
                kernel.missing.note(number);
                Err(Errno::ENOSYS.into())
            }
        },
    }
}
