// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Block device: one request queue in front of a disk.

use seed_protocols::block::{CONFIG_CAPACITY, CONFIG_SEG_MAX, F_FLUSH, F_RO, F_SEG_MAX, Status};
use seed_protocols::virtio::DEVICE_ID_BLOCK;
use virtio_queue::{DescriptorChain, Queue};
use vm_memory::GuestMemory;

use super::disk::{Access, Disk};
use super::request::{Done, Request, RequestError};
use crate::virtio::{Buffers, QueueError, VirtioDevice, serve_available};

/// The largest size of the request queue.
pub const QUEUE_SIZE_MAX: u16 = 256;

/// Data segments of the longest chain: all but those of the header and the status.
const SEG_MAX: u32 = QUEUE_SIZE_MAX as u32 - 2;

/// Size in bytes of the configuration space, which ends with the last field of an offered feature.
const CONFIG_SIZE: usize = CONFIG_SEG_MAX as usize + size_of::<u32>();

/// What a block device has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockStats {
    /// Requests, the refused ones included.
    pub requests: u64,
    /// Bytes that successful requests read.
    pub bytes_read: u64,
    /// Bytes that successful requests wrote.
    pub bytes_written: u64,
    /// Requests that were refused or failed.
    pub refused: u64,
}

/// A virtio-blk device.
#[derive(Debug)]
pub struct BlockDevice<D> {
    disk: D,
    buffers: Buffers,
    stats: BlockStats,
    last_error: Option<RequestError>,
}

impl<D: Disk> BlockDevice<D> {
    /// A device with `disk` in it.
    #[must_use]
    pub fn new(disk: D) -> Self {
        Self {
            disk,
            buffers: Buffers::new(QUEUE_SIZE_MAX),
            stats: BlockStats::default(),
            last_error: None,
        }
    }

    /// The disk.
    #[must_use]
    pub fn disk(&self) -> &D {
        &self.disk
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> BlockStats {
        self.stats
    }

    /// Why the last refused request was refused.
    #[must_use]
    pub fn last_error(&self) -> Option<&RequestError> {
        self.last_error.as_ref()
    }

    /// Serves one chain; returns the length for the used ring.
    fn serve<M: GuestMemory>(&mut self, chain: DescriptorChain<&M>, memory: &M) -> u32 {
        self.stats.requests += 1;
        // A chain in which no status can be left is returned with length 0.
        self.try_serve(chain, memory).unwrap_or_else(|error| {
            self.record(error);
            0
        })
    }

    fn try_serve<M: GuestMemory>(
        &mut self,
        chain: DescriptorChain<&M>,
        memory: &M,
    ) -> Result<u32, RequestError> {
        self.buffers.load(chain).map_err(RequestError::Chain)?;
        let request = Request::new(&self.buffers, memory)?;
        match request.execute(&mut self.disk) {
            Ok(done) => {
                match done {
                    Done::Read(bytes) => self.stats.bytes_read += bytes,
                    Done::Written(bytes) => self.stats.bytes_written += bytes,
                    Done::Other => {}
                }
                request.answer(Status::Ok)
            }
            Err(error) => {
                let used_length = request.answer(error.status())?;
                self.record(error);
                Ok(used_length)
            }
        }
    }

    fn record(&mut self, error: RequestError) {
        self.stats.refused += 1;
        self.last_error = Some(error);
    }

    fn config(&self) -> [u8; CONFIG_SIZE] {
        let mut config = [0; CONFIG_SIZE];
        let mut put = |offset: u64, field: &[u8]| {
            let start = offset as usize;
            config[start..start + field.len()].copy_from_slice(field);
        };
        put(CONFIG_CAPACITY, &self.disk.capacity_sectors().to_le_bytes());
        put(CONFIG_SEG_MAX, &SEG_MAX.to_le_bytes());
        config
    }
}

impl<D: Disk> VirtioDevice for BlockDevice<D> {
    fn device_id(&self) -> u32 {
        DEVICE_ID_BLOCK
    }

    fn features(&self) -> u64 {
        let read_only = match self.disk.access() {
            Access::ReadOnly => 1 << F_RO,
            Access::ReadWrite => 0,
        };
        1 << F_SEG_MAX | 1 << F_FLUSH | read_only
    }

    fn queue_max_sizes(&self) -> &[u16] {
        &[QUEUE_SIZE_MAX]
    }

    fn read_config(&self, offset: u64, data: &mut [u8]) {
        let config = self.config();
        let behind = usize::try_from(offset).ok().and_then(|start| config.get(start..));
        for (byte, &value) in data.iter_mut().zip(behind.unwrap_or(&[])) {
            *byte = value;
        }
    }

    fn process_queue<M: GuestMemory>(
        &mut self,
        _index: usize,
        queue: &mut Queue,
        memory: &M,
    ) -> Result<u16, QueueError> {
        serve_available(queue, memory, u16::MAX, |chain| self.serve(chain, memory))
    }

    /// There is nothing to forget: a request is complete before the next one is looked at.
    fn reset(&mut self) {}
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::virtio::mock_driver::{
        AVAILABLE, DESCRIPTORS, HEADER, MockDriver, QUEUE_SIZE, READ, STATUS, WRITE,
    };
    use seed_protocols::block::ID_SIZE;
    use vm_memory::bitmap::BitmapSlice;
    use vm_memory::{Bytes, VolatileSlice};

    const DATA: u64 = 0x1_0000;

