// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Builds the seed kernel and leaves it as `kernel.elf`, once for embedding and once for users.
//!
//! The kernel is another package of the workspace and needs flags of its own, so it is built by a
//! cargo of its own in a target directory of its own: the outer cargo holds the lock of its own one.
//! Paths are remapped, so the same sources give the same image wherever they lie.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Separates flags in `CARGO_ENCODED_RUSTFLAGS`.
const FLAG_SEPARATOR: &str = "\x1f";

/// The image's name, in `OUT_DIR` and beside the program.
const IMAGE: &str = "kernel.elf";

fn main() -> Result<(), Box<dyn Error>> {
    let workspace = path("CARGO_MANIFEST_DIR")?.join("..").canonicalize()?;
    let out = path("OUT_DIR")?;
    for input in ["guest-kernel", "protocols", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", workspace.join(input).display());
    }
    let built = build_kernel(&workspace, &out.join("kernel-target"))?;
    fs::copy(&built, out.join(IMAGE))?;
    // OUT_DIR is <target>/<profile>/build/<package>/out.
    let profile = out.ancestors().nth(3).ok_or("OUT_DIR is not where cargo puts it")?;
    fs::copy(&built, profile.join(IMAGE))?;
    Ok(())
}

/// Runs the inner cargo; returns the path of the image.
fn build_kernel(workspace: &Path, target: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let triple = env::var("TARGET")?;
    let mut cargo = Command::new(env::var_os("CARGO").ok_or("CARGO is not set")?);
    // The outer cargo has settled the lock file already.
    cargo.current_dir(workspace).args([
        "build",
        "--release",
        "--locked",
        "--package",
        "seed-kernel",
    ]);
    cargo.args(["--features", "image", "--bin", "kernel", "--target", &triple]);
    cargo.arg("--target-dir").arg(target);
    forget_outer_build(&mut cargo);
    // Empty is none: the wrapper is for the program alone, and its path would colour the image.
    cargo.env("RUSTC_WORKSPACE_WRAPPER", "");
    cargo.env("CARGO_ENCODED_RUSTFLAGS", kernel_flags(workspace).join(FLAG_SEPARATOR));
    // Each page that a run touches of the image costs a fault. Level "z" would be a ninth smaller,
    // and execute a third more instructions.
    cargo.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "s");
    let status = cargo.status()?;
    if !status.success() {
        return Err(format!("the seed kernel does not build: {status}").into());
    }
    Ok(target.join(triple).join("release").join("kernel"))
}

/// Takes away what the outer cargo set for this package or for its own compiler wrapper, clippy's
/// for instance. What the user set to reach the registry stays.
fn forget_outer_build(cargo: &mut Command) {
    let kept = ["CARGO_HOME", "CARGO_BUILD_JOBS", "CARGO_MAKEFLAGS"];
    let kept_prefixes =
        ["CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTRIES_", "CARGO_REGISTRY_", "CARGO_SOURCE_"];
    let dropped = ["RUSTFLAGS", "CLIPPY_ARGS", "CLIPPY_CONF_DIR", "TARGET", "OUT_DIR"];
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let is_cargo = text.starts_with("CARGO_") || text == "CARGO";
        let is_kept =
            kept.contains(&&*text) || kept_prefixes.iter().any(|prefix| text.starts_with(prefix));
        if is_cargo && !is_kept || dropped.contains(&&*text) {
            cargo.env_remove(&name);
        }
    }
}

fn kernel_flags(workspace: &Path) -> Vec<String> {
    let script = workspace.join("guest-kernel/kernel.ld");
    let mut flags: Vec<String> = [
        "-Crelocation-model=static",
        "-Cno-redzone=yes",
        "-Cpanic=abort",
        // The kernel must not touch vector registers: they hold the program's values.
        "-Ctarget-feature=-mmx,-sse,-sse2,+soft-float",
        "-Cforce-frame-pointers=no",
        // What is marked for inlining is judged by its size here, like all else: the mark is mostly the
        // library's. What hot paths need is marked to be inlined always.
        "-Cllvm-args=-inlinehint-threshold=50",
        "-Clink-arg=-nostartfiles",
        "-Clink-arg=-nodefaultlibs",
        "-Clink-arg=-static",
        "-Clink-arg=-no-pie",
        "-Clink-arg=-Wl,--build-id=none",
        "-Clink-arg=-Wl,-z,max-page-size=4096",
        // On the host's own target the compiler warns of the features that are turned off.
        "-Awarnings",
    ]
    .map(String::from)
    .into();
    flags.push(format!("-Clink-arg=-Wl,-T,{}", script.display()));
    flags.push(format!("--remap-path-prefix={}=.", workspace.display()));
    let home = env::var("CARGO_HOME").or_else(|_| env::var("HOME").map(|home| home + "/.cargo"));
    if let Ok(home) = home {
        flags.push(format!("--remap-path-prefix={home}=cargo"));
    }
    flags
}

fn path(variable: &str) -> Result<PathBuf, Box<dyn Error>> {
    Ok(env::var_os(variable).ok_or_else(|| format!("{variable} is not set"))?.into())
}
