// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Request: finds header, data and status byte in a chain's buffers, and carries the request out.
//!
//! The header is the first 16 device-readable bytes, the status byte the last device-writable one;
//! data are what is left, wherever descriptors begin and end (Virtio 1.2, 2.7.4 and 5.2.6).
//! Everything about a transfer is checked before its first byte moves.

use std::fmt;
use std::io;

use seed_protocols::block::{ID_SIZE, RequestHeader, RequestType, SECTOR_SIZE, Status};
use vm_memory::bitmap::BS;
use vm_memory::{Bytes, GuestAddress, GuestMemory, GuestMemoryError, Permissions, VolatileSlice};

use super::disk::{Access, Disk};
use crate::virtio::{Buffers, ChainError, Segment, Segments};

/// Length in bytes of the header, among lengths of buffers.
const HEADER_LENGTH: u64 = RequestHeader::SIZE as u64;

/// Length in bytes of the status.
const STATUS_LENGTH: u64 = 1;

/// Why a request was refused or failed.
#[derive(Debug)]
pub enum RequestError {
    /// The descriptor chain is unusable; there is nothing to answer in.
    Chain(ChainError),
    /// No device-writable byte in guest memory for the status; there is nothing to answer in.
    NoStatus,
    /// The header is cut short.
    ShortHeader {
        /// Device-readable bytes that there are.
        length_bytes: u64,
    },
    /// A buffer is not in guest memory.
    OutsideMemory {
        /// First byte of the buffer.
        address: GuestAddress,
        /// Its length in bytes.
        length_bytes: u32,
    },
    /// A buffer in guest memory could not be accessed.
    Memory(GuestMemoryError),
    /// Data in a direction that the request has no use for.
    WrongDirection,
    /// The data of a transfer are no whole number of sectors, or too short for an identity.
    BadLength {
        /// Length of the data in bytes.
        length_bytes: u64,
    },
    /// The transfer reaches beyond the disk's end.
    BeyondEnd {
        /// First sector of the transfer.
        sector: u64,
        /// Its length in bytes.
        length_bytes: u64,
    },
    /// A write to a read-only disk.
    ReadOnly,
    /// A request type that the device does not know.
    Unsupported(u32),
    /// The host could not read the disk.
    Read(io::Error),
    /// The host could not write the disk.
    Write(io::Error),
    /// The host could not make writes durable.
    Flush(io::Error),
}

impl RequestError {
    /// The status byte that tells a driver.
    pub(super) fn status(&self) -> Status {
        match self {
            Self::Unsupported(_) => Status::Unsupported,
            _ => Status::IoErr,
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain(_) => write!(f, "unusable descriptor chain"),
            Self::NoStatus => write!(f, "request without a place for its status"),
            Self::ShortHeader { length_bytes } => {
                write!(f, "request header of {length_bytes} bytes")
            }
            Self::OutsideMemory { address, length_bytes } => {
                write!(f, "buffer of {length_bytes} bytes at {:#x} not in memory", address.0)
            }
            Self::Memory(_) => write!(f, "cannot access guest memory"),
            Self::WrongDirection => write!(f, "data in the wrong direction"),
            Self::BadLength { length_bytes } => write!(f, "data of {length_bytes} bytes"),
            Self::BeyondEnd { sector, length_bytes } => {
                write!(f, "{length_bytes} bytes from sector {sector} on are beyond the disk's end")
            }
            Self::ReadOnly => write!(f, "write to a read-only disk"),
            Self::Unsupported(kind) => write!(f, "unknown request type {kind}"),
            Self::Read(_) => write!(f, "cannot read the disk"),
            Self::Write(_) => write!(f, "cannot write the disk"),
            Self::Flush(_) => write!(f, "cannot flush the disk"),
        }
    }
}

impl std::error::Error for RequestError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Chain(cause) => Some(cause),
            Self::Memory(cause) => Some(cause),
            Self::Read(cause) | Self::Write(cause) | Self::Flush(cause) => Some(cause),
            _ => None,
        }
    }
}

/// What a request did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// Bytes went from the disk to memory.
    Read(u64),
    /// Bytes went from memory to the disk.
    Written(u64),
    /// Nothing that counts as a transfer.
    Other,
}

