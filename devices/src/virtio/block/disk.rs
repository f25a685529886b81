// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Disk: what a block device stores its sectors in.
//!
//! Bytes go straight between the file and guest memory. A file whose length is no multiple of the
//! sector size has a partial last sector: a read-only disk shows it, filled up with zeros, as QEMU
//! does; a writable disk leaves it out, so that a write never changes the file's length.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};

use seed_protocols::block::{ID_SIZE, SECTOR_SIZE};
use vm_memory::bitmap::BitmapSlice;
use vm_memory::{Bytes, ReadVolatile, VolatileMemoryError, VolatileSlice, WriteVolatile};

/// What a driver may do to a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read only.
    ReadOnly,
    /// Read and write.
    ReadWrite,
}

/// Storage of a block device. Offsets and lengths that reach it lie within its capacity.
pub trait Disk {
    /// What a driver may do.
    fn access(&self) -> Access;

    /// Size in sectors of 512 bytes; it never changes.
    fn capacity_sectors(&self) -> u64;

    /// The disk's identity, padded with zeros.
    fn id(&self) -> [u8; ID_SIZE];

    /// Fills `buffer` with the bytes from `offset_bytes` on.
    ///
    /// # Errors
    /// Not all of them could be read.
    fn read_at<B: BitmapSlice>(
        &mut self,
        offset_bytes: u64,
        buffer: &VolatileSlice<'_, B>,
    ) -> io::Result<()>;

    /// Stores the bytes of `buffer` from `offset_bytes` on.
    ///
    /// # Errors
    /// Not all of them could be written.
    fn write_at<B: BitmapSlice>(
        &mut self,
        offset_bytes: u64,
        buffer: &VolatileSlice<'_, B>,
    ) -> io::Result<()>;

    /// Makes everything written so far durable.
    ///
    /// # Errors
    /// That is not certain.
    fn sync(&mut self) -> io::Result<()>;
}

/// A disk in a file or a host block device.
#[derive(Debug)]
pub struct FileDisk {
    file: File,
    size_bytes: u64,
    access: Access,
    id: [u8; ID_SIZE],
}

impl FileDisk {
    /// A disk of the file's present length.
    ///
    /// The disk moves the file's position: no other holder of the open file may depend on it.
    ///
    /// # Errors
    /// The file has no length, as a pipe has none.
    pub fn new(mut file: File, access: Access, id: [u8; ID_SIZE]) -> io::Result<Self> {
        // Unlike the file's metadata, this is right for block devices too.
        let size_bytes = file.seek(SeekFrom::End(0))?;
        Ok(Self { file, size_bytes, access, id })
    }

    /// Length of the file in bytes, when the disk was made.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.file
    }
}

impl Disk for FileDisk {
    fn access(&self) -> Access {
        self.access
    }

    fn capacity_sectors(&self) -> u64 {
        match self.access {
            Access::ReadOnly => self.size_bytes.div_ceil(SECTOR_SIZE),
            Access::ReadWrite => self.size_bytes / SECTOR_SIZE,
        }
    }

    fn id(&self) -> [u8; ID_SIZE] {
        self.id
    }

    fn read_at<B: BitmapSlice>(
        &mut self,
        offset_bytes: u64,
        buffer: &VolatileSlice<'_, B>,
    ) -> io::Result<()> {
        let in_file = self.size_bytes.saturating_sub(offset_bytes);
        let split = usize::try_from(in_file).unwrap_or(usize::MAX).min(buffer.len());
        let (mut stored, behind) = buffer.split_at(split).map_err(into_io_error)?;
        if !stored.is_empty() {
            self.file.seek(SeekFrom::Start(offset_bytes))?;
            self.file.read_exact_volatile(&mut stored).map_err(into_io_error)?;
        }
        fill_with_zeros(&behind).map_err(into_io_error)
    }

    fn write_at<B: BitmapSlice>(
        &mut self,
        offset_bytes: u64,
        buffer: &VolatileSlice<'_, B>,
    ) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(offset_bytes))?;
        self.file.write_all_volatile(buffer).map_err(into_io_error)
    }

    fn sync(&mut self) -> io::Result<()> {
        match self.access {
            // Nothing was written, and the host may well refuse to flush what it only reads.
            Access::ReadOnly => Ok(()),
            Access::ReadWrite => self.file.sync_data(),
        }
    }
}

fn fill_with_zeros<B: BitmapSlice>(
    buffer: &VolatileSlice<'_, B>,
) -> Result<(), VolatileMemoryError> {
    const ZEROS: [u8; SECTOR_SIZE as usize] = [0; SECTOR_SIZE as usize];
    for start in (0..buffer.len()).step_by(ZEROS.len()) {
        let length = ZEROS.len().min(buffer.len() - start);
        buffer.write_slice(&ZEROS[..length], start)?;
    }
    Ok(())
}

fn into_io_error(error: VolatileMemoryError) -> io::Error {
    match error {
        VolatileMemoryError::IOError(cause) => cause,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use vmm_sys_util::tempfile::TempFile;

    fn disk(contents: &[u8], access: Access) -> FileDisk {
        let mut file = TempFile::new().unwrap().into_file();
        file.write_all(contents).unwrap();
        FileDisk::new(file, access, [0; 20]).unwrap()
    }

    #[test]
    fn partial_sector_counts_only_for_reading() {
        assert_eq!(disk(&[1; 1300], Access::ReadOnly).capacity_sectors(), 3);
        assert_eq!(disk(&[1; 1300], Access::ReadWrite).capacity_sectors(), 2);
        assert_eq!(disk(&[1; 1024], Access::ReadOnly).capacity_sectors(), 2);
        assert_eq!(disk(&[], Access::ReadOnly).capacity_sectors(), 0);
    }

    #[test]
    fn bytes_behind_the_file_read_as_zeros() {
        let mut disk = disk(&[7; 700], Access::ReadOnly);
        let mut bytes = [0xff; 2000];
        disk.read_at(512, &VolatileSlice::from(&mut bytes[..])).unwrap();
        assert_eq!(bytes[..188], [7; 188]);
        assert_eq!(bytes[188..], [0; 2000 - 188]);
    }

    #[test]
    fn a_file_that_shrank_is_an_error() {
        let mut disk = disk(&[7; 1024], Access::ReadOnly);
        disk.file().set_len(600).unwrap();
        let mut bytes = [0; 512];
        let error = disk.read_at(512, &VolatileSlice::from(&mut bytes[..])).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
