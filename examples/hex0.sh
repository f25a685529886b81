#!/bin/bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# An assembler of a few hundred bytes puts itself together in a machine that holds nothing else.
#
# Builds seedvmm, spells out the assembler's first binary from its commented source with the shell
# alone, and runs it on that source in single steps: pack, run, unpack, compare. What is made stays
# in target/examples/hex0. Where this computer has neither KVM nor QEMU, QEMU is installed first.

set -euo pipefail
cd "$(dirname "$0")/.."

root=$PWD
assembler=$root/tests/programs/hex0/hex0.hex0
place=$root/target/examples/hex0

step() { printf '+ %s\n' "$*"; "$@"; }
seedvmm() { "$root/target/release/seedvmm" "$@"; }

export CARGO_TARGET_DIR=$root/target
cargo build --release --locked
# Without a backend it says what is missing; the tests need QEMU too, so it comes with their needs.
if ! found=$(seedvmm doctor); then
    printf '%s\n' "$found"
    tests/install-deps
fi

rm -rf "$place"
mkdir -p "$place/files/in"
cd "$place"

# Two digits are a byte, and what follows # or ; is a comment. The result is the guest's program.
digits=$(sed 's/[#;].*//' "$assembler" | tr -d ' \n' | sed 's/../\\x&/g')
# shellcheck disable=SC2059 # The digits are the format.
printf "$digits" >files/init
chmod 755 files/init
cp "$assembler" files/in/

step seedvmm pack files in.img
step truncate -s 1M out.img
step seedvmm --in in.img --out out.img --append "hex0 in/hex0.hex0 out/hex0" --timeout 60
step seedvmm unpack out.img result
step cmp files/init result/out/hex0
echo "hex0 put itself together, byte for byte: $(wc -c <result/out/hex0) bytes"
