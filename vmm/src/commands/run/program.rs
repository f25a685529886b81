// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The program of a run: found as a shell finds it, or inside of the root folder.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use seedvmm::archive::{Tree, TreeError};
use thiserror::Error;

/// Why there is no program to run. `NotFound` leads to exit status 127, all else to 126.
#[derive(Debug, Error)]
pub(crate) enum ProgramError {
    /// It is not there.
    #[error("{program:?} was not found {place}")]
    NotFound {
        /// As typed.
        program: OsString,
        /// Where it was looked for.
        place: &'static str,
    },
    /// It is there and is no program.
    #[error("{} cannot be executed: {reason}", path.display())]
    NotExecutable {
        /// Its path.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It is there and cannot be looked at.
    #[error("{} cannot be executed", path.display())]
    Host {
        /// Its path.
        path: PathBuf,
        /// The host's reason.
        source: io::Error,
    },
    /// It cannot be packed.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// Finds the host's program `program` and adds it as `init`.
pub(super) fn insert_as_init(
    tree: &mut Tree,
    init: &[u8],
    program: &OsStr,
) -> Result<(), ProgramError> {
    let search = if program.as_bytes().contains(&b'/') { None } else { env::var_os("PATH") };
    let path = find(program, search.as_deref())?;
    Ok(tree.insert_path(init, &path)?)
}

/// Makes sure that `program` is an executable file when `tree` is the root file system.
pub(super) fn check_in_tree(tree: &Tree, program: &OsStr) -> Result<(), ProgramError> {
    let not_executable = |reason| ProgramError::NotExecutable { path: program.into(), reason };
    match tree.resolve(program.as_bytes()) {
        Some(node) if node.is_executable() => Ok(()),
        Some(node) if node.is_folder() => Err(not_executable(IS_FOLDER)),
        Some(_) => Err(not_executable(NO_PERMISSION)),
        None => {
            let place = "in the --root folder; give its path there";
            Err(ProgramError::NotFound { program: program.to_owned(), place })
        }
    }
}

const IS_FOLDER: &str = "it is a folder";
const NO_PERMISSION: &str = "it is not marked as executable (chmod +x)";

/// The path of `program`, looked up in the folders of `search` if it has no slash. Like a shell,
/// a file that is not executable is passed over, and named only if there is no other.
fn find(program: &OsStr, search: Option<&OsStr>) -> Result<PathBuf, ProgramError> {
    let not_found = |place| ProgramError::NotFound { program: program.to_owned(), place };
    if program.is_empty() {
        return Err(not_found("because its name is empty"));
    }
    if program.as_bytes().contains(&b'/') {
        let path = PathBuf::from(program);
        return check(&path)?.map(|()| path).ok_or_else(|| not_found("on this computer"));
    }
    let mut passed_over = None;
    for folder in search.map(env::split_paths).into_iter().flatten() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
        let path = folder.join(program);
        match check(&path) {
            Ok(Some(())) => return Ok(path),
            Ok(None) => {}
            Err(error) => passed_over = passed_over.or(Some(error)),
        }
    }
    Err(passed_over.unwrap_or_else(|| not_found("on PATH; give its path with a slash")))
}

/// Whether there is an executable file; `None` means that there is nothing.
fn check(path: &Path) -> Result<Option<()>, ProgramError> {
    let not_executable =
        |reason| Err(ProgramError::NotExecutable { path: path.to_owned(), reason });
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => not_executable(IS_FOLDER),
        Ok(found) if !found.is_file() => not_executable("it is not a regular file"),
        Ok(found) if found.permissions().mode() & 0o111 == 0 => not_executable(NO_PERMISSION),
        Ok(_) => Ok(Some(())),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(source) => Err(ProgramError::Host { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn place_with_programs() -> tempfile::TempDir {
        let place = tempfile::tempdir().unwrap();
        for (folder, name, mode) in [("a", "tool", 0o644), ("b", "tool", 0o755), ("a", "no", 0o644)]
        {
            fs::create_dir_all(place.path().join(folder)).unwrap();
            let path = place.path().join(folder).join(name);
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        symlink("b/tool", place.path().join("link")).unwrap();
        place
    }

    #[test]
    fn a_name_is_looked_up_as_a_shell_does() {
        let place = place_with_programs();
        let search =
            env::join_paths(["none", "a", "b"].map(|name| place.path().join(name))).unwrap();
        let find = |name: &str| find(OsStr::new(name), Some(&search));
        assert_eq!(find("tool").unwrap(), place.path().join("b/tool"));
        assert!(matches!(find("no"), Err(ProgramError::NotExecutable { .. })));
        for name in ["none", "", "./none", "/dev/null/none"] {
            assert!(matches!(find(name), Err(ProgramError::NotFound { .. })), "{name}");
        }
        let path = |name: &str| place.path().join(name).into_os_string().into_string().unwrap();
        assert!(find(&path("link")).is_ok());
        assert!(matches!(find(&path("a")), Err(ProgramError::NotExecutable { .. })));
        assert!(matches!(find("/dev/null"), Err(ProgramError::NotExecutable { .. })));
    }

    #[test]
    fn a_program_in_a_root_is_checked_there() {
        let place = place_with_programs();
        let mut tree = Tree::new();
        tree.insert_contents(b"", place.path()).unwrap();
        let check = |name: &str| check_in_tree(&tree, OsStr::new(name));
        assert!(check("/link").is_ok() && check("b/tool").is_ok());
        assert!(matches!(check("a/tool"), Err(ProgramError::NotExecutable { .. })));
        assert!(matches!(check("a"), Err(ProgramError::NotExecutable { .. })));
        assert!(matches!(check("tool"), Err(ProgramError::NotFound { .. })));
    }
}
