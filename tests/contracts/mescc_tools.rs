// SPDX-License-Identifier: Apache-2.0 OR MIT

//! The bootstrapping tools: mescc-tools, built from their distribution's source package, and the
//! static GNU mes of the same distribution.

use std::path::Path;

use seed_tests::case::Case;
use seed_tests::program::Program::{Busybox, Mes, Packaged};
use seed_tests::program::{self, Program};

const KAEM: Program = Packaged("mescc-tools", "kaem");

/// Where Debian puts what mes reads when it starts.
const MES_MODULES: &str = "/usr/share/mes/module";

/// Where it puts what its C compiler needs: the compiler, its modules, and the C library that they
/// compiled.
const MESCC: &[(&str, &str)] = &[
    ("in/mescc.scm", "/usr/bin/mescc.scm"),
    ("in/guile", "/usr/share/guile/site/3.0"),
    ("in/include", "/usr/include/mes"),
    ("in/lib", "/usr/lib/x86_64-linux-gnu/mes"),
];

/// The tools in `in/bin`, the M1 sources that come with them in `in/mescc`.
fn with_tools(case: Case) -> Case {
    let kaem = program::path(KAEM);
    let folder = kaem.parent().expect("it lies in the package's folder");
    let case = ["M1", "hex2", "blood-elf", "catm", "kaem"]
        .iter()
        .fold(case, |case, name| case.copy(&format!("in/bin/{name}"), &folder.join(name)));
    ["test1", "amd64", "elf64.hex2"]
        .iter()
        .fold(case, |case, name| case.copy(&format!("in/mescc/{name}"), &folder.join(name)))
}

#[test]
fn kaem_has_mes_write_a_program_in_m1_and_builds_it() {
    let case = Case::new(KAEM)
        .append("kaem --verbose --strict --file in/build.kaem")
        .file("in/build.kaem", include_bytes!("../programs/build.kaem"))
        .file("in/compile.scm", include_bytes!("../programs/compile.scm"))
        .program("in/bin/mes", Mes)
        .copy("in/mes/module", Path::new(MES_MODULES))
        .packed_once()
        .same_on_host();
    let results = with_tools(case).run();
    let printed = String::from_utf8_lossy(&results.stdout).into_owned();
    assert!(printed.ends_with("\nSeed\n"), "{printed}");
}

/// mes runs its C compiler, which runs the assembler and the linker, and what they make runs.
#[test]
fn mes_compiles_c() {
    let script = "\
export PATH=in/bin MES_PREFIX=in GUILE_LOAD_PATH=in/guile includedir=in/include libdir=in/lib
export MES_ARENA=3000000 MES_MAX_ARENA=60000000 MES_STACK=6000000
mes --no-auto-compile -e main -L in/guile in/mescc.scm -- -o out/program in/program.c &&
    out/program
";
    let program = b"
int fibonacci (int n)
{
  if (n < 2)
    return n;
  return fibonacci (n - 1) + fibonacci (n - 2);
}
int main ()
{
  return fibonacci (10);
}
";
    let case = Case::new(Busybox)
        .append("busybox sh in/script")
        .file("in/script", script.as_bytes())
        .file("in/program.c", program)
        .program("in/bin/mes", Mes)
        .copy("in/mes/module", Path::new(MES_MODULES))
        .packed_once()
        .limit(180)
        .status(55)
        .same_on_host();
    let place = |case: Case, &(name, path): &(&str, &str)| case.copy(name, Path::new(path));
    with_tools(MESCC.iter().fold(case, place)).run();
}

/// Upstream's own test: M1 source becomes an assembler for hex0, which makes another, which makes one
/// for hex1.
#[test]
fn assemblers_make_each_other() {
    let script = "\
set -e
in/bin/M1 -f in/mescc/test1/hex.M1 --little-endian --architecture amd64 -o out/hex.hex2
in/bin/hex2 -f in/mescc/elf64.hex2 -f out/hex.hex2 --little-endian --architecture amd64 \
    --base-address 0x00600000 -o out/hex
out/hex <in/mescc/test1/hex0.hex0 >out/hex0
in/busybox chmod +x out/hex0
out/hex0 <in/mescc/test1/hex1.hex0 >out/hex1
in/busybox sha256sum out/hex0 out/hex1
";
    let case = Case::new(Busybox)
        .append("busybox sh in/script")
        .file("in/script", script.as_bytes())
        .program("in/busybox", Busybox)
        .packed_once()
        .same_on_host();
    let results = with_tools(case).run();
    assert!(!results.contents.file("out/hex1").is_empty());
}
