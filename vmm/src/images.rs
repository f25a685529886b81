// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Disk images: opens the files behind the disks and refuses those that cannot serve.
//!
//! The output is opened without following a link at its end, and locked for as long as it is open,
//! so that two runs never write one file. The lock is flock(2)'s, which does not meet the record
//! locks that QEMU takes on the same file. Nothing is created and nothing written here.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use seed_protocols::block::SECTOR_SIZE;

use crate::engine::DiskSource;

/// Which of the two disks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Read-only.
    Input,
    /// Writable.
    Output,
}

impl Role {
    /// The word for it in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
        }
    }
}

/// Why a file cannot be a disk. The file is named by the [`Error`] around it.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// An input that is not there.
    #[error("no such file; pack one first")]
    InputMissing,
    /// An output that is not there.
    #[error("no such file; make one with: truncate -s 64M {0}")]
    OutputMissing(String),
    /// An output that is a symbolic link.
    #[error("a symbolic link, which is not followed for an output; name the file itself")]
    Link,
    /// The caller lacks the right to it.
    #[error("no permission to open it for {0}")]
    Permission(&'static str),
    /// Opening it failed for another reason.
    #[error("cannot open it")]
    Open(#[source] io::Error),
    /// Neither a regular file nor a block device.
    #[error("{0}, not a regular file")]
    NotAFile(&'static str),
    /// It has no bytes.
    #[error("empty; {0}")]
    Empty(&'static str),
    /// An output whose last sector is not whole.
    #[error("{0} bytes long, which is no multiple of 512; make one with: truncate -s 64M")]
    NotSectors(u64),
    /// Its size or identity cannot be found out.
    #[error("cannot examine it")]
    Examine(#[source] io::Error),
    /// Another process holds the lock.
    #[error("in use by another run; wait for it or choose another file")]
    InUse,
    /// Input and output are the same.
    #[error("the same file as the input; choose another file")]
    SameAsInput,
}

/// A file that cannot be a disk.
#[derive(Debug, thiserror::Error)]
#[error("{role} {name}", role = role.name())]
pub struct Error {
    /// Which disk.
    pub role: Role,
    /// What the caller calls the file.
    pub name: String,
    /// Why.
    #[source]
    pub reason: Reason,
}

/// An open disk image.
#[derive(Debug)]
pub struct Image {
    /// The file.
    pub file: File,
    /// What the caller calls it.
    pub name: String,
    /// Which disk it is.
    pub role: Role,
    /// Length in bytes, not 0.
    pub size_bytes: u64,
    identity: (u64, u64),
}

/// The two disks of a run.
#[derive(Debug, Default)]
pub struct Images {
    /// The first disk, read-only.
    pub input: Option<Image>,
    /// The second disk, writable.
    pub output: Option<Image>,
}

impl Images {
    /// Opens what the sources name.
    ///
    /// # Errors
    /// One of them cannot be a disk.
    pub fn open(input: Option<&DiskSource>, output: Option<&DiskSource>) -> Result<Self, Error> {
        let open = |role, source: Option<&DiskSource>| {
            source.map(|source| Image::open(role, source)).transpose()
        };
        let input = open(Role::Input, input)?;
        let output = open(Role::Output, output)?;
        if let (Some(input), Some(output)) = (&input, &output)
            && input.identity == output.identity
        {
            let name = output.name.clone();
            return Err(Error { role: Role::Output, name, reason: Reason::SameAsInput });
        }
        // Last, so that a file named twice is told as such and not as in use.
        let images = Self { input, output };
        for image in images.iter() {
            image.lock()?;
        }
        Ok(images)
    }

    /// The disks in the order in which they are plugged in.
    pub fn iter(&self) -> impl Iterator<Item = &Image> {
        self.input.iter().chain(&self.output)
    }
}

impl Image {
    fn open(role: Role, source: &DiskSource) -> Result<Self, Error> {
        let name = source.name();
        let result = match source {
            DiskSource::Path(path) => open(role, path),
            DiskSource::Open { file, .. } => file.try_clone().map_err(Reason::Open),
        };
        let examined = result.and_then(|file| examine(role, &file).map(|found| (file, found)));
        match examined {
            Ok((file, (size_bytes, identity))) => {
                Ok(Self { file, name, role, size_bytes, identity })
            }
            Err(reason) => Err(Error { role, name, reason }),
        }
    }

    /// Readers share the lock. A file system without locks is no reason to refuse.
    fn lock(&self) -> Result<(), Error> {
        let operation = match self.role {
            Role::Input => FlockOperation::NonBlockingLockShared,
            Role::Output => FlockOperation::NonBlockingLockExclusive,
        };
        match rustix::fs::flock(&self.file, operation) {
            Err(Errno::WOULDBLOCK) => {
                Err(Error { role: self.role, name: self.name.clone(), reason: Reason::InUse })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

fn open(role: Role, path: &Path) -> Result<File, Reason> {
    // Without NONBLOCK, a FIFO would be waited for.
    let flags = OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let (flags, verb) = match role {
        Role::Input => (flags | OFlags::RDONLY, "reading"),
        Role::Output => (flags | OFlags::RDWR | OFlags::NOFOLLOW, "reading and writing"),
    };
    let opened = rustix::fs::open(path, flags, Mode::empty());
    let file = File::from(opened.map_err(|error| match (role, error) {
        (Role::Input, Errno::NOENT) => Reason::InputMissing,
        (Role::Output, Errno::NOENT) => Reason::OutputMissing(path.to_string_lossy().into_owned()),
        (Role::Output, Errno::LOOP) => Reason::Link,
        (_, Errno::ACCESS | Errno::PERM | Errno::ROFS) => Reason::Permission(verb),
        (_, Errno::ISDIR) => Reason::NotAFile("a directory"),
        (_, Errno::NXIO) => Reason::NotAFile("a FIFO or socket"),
        (_, error) => Reason::Open(error.into()),
    })?);
    Ok(file)
}

/// Size and identity of a file that can be a disk.
fn examine(role: Role, file: &File) -> Result<(u64, (u64, u64)), Reason> {
    let metadata = file.metadata().map_err(Reason::Examine)?;
    let kind = metadata.file_type();
    let size_bytes = if kind.is_file() {
        metadata.len()
    } else if kind.is_block_device() {
        rustix::fs::seek(file, rustix::fs::SeekFrom::End(0))
            .map_err(|error| Reason::Examine(error.into()))?
    } else if kind.is_dir() {
        return Err(Reason::NotAFile("a directory"));
    } else {
        return Err(Reason::NotAFile("a device, FIFO or socket"));
    };
    match (size_bytes, role) {
        (0, Role::Input) => Err(Reason::Empty("an input holds a cpio archive")),
        (0, Role::Output) => Err(Reason::Empty("an output needs room: truncate -s 64M")),
        (_, Role::Output) if size_bytes % SECTOR_SIZE != 0 => Err(Reason::NotSectors(size_bytes)),
        _ => Ok((size_bytes, (metadata.dev(), metadata.ino()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn file(&self, name: &str, size: usize) -> PathBuf {
            std::fs::write(self.path(name), vec![1; size]).unwrap();
            self.path(name)
        }
    }

    fn open_both(input: Option<&Path>, output: Option<&Path>) -> Result<Images, Error> {
        let source = |path: &Path| DiskSource::Path(path.to_owned());
        Images::open(input.map(source).as_ref(), output.map(source).as_ref())
    }

    fn refusal(input: Option<&Path>, output: Option<&Path>) -> String {
        let error = open_both(input, output).unwrap_err();
        let text = format!("{error}: {}", error.source().unwrap());
        assert_eq!(text.lines().count(), 1);
        text
    }

    #[test]
    fn good_files_are_opened() {
        let place = Place::new();
        let (input, output) = (place.file("in", 5), place.file("out", 1024));
        let images = open_both(Some(&input), Some(&output)).unwrap();
        let sizes: Vec<_> = images.iter().map(|image| (image.role, image.size_bytes)).collect();
        assert_eq!(sizes, [(Role::Input, 5), (Role::Output, 1024)]);
        assert!(open_both(None, None).unwrap().iter().next().is_none());
    }

    #[test]
    fn an_open_file_keeps_its_name() {
        let place = Place::new();
        let file = File::open(place.file("in", 7)).unwrap();
        let source = DiskSource::Open { file, name: "packed tree".to_owned() };
        let images = Images::open(Some(&source), None).unwrap();
        assert_eq!(images.input.unwrap().name, "packed tree");
    }

    #[test]
    fn bad_inputs_are_named_with_the_reason() {
        let place = Place::new();
        assert!(
            refusal(Some(&place.path("none")), None)
                .ends_with("none: no such file; pack one first")
        );
        assert!(refusal(Some(&place.file("empty", 0)), None).contains("empty: empty; an input"));
        assert!(refusal(Some(place.0.path()), None).ends_with("a directory, not a regular file"));
        assert!(refusal(Some(Path::new("/dev/null")), None).contains("a device, FIFO or socket"));
    }

    #[test]
    fn bad_outputs_are_named_with_the_remedy() {
        let place = Place::new();
        let good = place.file("good", 512);
        symlink(&good, place.path("link")).unwrap();
        let with = |path: &Path| refusal(None, Some(path));
        let missing = place.path("none");
        assert!(with(&missing).ends_with(&format!("truncate -s 64M {}", missing.display())));
        assert!(with(&place.path("link")).contains("a symbolic link"));
        assert!(with(&place.file("empty", 0)).contains("empty; an output needs room"));
        assert!(with(&place.file("ragged", 513)).contains("513 bytes long"));
        assert!(with(place.0.path()).ends_with("a directory, not a regular file"));
    }

    #[test]
    fn one_file_cannot_be_both() {
        let place = Place::new();
        let file = place.file("both", 512);
        std::fs::hard_link(&file, place.path("again")).unwrap();
        let again = place.path("again");
        assert!(refusal(Some(&file), Some(&again)).contains("the same file as the input"));
    }

    #[test]
    fn an_output_serves_one_run_at_a_time() {
        let place = Place::new();
        let output = place.file("out", 512);
        let first = open_both(None, Some(&output)).unwrap();
        assert!(refusal(None, Some(&output)).contains("in use by another run"));
        drop(first);
        assert!(open_both(None, Some(&output)).is_ok());
    }
}
