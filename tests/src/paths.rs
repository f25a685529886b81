// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Places: the program under test, its kernel, the sources of guest programs, scratch folders.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// The seedvmm under test: `SEEDVMM`, else the release build of this workspace.
#[must_use]
pub fn seedvmm() -> PathBuf {
    named_or_built("SEEDVMM", "seedvmm")
}

/// The kernel as a file: `SEEDVMM_KERNEL`, else the release build of this workspace.
#[must_use]
pub fn kernel() -> PathBuf {
    named_or_built("SEEDVMM_KERNEL", "kernel.elf")
}

fn named_or_built(variable: &str, name: &str) -> PathBuf {
    let path =
        env::var_os(variable).map_or_else(|| target().join("release").join(name), PathBuf::from);
    assert!(path.is_file(), "{} is missing: run `cargo build --release` first", path.display());
    path
}

/// The folder of this package.
#[must_use]
pub fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where built programs go.
///
/// # Panics
/// The folder cannot be made.
#[must_use]
pub fn built() -> PathBuf {
    let folder = target().join("seed-tests");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

/// Cargo's target folder, found from the running binary: TARGET/PROFILE[/deps]/BINARY.
fn target() -> PathBuf {
    let binary = env::current_exe().expect("the running binary has a path");
    let profile = binary.ancestors().skip(1).find(|folder| !folder.ends_with("deps"));
    profile.and_then(Path::parent).expect("the binary lies in a target folder").to_owned()
}

/// An empty folder that goes away with the value.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// A folder in the system's temporary folder.
    ///
    /// # Panics
    /// It cannot be made.
    #[must_use]
    pub fn new() -> Self {
        Self::inside(&env::temp_dir())
    }

    /// A folder in `parent`.
    ///
    /// # Panics
    /// It cannot be made.
    #[must_use]
    pub fn inside(parent: &Path) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("seed-tests-{}-{number}", process::id()));
        fs::create_dir_all(&path).expect("the temporary folder can be written");
        Self { path }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path in the folder.
    #[must_use]
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file in the folder and returns its path.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.join(name);
        fs::write(&path, bytes).expect("a scratch file can be written");
        path
    }

    /// Makes an output disk of zeros.
    ///
    /// # Panics
    /// It cannot be made.
    pub fn disk(&self, name: &str, size_bytes: u64) -> PathBuf {
        let path = self.join(name);
        let file = fs::File::create(&path).expect("a scratch file can be made");
        file.set_len(size_bytes).expect("a scratch file can be extended");
        path
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A folder that cannot be removed must not hide why a test failed.
        drop(fs::remove_dir_all(&self.path));
    }
}
