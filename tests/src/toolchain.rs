// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A C compiler for guests: tcc with the headers and libraries of musl, below `in/`.

use std::path::{Path, PathBuf};

use crate::case::Case;
use crate::program::{self, Program};

/// Debian's places for musl, which its derivatives have kept.
const HEADERS: &str = "/usr/include/x86_64-linux-musl";
const LIBRARIES: &str = "/usr/lib/x86_64-linux-musl";

/// What a static program is linked with.
const LINKED: &[&str] =
    &["crt1.o", "crti.o", "crtn.o", "libc.a", "libm.a", "libpthread.a", "libdl.a"];

/// tcc itself.
pub const TCC: Program = Program::Packaged("tcc", "tcc");

/// The compiler as `in/tcc/tcc`, its own sources as `in/tcc/source`, and all that it needs: for each
/// its name in the guest, and the file or folder here.
#[must_use]
pub fn files() -> Vec<(String, PathBuf)> {
    let tcc = program::path(TCC);
    let tcc = tcc.parent().expect("it lies in the package's folder");
    let mut files =
        vec![("in/tcc".to_owned(), tcc.to_owned()), ("in/musl/include".to_owned(), HEADERS.into())];
    let linked = |name: &&str| (format!("in/musl/lib/{name}"), Path::new(LIBRARIES).join(name));
    files.extend(LINKED.iter().map(linked));
    files
}

/// Adds the compiler and all that it needs.
#[must_use]
pub fn add_to(case: Case) -> Case {
    files().iter().fold(case, |case, (name, place)| case.copy(name, place))
}
