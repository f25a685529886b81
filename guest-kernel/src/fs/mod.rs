// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The file system: everything in memory, one tree, one owner.
//!
//! [`FileSystem`] holds the inodes. [`unpack()`] fills it from the input archive without copying
//! file data, which stays where the archive lies until it is written; [`Plan`] makes the output
//! archive of what is left. Times are nanoseconds since 1970 and come from the caller; inode numbers
//! count up from the root's 1 and are never used again. Reading does not change access times.
//! Programs run as user 0, so permission bits are kept, not checked.

#[cfg(test)]
mod archive_builder;
mod archive_writer;
mod data;
mod devices;
mod directory;
mod file;
mod inode;
mod inode_table;
mod lost_paths;
mod name;
mod pack;
mod path;
mod proc;
mod rename;
pub mod seals;
mod segments;
mod tree;
mod unpack;
mod walk;

pub use archive_writer::{Sink, WriteError};
pub use data::MAX_FILE_SIZE;
pub use devices::DeviceKind;
pub use directory::{Cursor, Entries, Entry};
pub use inode::{FileSystem, InodeId, Kind, Owner, Stat};
pub use pack::{LongNames, PackError, Plan};
pub use path::{Follow, Last, Parent};
pub use proc::{ProcDirectory, ProcEntry, ProcLink, ProcNode, ProcQuestion, ProcText};
pub use rename::RenameMode;
pub use segments::{Segment, Segments};
pub use tree::{Create, Opened};
pub use unpack::{UnpackError, Unpacked, unpack};