/// A request that can be answered.
pub(super) struct Request<'a, M> {
    memory: &'a M,
    readable: Segments<'a>,
    writable: Segments<'a>,
    writable_length: u64,
    status_address: GuestAddress,
}

impl<'a, M: GuestMemory> Request<'a, M> {
    /// The request in `buffers`; its status byte can be written.
    pub(super) fn new(buffers: &'a Buffers, memory: &'a M) -> Result<Self, RequestError> {
        let (readable, writable) = (buffers.readable(), buffers.writable());
        let writable_length = writable.length_bytes();
        let status_address = writable_length
            .checked_sub(STATUS_LENGTH)
            .and_then(|before_status| writable.part(before_status, STATUS_LENGTH).next())
            .map(|segment| segment.address)
            .filter(|&address| memory.check_range(address, 1, Permissions::Write))
            .ok_or(RequestError::NoStatus)?;
        Ok(Self { memory, readable, writable, writable_length, status_address })
    }

    /// Writes the status; returns the length of the device-writable part.
    ///
    /// That is what the used ring gets, failed transfers included, as from QEMU: a driver may look
    /// at the status only if it lies within that length.
    pub(super) fn answer(&self, status: Status) -> Result<u32, RequestError> {
        self.memory
            .write_obj(u8::from(status), self.status_address)
            .map_err(RequestError::Memory)?;
        // A chain is shorter than 2^32 bytes.
        Ok(u32::try_from(self.writable_length).unwrap_or(u32::MAX))
    }

    /// Does what the request asks for.
    pub(super) fn execute<D: Disk>(&self, disk: &mut D) -> Result<Done, RequestError> {
        let header = self.read_header()?;
        match header.kind {
            RequestType::In => self.read_sectors(disk, header.sector),
            RequestType::Out => self.write_sectors(disk, header.sector),
            RequestType::Flush => {
                disk.sync().map_err(RequestError::Flush)?;
                Ok(Done::Other)
            }
            RequestType::GetId => self.write_id(disk.id()),
            RequestType::Unknown(kind) => Err(RequestError::Unsupported(kind)),
        }
    }

    fn read_header(&self) -> Result<RequestHeader, RequestError> {
        let length_bytes = self.readable.length_bytes();
        if length_bytes < HEADER_LENGTH {
            return Err(RequestError::ShortHeader { length_bytes });
        }
        let mut bytes = [0; RequestHeader::SIZE];
        let mut rest = &mut bytes[..];
        for segment in self.readable.part(0, HEADER_LENGTH) {
            let (piece, behind) = rest.split_at_mut(segment.length_bytes as usize);
            self.memory.read_slice(piece, segment.address).map_err(RequestError::Memory)?;
            rest = behind;
        }
        Ok(RequestHeader::parse(&bytes))
    }

    fn read_sectors<D: Disk>(&self, disk: &mut D, sector: u64) -> Result<Done, RequestError> {
        if self.readable.length_bytes() != HEADER_LENGTH {
            return Err(RequestError::WrongDirection);
        }
        let length_bytes = self.writable_length - STATUS_LENGTH;
        let start = checked_offset(disk, sector, length_bytes)?;
        self.transfer(self.data_to_driver(), Permissions::Write, start, |offset_bytes, slice| {
            disk.read_at(offset_bytes, slice).map_err(RequestError::Read)
        })?;
        Ok(Done::Read(length_bytes))
    }

    fn write_sectors<D: Disk>(&self, disk: &mut D, sector: u64) -> Result<Done, RequestError> {
        if disk.access() == Access::ReadOnly {
            return Err(RequestError::ReadOnly);
        }
        if self.writable_length != STATUS_LENGTH {
            return Err(RequestError::WrongDirection);
        }
        let length_bytes = self.readable.length_bytes() - HEADER_LENGTH;
        let start = checked_offset(disk, sector, length_bytes)?;
        self.transfer(self.data_from_driver(), Permissions::Read, start, |offset_bytes, slice| {
            disk.write_at(offset_bytes, slice).map_err(RequestError::Write)
        })?;
        Ok(Done::Written(length_bytes))
    }

