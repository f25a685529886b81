// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The archive writer: the same tree gives the same bytes, on any host and at any time.
//!
//! Entries stand in byte order of their names, owned by user and group 0, all with one time and
//! numbered from 1. The names of one file share its number, and the last of them carries the data,
//! as GNU cpio does it. A file of at least a page starts at a multiple of the page size, by
//! zeros behind its name, so that a kernel can map its pages where they lie. Smaller files are not
//! aligned: none of their bytes fills a page, so nothing could be mapped and the zeros would only
//! make the image larger. The image ends at a multiple of the sector size, to be a disk.
//!
//! Linux's own unpacker skips entries whose name field is longer than 4096 bytes, which alignment
//! can make; the archives are meant for the seed kernel and for [`unpack()`](super::unpack()).

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use rustix::fs::OFlags;
use seed_protocols::block::SECTOR_SIZE;
use seed_protocols::cpio::{self, Header, mode};
use thiserror::Error;

use super::tree::{Content, HostFile, Node, Tree};

/// Size of a page, to which the data of larger files is aligned.
const PAGE_SIZE: usize = 4096;

/// Bytes that are collected before they are written.
const BUFFER_SIZE: usize = 64 << 10;

/// Files up to this size go through the buffer; larger ones are copied by the host's kernel.
const BUFFERED_FILE_MAX: usize = 32 << 10;

/// Bytes of a large file between two signs of progress.
const COPY_STEP: usize = 16 << 20;

/// Why an archive could not be written.
#[derive(Debug, Error)]
pub enum PackError {
    /// A file of the tree cannot be opened or read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The host path.
        path: PathBuf,
        /// The host's reason.
        source: io::Error,
    },
    /// A large file cannot be copied into the image.
    #[error("cannot copy {} into the image", path.display())]
    Copy {
        /// The host path.
        path: PathBuf,
        /// The host's reason.
        source: io::Error,
    },
    /// A file is not what it was when the tree was made.
    #[error("{} changed while it was being packed: try again", path.display())]
    Changed {
        /// The host path.
        path: PathBuf,
    },
    /// The image cannot be written.
    #[error("cannot write the image")]
    Write(#[source] io::Error),
    /// The format numbers entries with 32 bits.
    #[error("more than {} entries", u32::MAX)]
    TooManyEntries,
}

/// Writes `tree` to `image` from its start, every entry dated `mtime`; `progress` gets the number
/// of bytes of file data each time that some were written.
///
/// # Errors
/// A file cannot be read or changed meanwhile, or the image cannot be written.
pub fn pack(
    tree: &Tree,
    mtime: u32,
    image: &File,
    progress: &mut dyn FnMut(u64),
) -> Result<(), PackError> {
    let mut links = Links::find(tree);
    let mut writer = Writer::new(image);
    for (index, (name, node)) in tree.iter().enumerate() {
        let Ok(next) = u32::try_from(index + 1) else { return Err(PackError::TooManyEntries) };
        let link = links.place(node, next);
        let header = Header {
            ino: link.ino,
            mode: node.mode,
            nlink: if node.is_folder() { 2 } else { link.nlink },
            mtime,
            ..Header::default()
        };
        writer.write_entry(name, header, link.carried(&node.content), progress)?;
    }
    let trailer = Header { nlink: 1, ..Header::default() };
    writer.write_entry(cpio::TRAILER, trailer, &Content::Folder, progress)?;
    writer.finish()
}

/// The files of a tree that have several names in it.
struct Links {
    files: HashMap<(u64, u64), LinkedFile>,
}

/// One such file: its number, once it has one, and how many of its names are still to come.
struct LinkedFile {
    ino: Option<u32>,
    nlink: u32,
    names_left: u32,
}

/// How one name takes part in its file.
struct Link {
    ino: u32,
    nlink: u32,
    is_last: bool,
}

impl Link {
    /// What the entry carries: the data stands with the last name.
    fn carried<'a>(&self, content: &'a Content) -> &'a Content {
        if self.is_last { content } else { &Content::Folder }
    }
}

impl Links {
    fn find(tree: &Tree) -> Self {
        let mut files: HashMap<_, LinkedFile> = HashMap::new();
        for (_, node) in tree.iter() {
            if let Content::HostFile(file) = &node.content
                && file.has_other_names
            {
                let linked = files.entry(file.identity).or_insert(LinkedFile {
                    ino: None,
                    nlink: 0,
                    names_left: 0,
                });
                linked.nlink += 1;
                linked.names_left += 1;
            }
        }
        files.retain(|_, file| file.nlink > 1);
        Self { files }
    }

