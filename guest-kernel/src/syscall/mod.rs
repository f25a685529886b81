// SPDX-License-Identifier: Apache-2.0 OR MIT

//! System calls: the table, and how a call gets to its function and back.
//!
//! `docs/syscalls.md` says for each what it does and where it deviates from Linux.

mod descriptors;
mod directories;
mod identity;
mod memory;
pub mod missing;
pub mod names;
mod open;
mod path;
mod process;
mod read_write;
mod seek;
mod signals;
mod stat;
mod system;
mod time;
mod tree;

use crate::arch::trap::Registers;
use crate::errno::Errno;
use crate::kernel::Kernel;
use names::NAMES;

/// What a call returns: a value, or an error number.
type Answer = Result<u64, Errno>;

/// A function that serves a call.
type Call = fn(&mut Kernel, &Registers) -> Answer;

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
        (24, system::sched_yield),
        (28, memory::madvise),
        (32, descriptors::dup),
        (33, descriptors::dup2),
        (35, time::nanosleep),
        (39, identity::getpid),
        (60, process::exit),
        (63, system::uname),
        (72, descriptors::fcntl),
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
        (99, system::sysinfo),
        (102, identity::zero),
        (104, identity::zero),
        (107, identity::zero),
        (108, identity::zero),
        (110, identity::getppid),
        (131, signals::sigaltstack),
        (158, process::arch_prctl),
        (162, seek::sync),
        (186, identity::getpid),
        (201, time::time),
        (204, system::sched_getaffinity),
        (217, directories::getdents64),
        (218, process::set_tid_address),
        (228, time::clock_gettime),
        (229, time::clock_getres),
        (230, time::clock_nanosleep),
        (231, process::exit),
        (235, tree::utimes),
        (257, open::openat),
        (258, tree::mkdirat),
        (260, tree::fchownat),
        (262, stat::newfstatat),
        (263, tree::unlinkat),
        (264, tree::renameat),
        (265, tree::linkat),
        (266, tree::symlinkat),
        (267, tree::readlinkat),
        (268, tree::fchmodat),
        (269, stat::faccessat),
        (273, process::set_robust_list),
        (280, tree::utimensat),
        (292, descriptors::dup3),
        (295, read_write::preadv),
        (296, read_write::pwritev),
        (302, system::prlimit64),
        (316, tree::renameat2),
        (318, system::getrandom),
        (334, process::rseq),
        (439, stat::faccessat2),
    ];
    let mut index = 0;
    while index < calls.len() {
        let (number, call) = calls[index];
        table[number] = Some(call);
        index += 1;
    }
    table
}

/// Serves the call in the registers and puts its answer there.
#[inline]
pub fn dispatch(kernel: &mut Kernel, registers: &mut Registers) {
    kernel.nr_calls += 1;
    let number = registers.rax;
    let call = usize::try_from(number).ok().and_then(|number| *TABLE.get(number)?);
    let answer = match call {
        Some(call) => call(kernel, registers),
        None => {
            kernel.missing.note(number);
            Err(Errno::ENOSYS)
        }
    };
    registers.rax = match answer {
        Ok(value) => value,
        Err(errno) => (-i64::from(errno as u16)).cast_unsigned(),
    };
}
