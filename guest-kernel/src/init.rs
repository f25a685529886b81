// SPDX-License-Identifier: Apache-2.0 OR MIT

//! From the loader's hand-over to the first process.

use crate::arch::{
    cpu,
    layout::{DIRECT_MAP, EARLY_MEMORY_END, LARGE_PAGE_SIZE, PAGE_SIZE},
    paging::{self, PHYSICAL_END},
};
use crate::clock::HostClock;
use crate::drivers::block::{Access, DISKS_MAX, Disk};
use crate::drivers::memory;
use crate::end::end_with;
use crate::fs::{FileSystem, Follow, InodeId, Kind, unpack};
use crate::kernel::{self, Kernel};
use crate::mm::address::{Frame, PhysAddr};
use crate::mm::frames::{Cleanness, Fill, frames};
use crate::mm::user::Ranges;
use crate::proc::console_input::ConsoleInput;
use crate::proc::descriptors::Target;
use crate::proc::exec::{self, ExecError, Loader, Strings};
use crate::proc::limits::STACK_DEFAULT;
use crate::proc::process::Process;
use crate::proc::schedule::Processes;
use crate::proc::thread::Thread;
use crate::random::Random;
use crate::settings::{Settings, StandardInput};
use crate::shown::Shown;
use crate::syscall::missing::MissingCalls;
use alloc::boxed::Box;
use alloc::format;
use alloc::rc::Rc;
use seed_protocols::block::SECTOR_SIZE;
use seed_protocols::end::EndState;
use seed_protocols::machine::{FIRST_DISK_SLOT, virtio_mmio_slot};
use seed_protocols::pvh::{MEMMAP_TYPE_RAM, MemmapEntry, ModlistEntry, StartInfo};

/// The reference backend's firmware works at the top of the memory below 4 GiB and leaves it
/// unclean; what lies in this distance of the end is not taken to be zero.
const UNCLEAN_TOP_BYTES: u64 = 16 << 20;

/// Largest request for reading the input.
const READ_MAX_BYTES: u64 = 512 << 20;

/// Bytes that the frame allocator needs for each frame.
const FRAME_INFO_BYTES: u64 = 16;

/// Modules and memory ranges that a loader may give.
const TABLE_MAX: u32 = 64;

unsafe extern "C" {
    static kernel_end: u8;
    static kernel_tables: u8;
}

/// The kernel's main: called by the boot assembly with the physical address of the start info.
#[unsafe(no_mangle)]
extern "C" fn kernel_main(start_info: u64) -> ! {
    let entered = cpu::time_stamp();
    cpu::update_record(|record| record.entered_tsc = entered);
    // SAFETY: the boot assembly calls this once, and PVH promises the start info.
    let boot = unsafe { Boot::read(start_info) };
    // Everything else needs memory.
    boot.set_up_memory();
    let (input, output) = probe_disks();
    let (archive, base) = match boot.module {
        Some(module) => {
            // As much memory is left as where the archive's disk has its rings.
            let _rings = frames().allocate(Fill::Zeroed);
            (boot.module_bytes(module), PhysAddr(module.paddr))
        }
        None => read_input(input),
    };
    let mut settings = Settings::default();
    let mut fs = FileSystem::new(settings.epoch_ns);
    let unpacked =
        unpack(&mut fs, archive, base).unwrap_or_else(|error| bad_input(&format!("{error}")));
    fs.make_standard_nodes(settings.epoch_ns);
    if let Err(error) = settings.gather(boot.command_line, unpacked.settings, &mut fs) {
        bad_input(&format!("{error}"));
    }
    // Nothing is from the future: what a program makes is newer than what it was given.
    if unpacked.latest > settings.epoch_ns {
        fs.limit_times(settings.epoch_ns);
    }
    start_program(fs, settings, output)
}

fn bad_input(reason: &str) -> ! {
    end_with(&EndState::BadInput(reason))
}

/// What the loader handed over.
struct Boot {
    command_line: &'static [u8],
    memory_map: &'static [[u8; MemmapEntry::SIZE]],
    module: Option<ModlistEntry>,
}

impl Boot {
    /// Reads the start info.
    ///
    /// # Safety
    /// A PVH loader left it there, below 1 GiB, and nothing has changed since.
    unsafe fn read(address: u64) -> Self {
        // SAFETY: the caller promises the structure.
        let info = unsafe { &*at::<[u8; StartInfo::SIZE]>(address) };
        let info = StartInfo::parse(info).unwrap_or_else(|error| panic!("start info: {error}"));
        assert!(
            info.memmap_entries <= TABLE_MAX && info.nr_modules <= 1,
            "start info: {} memory ranges, {} modules",
            info.memmap_entries,
            info.nr_modules
        );
        // SAFETY: the start info gives address and length of each table, and a command line that
        // ends in a zero.
        unsafe {
            let memory_map =
                core::slice::from_raw_parts(at(info.memmap_paddr), info.memmap_entries as usize);
            let command_line = match info.cmdline_paddr {
                0 => &[],
                text => core::ffi::CStr::from_ptr(at(text)).to_bytes(),
            };
            let module = (info.nr_modules > 0)
                .then(|| ModlistEntry::parse(&*at::<[u8; ModlistEntry::SIZE]>(info.modlist_paddr)));
            Self { command_line, memory_map, module }
        }
    }