    /// The place of the next name, whose number would be `next` if it stood alone.
    fn place(&mut self, node: &Node, next: u32) -> Link {
        let linked = match &node.content {
            Content::HostFile(file) => self.files.get_mut(&file.identity),
            _ => None,
        };
        let Some(file) = linked else {
            return Link { ino: next, nlink: 1, is_last: true };
        };
        file.names_left -= 1;
        let ino = *file.ino.get_or_insert(next);
        Link { ino, nlink: file.nlink, is_last: file.names_left == 0 }
    }
}

/// Writes entries and knows where it stands.
struct Writer<'a> {
    image: &'a File,
    sink: BufWriter<&'a File>,
    offset: usize,
}

impl<'a> Writer<'a> {
    fn new(image: &'a File) -> Self {
        Self { image, sink: BufWriter::with_capacity(BUFFER_SIZE, image), offset: 0 }
    }

    fn write_entry(
        &mut self,
        name: &[u8],
        header: Header,
        content: &Content,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), PackError> {
        let size_bytes = match content {
            Content::Folder => 0,
            Content::Symlink(bytes) | Content::Bytes(bytes) => bytes.len(),
            Content::HostFile(file) => file.size_bytes as usize,
        };
        let is_file = header.mode & mode::TYPE_MASK == mode::REGULAR;
        let name_size = if is_file && size_bytes >= PAGE_SIZE {
            cpio::aligned_name_size(self.offset, name.len(), PAGE_SIZE)
        } else {
            name.len() + 1
        };
        let header =
            Header { size_bytes: narrow(size_bytes), name_size: narrow(name_size), ..header };
        self.write(&header.to_bytes())?;
        self.write(name)?;
        self.write_zeros(name_size - name.len())?;
        self.write_zeros(cpio::padding(self.offset))?;
        match content {
            Content::Folder => {}
            Content::Symlink(bytes) | Content::Bytes(bytes) => self.write(bytes)?,
            Content::HostFile(file) => self.copy(file, progress)?,
        }
        self.write_zeros(cpio::padding(self.offset))
    }

    fn copy(&mut self, file: &HostFile, progress: &mut dyn FnMut(u64)) -> Result<(), PackError> {
        let size_bytes = file.size_bytes as usize;
        let mut source = open(file)?;
        if size_bytes <= BUFFERED_FILE_MAX {
            let mut bytes = vec![0; size_bytes];
            source.read_exact(&mut bytes).map_err(|error| read_error(file, error))?;
            self.write(&bytes)?;
            progress(size_bytes as u64);
            return Ok(());
        }
        let mut left = size_bytes;
        while left > 0 {
            let step = left.min(COPY_STEP) as u64;
            let copied = io::copy(&mut (&source).take(step), &mut self.sink)
                .map_err(|source| PackError::Copy { path: file.path.clone(), source })?;
            if copied == 0 {
                return Err(PackError::Changed { path: file.path.clone() });
            }
            left -= usize::try_from(copied).expect("not more than was asked for");
            progress(copied);
        }
        self.offset += size_bytes;
        Ok(())
    }

    fn finish(mut self) -> Result<(), PackError> {
        let sector = usize::try_from(SECTOR_SIZE).expect("a sector is small");
        self.write_zeros(self.offset.next_multiple_of(sector) - self.offset)?;
        self.sink.flush().map_err(PackError::Write)?;
        drop(self.sink);
        self.image.rewind().map_err(PackError::Write)
    }

    fn write_zeros(&mut self, count: usize) -> Result<(), PackError> {
        const ZEROS: [u8; PAGE_SIZE] = [0; PAGE_SIZE];
        self.write(&ZEROS[..count])
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), PackError> {
        self.sink.write_all(bytes).map_err(PackError::Write)?;
        self.offset += bytes.len();
        Ok(())
    }
}

/// Opens a file of the tree and makes sure that it still is that file.
fn open(file: &HostFile) -> Result<File, PackError> {
    // Not blocking, for the case that a pipe took the file's place since.
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(flags.cast_signed())
        .open(&file.path)
        .map_err(|error| read_error(file, error))?;
    let metadata = opened.metadata().map_err(|error| read_error(file, error))?;
    let is_same = (metadata.dev(), metadata.ino()) == file.identity
        && metadata.len() == u64::from(file.size_bytes);
    if is_same { Ok(opened) } else { Err(PackError::Changed { path: file.path.clone() }) }
}

fn read_error(file: &HostFile, source: io::Error) -> PackError {
    let path = file.path.clone();
    match source.kind() {
        io::ErrorKind::UnexpectedEof => PackError::Changed { path },
        _ => PackError::Read { path, source },
    }
}

/// A length that the tree has already held against the format's limits.
fn narrow(length: usize) -> u32 {
    u32::try_from(length).expect("lengths were checked when the tree was made")
}
