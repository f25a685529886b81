// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Tests of the archive tools: what they keep, what they refuse, and that they repeat themselves.

mod hostile;
mod round_trip;

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use super::*;

/// The image of `tree`.
fn packed(tree: &Tree) -> Vec<u8> {
    let image = memory_image("test", 0).unwrap();
    pack(tree, 0, &image, &mut |_| {}).unwrap();
    bytes_of(&image)
}

fn bytes_of(mut image: &File) -> Vec<u8> {
    let mut bytes = Vec::new();
    image.rewind().unwrap();
    image.read_to_end(&mut bytes).unwrap();
    bytes
}

fn folder_tree(folder: &Path) -> Tree {
    let mut tree = Tree::new();
    tree.insert_contents(b"", folder).unwrap();
    tree
}

fn unpack_bytes(bytes: Vec<u8>, target: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let archive = Archive::from_bytes(bytes);
    Ok(unpack(&archive.contents()?, target)?)
}