    /// The module's bytes, which no frame is allocated from.
    fn module_bytes(&self, module: ModlistEntry) -> &'static [u8] {
        let length = usize::try_from(module.size).expect("the kernel is 64 bits wide");
        // SAFETY: the loader put so many bytes there; `set_up_memory` keeps them out of the
        // allocator, and nobody writes to them.
        unsafe { core::slice::from_raw_parts(at(module.paddr), length) }
    }

    /// Hands the RAM behind the image to the frame allocator. What lies below the image stays the
    /// loader's.
    ///
    /// The allocator's table lies so that its first part, for the frames up to the end of the
    /// image's last large page, ends with that page. So what a small run touches is one large page.
    fn set_up_memory(&self) {
        let (end, low_end) = self.ram_ends();
        let image_end = page_up((&raw const kernel_end).addr() as u64);
        let large_end = image_end.next_multiple_of(LARGE_PAGE_SIZE);
        let table = image_end.max(large_end - large_end / PAGE_SIZE * FRAME_INFO_BYTES);
        let table_end = table + page_up(end / PAGE_SIZE * FRAME_INFO_BYTES);
        // SAFETY: the table lies behind the image in RAM that is zero and not added below. The
        // direct map covers its first GiB from the start, and all of it from below on.
        unsafe { frames().init(PhysAddr(table)) }
        frames().ask_before(PhysAddr(EARLY_MEMORY_END).frame(), memory::ask_for_all);
        for entry in self.ram() {
            let entry_end = entry.addr + entry.size;
            for (start, end) in [(image_end, table), (table_end, end)] {
                self.add_ram(entry.addr.max(start), entry_end.min(end), low_end);
            }
        }
        if let Some(module) = self.module {
            let module_end = page_up(module.paddr + module.size);
            frames().keep_forever(PhysAddr(module.paddr).frame(), PhysAddr(module_end).frame());
        }
        paging::complete_direct_map(end).expect("there is memory for the direct map");
    }

    /// Adds the whole frames of `[start, end)`, where RAM below 4 GiB ends at `low_end`.
    fn add_ram(&self, start: u64, end: u64, low_end: u64) {
        if start >= end {
            return;
        }
        let clean_end = if end == low_end { end.saturating_sub(unclean_bytes(end)) } else { end };
        self.add_unless_module(start, clean_end, Cleanness::Zero);
        self.add_unless_module(clean_end.max(start), end, Cleanness::Unknown);
    }

    fn ram(&self) -> impl Iterator<Item = MemmapEntry> {
        let entries = self.memory_map.iter().map(MemmapEntry::parse);
        entries.filter(|entry| entry.kind == MEMMAP_TYPE_RAM)
    }

    /// Where all RAM ends, and where the RAM below 4 GiB does.
    fn ram_ends(&self) -> (u64, u64) {
        let (mut end, mut low_end) = (0, 0);
        for entry in self.ram() {
            let entry_end = entry.addr + entry.size;
            end = entry_end.max(end);
            if entry_end <= 1 << 32 {
                low_end = entry_end.max(low_end);
            }
        }
        (end.min(PHYSICAL_END), low_end)
    }

    /// Adds the whole frames of `[start, end)` but for those of the module.
    fn add_unless_module(&self, start: u64, end: u64, cleanness: Cleanness) {
        let Some(module) = self.module else { return add_free(start, end, cleanness) };
        let (module_start, module_end) = (module.paddr, page_up(module.paddr + module.size));
        add_free(start, end.min(module_start), cleanness);
        add_free(start.max(module_end), end, cleanness);
    }
}

fn unclean_bytes(end: u64) -> u64 {
    UNCLEAN_TOP_BYTES.min(end / 4)
}

/// Adds the whole frames of `[start, end)`.
fn add_free(start: u64, end: u64, cleanness: Cleanness) {
    let (first, last) = (PhysAddr(page_up(start)).frame(), PhysAddr(end).frame());
    if first >= last {
        return;
    }
    // SAFETY: the loader says that this is RAM; image, table and module are kept out.
    let is_noted = unsafe { frames().add(first, last, cleanness) };
    assert!(is_noted, "too many memory ranges");
}