    /// A disk whose host may fail, and which reads as an available ring that is always one chain
    /// further ahead than the number of reads.
    #[derive(Debug)]
    struct FakeDisk {
        access: Access,
        nr_reads: u8,
        is_broken: bool,
        nr_syncs: u32,
    }

    impl FakeDisk {
        fn new(access: Access) -> Self {
            Self { access, nr_reads: 0, is_broken: false, nr_syncs: 0 }
        }

        fn outcome(&self) -> io::Result<()> {
            if self.is_broken { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }
    }

    impl Disk for FakeDisk {
        fn access(&self) -> Access {
            self.access
        }

        fn capacity_sectors(&self) -> u64 {
            0x0102_0304_0506_0708
        }

        fn id(&self) -> [u8; ID_SIZE] {
            [b'x'; ID_SIZE]
        }

        fn read_at<B: BitmapSlice>(
            &mut self,
            _offset_bytes: u64,
            buffer: &VolatileSlice<'_, B>,
        ) -> io::Result<()> {
            self.nr_reads += 1;
            let mut ring = vec![0; buffer.len()];
            ring[2] = self.nr_reads + 1;
            buffer.write_slice(&ring, 0).unwrap();
            self.outcome()
        }

        fn write_at<B: BitmapSlice>(
            &mut self,
            _offset_bytes: u64,
            _buffer: &VolatileSlice<'_, B>,
        ) -> io::Result<()> {
            self.outcome()
        }

        fn sync(&mut self) -> io::Result<()> {
            self.nr_syncs += 1;
            self.outcome()
        }
    }

    fn driver(disk: FakeDisk) -> MockDriver<BlockDevice<FakeDisk>> {
        MockDriver::set_up(BlockDevice::new(disk))
    }

    #[test]
    fn a_disk_introduces_itself() {
        for (access, features) in
            [(Access::ReadOnly, 0x1000_0224), (Access::ReadWrite, 0x1000_0204)]
        {
            let mut driver = MockDriver::new(BlockDevice::new(FakeDisk::new(access)));
            assert_eq!(driver.read(0x08), 2);
            assert_eq!(driver.read(0x10), features);
            assert_eq!(driver.read(0x34), 256);
            assert_eq!(driver.read(0x100), 0x0506_0708);
            assert_eq!(driver.read(0x104), 0x0102_0304);
            assert_eq!(driver.read(0x108), 0);
            assert_eq!(driver.read(0x10c), 254);
            assert_eq!(driver.read(0x110), 0);
        }
    }

    #[test]
    fn a_flush_reaches_the_disk() {
        let mut driver = driver(FakeDisk::new(Access::ReadWrite));
        assert_eq!(driver.request(4, 0, &[]), (0, 1));
        assert_eq!(driver.transport.device().disk().nr_syncs, 1);
    }

    #[test]
    fn a_failing_host_is_an_io_error_with_its_cause_kept() {
        let mut disk = FakeDisk::new(Access::ReadWrite);
        disk.is_broken = true;
        let mut driver = driver(disk);
        let cases = [
            (4, &[][..], "cannot flush the disk"),
            (0, &[(DATA, 512, WRITE)], "cannot read the disk"),
            (1, &[(DATA, 512, READ)], "cannot write the disk"),
        ];
        for (kind, data, message) in cases {
            assert_eq!(driver.request(kind, 0, data).0, 1);
            let error = driver.transport.device().last_error().unwrap();
            assert_eq!(error.to_string(), message);
            assert!(std::error::Error::source(error).is_some());
        }
        let stats = driver.transport.device().stats();
        let expected = BlockStats { requests: 3, refused: 3, ..BlockStats::default() };
        assert_eq!(stats, expected);
    }

    #[test]
    fn a_read_onto_the_available_ring_cannot_keep_the_device_busy() {
        let mut driver = driver(FakeDisk::new(Access::ReadOnly));
        driver.put_header(0, 0);
        driver.put_chain(
            DESCRIPTORS,
            &[(HEADER, 16, READ), (AVAILABLE, 512, WRITE), (STATUS, 1, WRITE)],
        );
        driver.make_available(0);
        driver.notify();
        assert_eq!(driver.nr_used(), 1);
        assert_eq!(driver.get(AVAILABLE + 2, 2), [2, 0], "the ring did not move on");
        driver.notify();
        assert_eq!(driver.nr_used(), 2);
        assert_eq!(driver.read(0x70), 0xf);
    }

    #[test]
    fn a_queue_full_of_requests_is_served_at_once() {
        let mut driver = driver(FakeDisk::new(Access::ReadOnly));
        driver.put_header(0, 0);
        driver
            .put_chain(DESCRIPTORS, &[(HEADER, 16, READ), (DATA, 512, WRITE), (STATUS, 1, WRITE)]);
        for _ in 0..QUEUE_SIZE {
            driver.make_available(0);
        }
        driver.notify();
        assert_eq!(driver.nr_used(), QUEUE_SIZE);
        assert_eq!(driver.transport.device().stats().bytes_read, 512 * u64::from(QUEUE_SIZE));
    }

    #[test]
    fn counters_survive_a_reset() {
        let mut driver = driver(FakeDisk::new(Access::ReadOnly));
        assert_eq!(driver.request(0, 0, &[(DATA, 512, WRITE)]).0, 0);
        driver.write(0x70, 0);
        driver.initialize();
        assert_eq!(driver.request(0, 0, &[(DATA, 512, WRITE)]).0, 0);
        assert_eq!(driver.transport.device().stats().requests, 2);
    }
}