    /// Has `move_piece` move each contiguous piece of `segments`, which start at `offset_bytes` of
    /// the disk; nothing moves if one of them is not in memory.
    fn transfer(
        &self,
        segments: impl Iterator<Item = Segment> + Clone,
        access: Permissions,
        mut offset_bytes: u64,
        mut move_piece: impl FnMut(
            u64,
            &VolatileSlice<'_, BS<'_, M::Bitmap>>,
        ) -> Result<(), RequestError>,
    ) -> Result<(), RequestError> {
        for Segment { address, length_bytes } in segments.clone() {
            if !self.memory.check_range(address, length_bytes as usize, access) {
                return Err(RequestError::OutsideMemory { address, length_bytes });
            }
        }
        for Segment { address, length_bytes } in segments {
            let slices = self.memory.get_slices(address, length_bytes as usize, access);
            for slice in slices.map_err(RequestError::Memory)? {
                let slice = slice.map_err(RequestError::Memory)?;
                move_piece(offset_bytes, &slice)?;
                offset_bytes += slice.len() as u64;
            }
        }
        Ok(())
    }

    fn write_id(&self, id: [u8; ID_SIZE]) -> Result<Done, RequestError> {
        let length_bytes = self.writable_length - STATUS_LENGTH;
        if length_bytes < ID_SIZE as u64 {
            return Err(RequestError::BadLength { length_bytes });
        }
        let mut rest = &id[..];
        for segment in self.writable.part(0, ID_SIZE as u64) {
            let (piece, behind) = rest.split_at(segment.length_bytes as usize);
            self.memory.write_slice(piece, segment.address).map_err(RequestError::Memory)?;
            rest = behind;
        }
        Ok(Done::Other)
    }

    fn data_to_driver(&self) -> impl Iterator<Item = Segment> + Clone + use<'a, M> {
        self.writable.part(0, self.writable_length - STATUS_LENGTH)
    }

    fn data_from_driver(&self) -> impl Iterator<Item = Segment> + Clone + use<'a, M> {
        self.readable.part(HEADER_LENGTH, u64::MAX)
    }
}