/// Finds the disks: the input cannot be written, the output can.
fn probe_disks() -> (Option<Disk>, Option<Disk>) {
    const SLOTS: [usize; DISKS_MAX] = [FIRST_DISK_SLOT, FIRST_DISK_SLOT - 1];
    let disks = Disk::probe(SLOTS.map(virtio_mmio_slot)).unwrap_or_else(|(index, error)| {
        bad_input(&format!("the disk in virtio-mmio slot {}: {error}", SLOTS[index]))
    });
    let (mut input, mut output) = (None, None);
    for disk in disks.into_iter().flatten() {
        match disk.access() {
            Access::ReadOnly => input = Some(disk),
            Access::ReadWrite => output = Some(disk),
        }
    }
    (input, output)
}

/// Reads the whole input disk into memory, in as few requests as it can be.
fn read_input(disk: Option<Disk>) -> (&'static [u8], PhysAddr) {
    let Some(mut disk) = disk else {
        bad_input("no read-only disk and no module: there is no input archive");
    };
    let size = disk.nr_sectors().saturating_mul(SECTOR_SIZE);
    let start = u32::try_from(size.div_ceil(PAGE_SIZE))
        .ok()
        .and_then(|count| frames().allocate_forever(count));
    let Some(start) = start.map(Frame::start) else {
        let free = frames().counts().free * PAGE_SIZE;
        bad_input(&format!(
            "the input has {size} bytes, memory has {free} bytes free: give the machine more"
        ));
    };
    let mut done = 0;
    while done < size {
        let length = (size - done).min(READ_MAX_BYTES);
        let segment = (start.add(done), length as u32);
        if let Err(error) = disk.read(done / SECTOR_SIZE, &[segment]) {
            bad_input(&format!("the input disk: {error}"));
        }
        done += length;
    }
    let length = usize::try_from(size).expect("the kernel is 64 bits wide");
    // SAFETY: the frames are allocated for ever, filled by the disk, which has no request left, and
    // written by nobody: programs get them read-only.
    (unsafe { core::slice::from_raw_parts(frames().pointer(start), length) }, start)
}

/// Loads the first program and lets it run.
fn start_program(mut fs: FileSystem, settings: Settings, output: Option<Disk>) -> ! {
    let mut random = Random::new(settings.seed);
    let mut random_bytes = [0; 16];
    random.fill(&mut random_bytes);
    let cwd = working_directory(&mut fs, settings.cwd);
    fs.open(cwd);
    let strings = Strings {
        path: settings.path,
        arguments: &settings.arguments,
        environment: &settings.environment,
        random: random_bytes,
    };
    let found = exec::find(&mut fs, cwd, settings.path);
    let loaded = found.and_then(|inode| {
        let loader = Loader { cwd, stack_limit: STACK_DEFAULT, check: &exec::check };
        loader.load(&mut fs, (inode, settings.path), &strings, 0)
    });
    let (loaded, _, path) = loaded.unwrap_or_else(|error| {
        let message = format!("{}: {error}", Shown(settings.path));
        end_with(&match error {
            ExecError::Path(_) => EndState::NotFound(&message),
            _ => EndState::NotExecutable(&message),
        })
    });
    let thread = Thread::new(loaded.start.registers());
    let host_clock = settings.has_host_clock.then(HostClock::start);
    let input = match settings.stdin {
        StandardInput::Ended => None,
        StandardInput::Stream => Some(None),
        StandardInput::Terminal(window) => Some(Some(window)),
    };
    let input = input.map(|window| Rc::new(ConsoleInput::new(window)));
    let console = input.clone().map_or(Target::Console, Target::ConsoleInput);
    let process = Process::first((path, settings.path), thread, loaded.space, cwd, console);
    let process = Box::new(process);
    let mut processes = Processes::new();
    if matches!(settings.stdin, StandardInput::Terminal(_)) {
        // Its keys interrupt a program that asks for nothing, too.
        processes.ticker().start();
    }
    kernel::run(Kernel {
        fs,
        process,
        processes,
        attention_at: u64::MAX,
        charged_until: settings.epoch_ns,
        settings,
        output,
        missing: MissingCalls::new(),
        host_clock,
        input,
        random,
        nr_calls: 0,
        slept_ns: 0,
        ranges: Ranges::new(),
    })
}

fn working_directory(fs: &mut FileSystem, path: &[u8]) -> InodeId {
    if path == b"/" {
        return InodeId::ROOT;
    }
    match fs.resolve(InodeId::ROOT, path, Follow::Last) {
        Ok(inode) if fs.kind(inode) == Kind::Directory => inode,
        _ => bad_input(&format!(
            "working directory {}: no such directory in the archive",
            Shown(path)
        )),
    }
}

/// The root of page tables that map the kernel alone, after which all others are made.
pub fn table_pattern() -> PhysAddr {
    PhysAddr((&raw const kernel_tables).addr() as u64)
}

/// Physical memory as the boot code reads it, through the direct map.
fn at<T>(address: u64) -> *const T {
    (DIRECT_MAP + address) as *const T
}

fn page_up(address: u64) -> u64 {
    address.next_multiple_of(PAGE_SIZE)
}