/// Offset in bytes of a transfer that lies within the disk and is a whole number of sectors.
fn checked_offset<D: Disk>(disk: &D, sector: u64, length_bytes: u64) -> Result<u64, RequestError> {
    if !length_bytes.is_multiple_of(SECTOR_SIZE) {
        return Err(RequestError::BadLength { length_bytes });
    }
    sector
        .checked_add(length_bytes / SECTOR_SIZE)
        .filter(|&end| end <= disk.capacity_sectors())
        .and_then(|_| sector.checked_mul(SECTOR_SIZE))
        .ok_or(RequestError::BeyondEnd { sector, length_bytes })
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{Read, Seek, SeekFrom, Write};

    use super::super::{BlockDevice, FileDisk};
    use super::*;
    use crate::virtio::mock_driver::{
        DESCRIPTORS, HEADER, INDIRECT, MEMORY_END, MockDriver, NEXT, QUEUE_SIZE, READ,
        SECOND_REGION, STATUS, UNANSWERED, WRITE,
    };
    use vmm_sys_util::tempfile::TempFile;

    const IN: u32 = 0;
    const OUT: u32 = 1;
    const FLUSH: u32 = 4;
    const GET_ID: u32 = 8;

    const OK: u8 = 0;
    const IOERR: u8 = 1;
    const UNSUPP: u8 = 2;

    const DATA: u64 = 0x1_0000;

    /// A byte that tells its place in the file.
    fn pattern(offset: usize) -> u8 {
        (offset / 512 * 7 + offset) as u8
    }

    fn contents(length: usize) -> Vec<u8> {
        (0..length).map(pattern).collect()
    }

    fn driver(contents: &[u8], access: Access) -> MockDriver<BlockDevice<FileDisk>> {
        let mut file = TempFile::new().unwrap().into_file();
        file.write_all(contents).unwrap();
        let disk = FileDisk::new(file, access, *b"serial number 123\0\0\0").unwrap();
        MockDriver::set_up(BlockDevice::new(disk))
    }

    fn file_bytes(driver: &MockDriver<BlockDevice<FileDisk>>) -> Vec<u8> {
        let mut file: &File = driver.transport.device().disk().file();
        file.seek(SeekFrom::Start(0)).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        bytes
    }

    fn refused(driver: &MockDriver<BlockDevice<FileDisk>>) -> u64 {
        driver.transport.device().stats().refused
    }

    #[test]
    fn a_sector_is_read() {
        let mut driver = driver(&contents(2048), Access::ReadOnly);
        assert_eq!(driver.request(IN, 2, &[(DATA, 512, WRITE)]), (OK, 513));
        assert_eq!(driver.get(DATA, 512), contents(2048)[1024..1536]);
        let stats = driver.transport.device().stats();
        assert_eq!((stats.requests, stats.bytes_read, stats.refused), (1, 512, 0));
    }

    #[test]
    fn a_read_fills_many_buffers_of_any_length() {
        let mut driver = driver(&contents(2048), Access::ReadOnly);
        let data = [(DATA + 1, 1, WRITE), (0x2_0000, 0, WRITE), (0x3_0003, 1535, WRITE)];
        assert_eq!(driver.request(IN, 1, &data), (OK, 1537));
        assert_eq!(driver.get(DATA + 1, 1), contents(2048)[512..513]);
        assert_eq!(driver.get(0x3_0003, 1535), contents(2048)[513..]);
    }

    #[test]
    fn a_write_takes_many_buffers_of_any_length() {
        let mut driver = driver(&[0; 2048], Access::ReadWrite);
        driver.put(DATA, &[1; 100]);
        driver.put(0x2_0001, &[2; 412]);
        driver.put(0x3_0000, &[3; 512]);
        let data = [(DATA, 100, READ), (0x2_0001, 412, READ), (0x3_0000, 512, READ)];
        assert_eq!(driver.request(OUT, 1, &data), (OK, 1));
        let mut expected = vec![0; 2048];
        expected[512..612].fill(1);
        expected[612..1024].fill(2);
        expected[1024..1536].fill(3);
        assert_eq!(file_bytes(&driver), expected);
        assert_eq!(driver.transport.device().stats().bytes_written, 1024);
    }

    #[test]
    fn megabytes_move_in_one_request_across_memory_regions() {
        const LENGTH: u32 = 6 << 20;
        let mut driver = driver(&contents(LENGTH as usize), Access::ReadWrite);
        // The first buffer begins in one memory region and ends in the next.
        let first = SECOND_REGION - 0x1234;
        let data = [(first, 5 << 20, WRITE), (0x100_0000, 1 << 20, WRITE)];
        assert_eq!(driver.request(IN, 0, &data), (OK, LENGTH + 1));
        let bytes = contents(LENGTH as usize);
        assert!(driver.get(first, 5 << 20) == bytes[..5 << 20]);
        assert!(driver.get(0x100_0000, 1 << 20) == bytes[5 << 20..]);

        let reversed: Vec<_> = bytes.iter().rev().copied().collect();
        driver.put(first, &reversed);
        assert_eq!(driver.request(OUT, 0, &[(first, LENGTH, READ)]), (OK, 1));
        assert!(file_bytes(&driver) == reversed);
    }

    #[test]
    fn header_data_and_status_are_found_wherever_descriptors_end() {
        let mut driver = driver(&[0; 1024], Access::ReadWrite);
        driver.put_header(OUT, 1);
        driver.put(HEADER + 16, &[9; 512]);
        let used = driver.run_chain(&[
            (HEADER, 3, READ),
            (HEADER + 3, 12, READ),
            (HEADER + 15, 513, READ),
            (STATUS - 5, 0, WRITE),
            (STATUS, 1, WRITE),
        ]);
        assert_eq!((used, driver.get(STATUS, 1)), (1, vec![OK]));
        assert_eq!(file_bytes(&driver)[512..], [9; 512]);

        driver.put_header(IN, 1);
        let used = driver.run_chain(&[(HEADER, 16, READ), (STATUS - 512, 513, WRITE)]);
        assert_eq!((used, driver.get(STATUS, 1)), (513, vec![OK]));
        assert_eq!(driver.get(STATUS - 512, 512), [9; 512]);
    }

    #[test]
    fn an_indirect_request_is_served() {
        let mut driver = driver(&contents(512), Access::ReadOnly);
        driver.put_header(IN, 0);
        let table = [(HEADER, 16, READ), (DATA, 512, WRITE), (STATUS, 1, WRITE)];
        driver.put_chain(0x4008, &table);
        assert_eq!(driver.run_chain(&[(0x4008, 48, INDIRECT)]), 513);
        assert_eq!(driver.get(DATA, 512), contents(512));
    }

    #[test]
    fn partial_last_sector_is_padded_when_read_only() {
        let mut driver = driver(&contents(700), Access::ReadOnly);
        driver.put(DATA, &[0xff; 1024]);
        assert_eq!(driver.request(IN, 0, &[(DATA, 1024, WRITE)]), (OK, 1025));
        let mut expected = contents(700);
        expected.resize(1024, 0);
        assert_eq!(driver.get(DATA, 1024), expected);
        assert_eq!(driver.request(IN, 2, &[(DATA, 512, WRITE)]).0, IOERR);
    }

    #[test]
    fn partial_last_sector_is_left_alone_when_writable() {
        let mut driver = driver(&contents(700), Access::ReadWrite);
        assert_eq!(driver.request(OUT, 1, &[(DATA, 512, READ)]).0, IOERR);
        assert_eq!(driver.request(OUT, 0, &[(DATA, 512, READ)]).0, OK);
        assert_eq!(file_bytes(&driver).len(), 700);
    }

    #[test]
    fn a_read_only_disk_refuses_writes() {
        let mut driver = driver(&contents(1024), Access::ReadOnly);
        assert_eq!(driver.request(OUT, 0, &[(DATA, 512, READ)]), (IOERR, 1));
        assert_eq!(file_bytes(&driver), contents(1024));
        let last_error = driver.transport.device().last_error();
        assert!(matches!(last_error, Some(RequestError::ReadOnly)));
    }

    #[test]
    fn transfers_beyond_the_end_move_nothing() {
        let mut driver = driver(&contents(1024), Access::ReadWrite);
        for (sector, length) in [
            (2, 512),
            (1, 1024),
            (u64::MAX, 512),
            (u64::MAX / 512, 512),
            (1 << 55, 512),
            (u64::MAX, 0),
            (0, 0xffff_fe00),
        ] {
            driver.put(DATA, &[0xaa; 16]);
            let (status, _) = driver.request(IN, sector, &[(DATA, length, WRITE)]);
            assert_eq!(status, IOERR, "read of {length} at sector {sector}");
            assert_eq!(driver.get(DATA, 16), [0xaa; 16]);
            let (status, _) = driver.request(OUT, sector, &[(DATA, length, READ)]);
            assert_eq!(status, IOERR, "write of {length} at sector {sector}");
        }
        assert_eq!(file_bytes(&driver), contents(1024));
        assert_eq!(refused(&driver), 14);
    }

    #[test]
    fn partial_sectors_are_refused() {
        let mut driver = driver(&contents(1024), Access::ReadWrite);
        for length in [1, 511, 513] {
            assert_eq!(driver.request(IN, 0, &[(DATA, length, WRITE)]).0, IOERR);
            assert_eq!(driver.request(OUT, 0, &[(DATA, length, READ)]).0, IOERR);
        }
        assert_eq!(file_bytes(&driver), contents(1024));
    }

    #[test]
    fn an_empty_transfer_succeeds() {
        let mut driver = driver(&contents(1024), Access::ReadWrite);
        assert_eq!(driver.request(IN, 0, &[]), (OK, 1));
        assert_eq!(driver.request(OUT, 2, &[(DATA, 0, READ)]), (OK, 1));
    }

    #[test]
    fn data_in_the_wrong_direction_are_refused() {
        let mut driver = driver(&contents(1024), Access::ReadWrite);
        assert_eq!(driver.request(IN, 0, &[(DATA, 512, READ)]).0, IOERR);
        assert_eq!(driver.request(OUT, 0, &[(DATA, 512, WRITE)]).0, IOERR);
        let both = [(DATA, 512, READ), (DATA, 512, WRITE)];
        assert_eq!(driver.request(IN, 0, &both).0, IOERR);
        assert_eq!(driver.request(OUT, 0, &both).0, IOERR);
        assert_eq!(file_bytes(&driver), contents(1024));
    }

    #[test]
    fn unreachable_buffers_are_refused_before_anything_moves() {
        let mut driver = driver(&contents(4096), Access::ReadWrite);
        driver.put(DATA, &[0xaa; 512]);
        for (address, length) in
            [(MEMORY_END, 512), (MEMORY_END - 511, 512), (0xfeb0_0000, 512), (u64::MAX - 512, 512)]
        {
            let read = [(DATA, 512, WRITE), (address, length, WRITE)];
            assert_eq!(driver.request(IN, 0, &read).0, IOERR);
            assert_eq!(driver.get(DATA, 512), [0xaa; 512]);
            let write = [(DATA, 512, READ), (address, length, READ)];
            assert_eq!(driver.request(OUT, 0, &write).0, IOERR);
        }
        assert_eq!(file_bytes(&driver), contents(4096));
    }

    #[test]
    fn an_unreachable_or_short_header_is_refused() {
        let mut driver = driver(&contents(512), Access::ReadOnly);
        for header in [(MEMORY_END - 8, 16, READ), (HEADER, 15, READ), (HEADER, 0, READ)] {
            driver.put_header(IN, 0);
            assert_eq!(driver.run_chain(&[header, (STATUS, 1, WRITE)]), 1);
            assert_eq!(driver.get(STATUS, 1), [IOERR]);
        }
        driver.put(STATUS, &[UNANSWERED]);
        assert_eq!(driver.run_chain(&[(STATUS, 1, WRITE)]), 1);
        assert_eq!(driver.get(STATUS, 1), [IOERR]);
    }

    #[test]
    fn requests_without_a_place_for_the_status_do_nothing() {
        let mut driver = driver(&contents(1024), Access::ReadWrite);
        driver.put_header(OUT, 0);
        let header = (HEADER, 16, READ);
        let data = (DATA, 512, READ);
        for chain in [
            &[header, data][..],
            &[header, data, (STATUS, 0, WRITE)],
            &[header, data, (MEMORY_END, 1, WRITE)],
            &[header, data, (u64::MAX, 1, WRITE)],
            &[header, data, (u64::MAX, 2, WRITE)],
            // The status descriptor is there, but not writable.
            &[header, data, (STATUS, 1, READ)],
        ] {
            assert_eq!(driver.run_chain(chain), 0);
        }
        assert_eq!(file_bytes(&driver), contents(1024));
        assert_eq!(refused(&driver), 6);
    }

    #[test]
    fn broken_chains_do_nothing_and_come_back_empty() {
        let mut driver = driver(&contents(1024), Access::ReadWrite);
        let header = (HEADER, 16, READ);
        let status = (STATUS, 1, WRITE);
        let breakers: [&dyn Fn(&mut MockDriver<_>); 8] = [
            // Loops: onto itself, and back to the head.
            &|driver| driver.put_descriptor(DESCRIPTORS, 1, (DATA, 512, READ | NEXT), 1),
            &|driver| driver.put_descriptor(DESCRIPTORS, 2, (STATUS, 1, WRITE | NEXT), 0),
            // Out of the table.
            &|driver| driver.put_descriptor(DESCRIPTORS, 2, (STATUS, 1, WRITE | NEXT), QUEUE_SIZE),
            // 2^32 bytes and more.
            &|driver| driver.put_descriptor(DESCRIPTORS, 1, (DATA, u32::MAX, READ | NEXT), 2),
            // A device-readable descriptor behind a writable one.
            &|driver| driver.put_descriptor(DESCRIPTORS, 0, (STATUS, 1, WRITE | NEXT), 1),
            // Indirect tables: of a broken length, empty, not in memory.
            &|driver| driver.put_descriptor(DESCRIPTORS, 0, (0x4000, 40, INDIRECT), 0),
            &|driver| driver.put_descriptor(DESCRIPTORS, 0, (0x4000, 0, INDIRECT), 0),
            &|driver| driver.put_descriptor(DESCRIPTORS, 0, (MEMORY_END, 16, INDIRECT), 0),
        ];
        for (number, spoil) in breakers.iter().enumerate() {
            driver.put_header(OUT, 0);
            driver.put_chain(DESCRIPTORS, &[header, (DATA, 512, READ), status]);
            spoil(&mut driver);
            assert_eq!(driver.run_head(0), 0, "chain {number}");
            assert_eq!(driver.get(STATUS, 1), [UNANSWERED]);
        }
        assert_eq!(file_bytes(&driver), contents(1024));
        assert_eq!(refused(&driver), 8);
        assert_eq!(driver.request(IN, 0, &[(DATA, 512, WRITE)]).0, OK);
    }

    #[test]
    fn an_indirect_chain_longer_than_the_queue_is_refused() {
        let mut driver = driver(&contents(1024), Access::ReadWrite);
        let mut table = vec![(HEADER, 16, READ)];
        table.resize(256, (DATA, 0, READ));
        table.push((STATUS, 1, WRITE));
        driver.put_header(OUT, 0);
        driver.put_chain(SECOND_REGION, &table);
        assert_eq!(driver.run_chain(&[(SECOND_REGION, 257 * 16, INDIRECT)]), 0);
        table.remove(1);
        driver.put_chain(SECOND_REGION, &table);
        assert_eq!(driver.run_chain(&[(SECOND_REGION, 256 * 16, INDIRECT)]), 1);
        assert_eq!(driver.get(STATUS, 1), [OK]);
    }

    #[test]
    fn the_identity_is_told() {
        let mut driver = driver(&[], Access::ReadOnly);
        assert_eq!(driver.request(GET_ID, 0, &[(DATA, 7, WRITE), (0x2_0000, 13, WRITE)]), (OK, 21));
        assert_eq!(driver.get(DATA, 7), *b"serial ");
        assert_eq!(driver.get(0x2_0000, 13), *b"number 123\0\0\0");
        assert_eq!(driver.request(GET_ID, 0, &[(DATA, 19, WRITE)]).0, IOERR);
        let outside = [(MEMORY_END - 4, 20, WRITE)];
        assert_eq!(driver.request(GET_ID, 0, &outside).0, IOERR);
    }

    #[test]
    fn unknown_requests_are_unsupported() {
        let mut driver = driver(&contents(512), Access::ReadWrite);
        for kind in [2, 3, 5, 11, 13, u32::MAX] {
            assert_eq!(driver.request(kind, 0, &[(DATA, 512, WRITE)]), (UNSUPP, 513));
        }
    }

    #[test]
    fn a_flush_succeeds_on_either_disk() {
        for access in [Access::ReadOnly, Access::ReadWrite] {
            let mut driver = driver(&contents(512), access);
            assert_eq!(driver.request(FLUSH, 0, &[]), (OK, 1));
        }
    }

    #[test]
    fn a_file_that_shrank_gives_an_error() {
        let mut driver = driver(&contents(4096), Access::ReadOnly);
        driver.transport.device().disk().file().set_len(1024).unwrap();
        assert_eq!(driver.request(IN, 0, &[(DATA, 1024, WRITE)]).0, OK);
        assert_eq!(driver.request(IN, 0, &[(DATA, 4096, WRITE)]).0, IOERR);
        let last_error = driver.transport.device().last_error();
        assert!(matches!(last_error, Some(RequestError::Read(_))));
    }

    #[test]
    fn a_transfer_onto_its_own_descriptors_changes_nothing_for_it() {
        let mut driver = driver(&[0xff; 1024], Access::ReadOnly);
        let (status, used_length) = driver.request(IN, 0, &[(DESCRIPTORS, 1024, WRITE)]);
        assert_eq!((status, used_length), (OK, 1025));
        assert_eq!(driver.get(DESCRIPTORS, 1024), [0xff; 1024]);
    }
}
