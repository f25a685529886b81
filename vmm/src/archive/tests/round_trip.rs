// SPDX-License-Identifier: Apache-2.0 OR MIT

//! What goes into an archive comes out of it, and always as the same bytes.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use proptest::prelude::*;
use seed_protocols::cpio::Reader;
use tempfile::tempdir;

use super::*;

#[test]
fn a_folder_comes_back_as_it_was() {
    let from = tempdir().unwrap();
    let odd = OsStr::from_bytes(b"odd \xff\n\x1b name");
    fs::create_dir_all(from.path().join("sub/empty")).unwrap();
    fs::write(from.path().join("sub/data"), vec![7; 100_000]).unwrap();
    fs::write(from.path().join("tool"), "#!").unwrap();
    fs::set_permissions(from.path().join("tool"), Permissions::from_mode(0o4751)).unwrap();
    fs::write(from.path().join(odd), "").unwrap();
    fs::hard_link(from.path().join("sub/data"), from.path().join("again")).unwrap();
    symlink("/nowhere/at all", from.path().join("link")).unwrap();
    fs::set_permissions(from.path().join("sub"), Permissions::from_mode(0o550)).unwrap();

    let parent = tempdir().unwrap();
    let to = parent.path().join("new/target");
    unpack_bytes(packed(&folder_tree(from.path())), &to).unwrap();

    let look = |name: &str| fs::symlink_metadata(to.join(name)).unwrap();
    assert_eq!(fs::read(to.join("sub/data")).unwrap(), vec![7; 100_000]);
    assert_eq!(look("tool").mode() & 0o7777, 0o751);
    assert_eq!(look("sub").mode() & 0o7777, 0o550);
    assert!(look("sub/empty").is_dir());
    assert_eq!(look("again").ino(), look("sub/data").ino());
    assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("/nowhere/at all"));
    assert_eq!(fs::read(to.join(odd)).unwrap(), b"");
    fs::set_permissions(from.path().join("sub"), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(to.join("sub"), Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn zeros_become_holes() {
    let from = tempdir().unwrap();
    let mut data = vec![0; (1 << 20) + 100];
    data[500_000] = 1;
    for (name, bytes) in [("sparse", &data[..]), ("zeros", &[0; 1 << 20]), ("short", &[0; 10])] {
        fs::write(from.path().join(name), bytes).unwrap();
    }
    let to = tempdir().unwrap();
    unpack_bytes(packed(&folder_tree(from.path())), to.path()).unwrap();
    assert!(fs::read(to.path().join("sparse")).unwrap() == data);
    assert!(fs::read(to.path().join("zeros")).unwrap() == [0; 1 << 20]);
    assert_eq!(fs::read(to.path().join("short")).unwrap(), [0; 10]);
    let used = |name| fs::metadata(to.path().join(name)).unwrap().blocks() * 512;
    assert!(used("sparse") < 1 << 17 && used("zeros") < 1 << 17);
}

#[test]
fn the_same_files_give_the_same_bytes() {
    let names = ["b", "a-b", "a/c", "a/b", "z"];
    let images = [names.to_vec(), names.iter().rev().copied().collect()].map(|order| {
        let folder = tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        for name in order {
            fs::write(folder.path().join(name), name.repeat(3000)).unwrap();
        }
        packed(&folder_tree(folder.path()))
    });
    assert_eq!(images[0], images[1]);
    assert_eq!(images[0].len() % 512, 0);
    let mut reader = Reader::new(&images[0]);
    let mut seen = Vec::new();
    while let Some(entry) = reader.read_entry().unwrap() {
        seen.push((entry.name.to_vec(), entry.header.ino));
    }
    let expected: [(&[u8], u32); 6] =
        [(b"a", 1), (b"a-b", 2), (b"a/b", 3), (b"a/c", 4), (b"b", 5), (b"z", 6)];
    assert_eq!(seen, expected.map(|(name, ino)| (name.to_vec(), ino)));
}

#[test]
fn files_of_a_page_and_more_are_aligned_and_smaller_ones_packed_tight() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("page"), [1; 4096]).unwrap();
    fs::write(folder.path().join("large"), [2; 70_001]).unwrap();
    fs::write(folder.path().join("small"), [3; 4095]).unwrap();
    let image = packed(&folder_tree(folder.path()));
    let mut reader = Reader::new(&image);
    let mut offsets = BTreeMap::new();
    while let Some(entry) = reader.read_entry().unwrap() {
        offsets.insert(entry.name.to_vec(), (entry.offset, entry.data_offset));
    }
    assert_eq!(offsets[&b"large"[..]], (0, 4096));
    assert_eq!(offsets[&b"page"[..]].1 % 4096, 0);
    let (header, data) = offsets[&b"small"[..]];
    assert_eq!(data - header, 110 + 6);
}

#[test]
fn hard_links_share_a_number_and_the_last_name_has_the_data() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("m"), "data").unwrap();
    fs::write(folder.path().join("n"), "other").unwrap();
    fs::hard_link(folder.path().join("m"), folder.path().join("z")).unwrap();
    let image = packed(&folder_tree(folder.path()));
    let mut reader = Reader::new(&image);
    let mut seen = Vec::new();
    while let Some(entry) = reader.read_entry().unwrap() {
        seen.push((entry.header.ino, entry.header.nlink, entry.data));
    }
    assert_eq!(seen, [(1, 2, &b""[..]), (2, 1, b"other"), (1, 2, b"data")]);
}

#[test]
fn what_an_archive_cannot_hold_is_refused_by_name() {
    let folder = tempdir().unwrap();
    let _socket = UnixListener::bind(folder.path().join("talk")).unwrap();
    let error = Tree::new().insert_contents(b"", folder.path()).unwrap_err().to_string();
    assert!(error.contains("talk is a socket"), "{error}");

    let folder = tempdir().unwrap();
    fs::write(folder.path().join("TRAILER!!!"), "").unwrap();
    let error = Tree::new().insert_contents(b"", folder.path()).unwrap_err();
    assert!(matches!(error, TreeError::Reserved { .. }));
    assert!(Tree::new().insert_contents(b"in", folder.path()).is_ok());

    let folder = tempdir().unwrap();
    let large = File::create(folder.path().join("large")).unwrap();
    large.set_len(1 << 32).unwrap();
    let error = Tree::new().insert_contents(b"", folder.path()).unwrap_err();
    assert!(matches!(error, TreeError::TooLarge { size_bytes: 0x1_0000_0000, .. }));

    let mut tree = Tree::new();
    tree.insert_bytes(b"a", Vec::new()).unwrap();
    assert!(matches!(tree.insert_bytes(b"a", Vec::new()), Err(TreeError::Duplicate { .. })));
    assert!(matches!(tree.insert_bytes(b"../a", Vec::new()), Err(TreeError::Name { .. })));
    assert!(matches!(tree.ensure_folder(b"a"), Err(TreeError::Duplicate { .. })));
    let error = tree.insert_path(b"b", Path::new("/does/not/exist")).unwrap_err();
    assert!(matches!(error, TreeError::Look { .. }));
}

#[test]
fn a_file_that_changes_meanwhile_is_noticed() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "before").unwrap();
    let tree = folder_tree(folder.path());
    fs::write(&path, "and after").unwrap();
    let image = memory_image("test", 0).unwrap();
    let error = pack(&tree, 0, &image, &mut |_| {}).unwrap_err();
    assert!(matches!(error, PackError::Changed { .. }));
    fs::remove_file(&path).unwrap();
    let error = pack(&tree, 0, &image, &mut |_| {}).unwrap_err();
    assert!(matches!(error, PackError::Read { .. }));
}

#[test]
fn links_in_a_root_lead_where_they_would_in_the_guest() {
    let folder = tempdir().unwrap();
    fs::create_dir_all(folder.path().join("usr/bin")).unwrap();
    fs::write(folder.path().join("usr/bin/sh"), "").unwrap();
    let permissions = Permissions::from_mode(0o755);
    fs::set_permissions(folder.path().join("usr/bin/sh"), permissions).unwrap();
    symlink("usr/bin", folder.path().join("bin")).unwrap();
    symlink("/bin/../bin/sh", folder.path().join("init")).unwrap();
    symlink("loop", folder.path().join("loop")).unwrap();
    let tree = folder_tree(folder.path());
    for path in ["/init", "bin/sh", "./bin//sh", "../usr/bin/sh"] {
        assert!(tree.resolve(path.as_bytes()).is_some_and(Node::is_executable), "{path}");
    }
    assert!(tree.resolve(b"bin").is_some_and(Node::is_folder));
    assert!(tree.resolve(b"loop").is_none());
    assert!(tree.resolve(b"bin/none").is_none());
}

#[test]
fn an_image_appears_complete_or_not_at_all() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("a.img");
    drop(NewImage::create(&path).unwrap());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    NewImage::create(&path).unwrap().finish().unwrap();
    NewImage::create(&path).unwrap().finish().unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(matches!(NewImage::create(folder.path()), Err(ImageError::NotFile { .. })));
}

#[test]
fn a_sealed_image_cannot_be_changed() {
    use std::io::Write;
    let mut image = memory_image("test", 16).unwrap();
    seal(&image, "test").unwrap();
    assert!(image.write_all(b"x").is_err());
    assert_eq!(bytes_of(&image), [0; 16]);
}

fn file_names() -> impl Strategy<Value = Vec<u8>> {
    let part = proptest::collection::vec(1_u8.., 1..12).prop_filter("a usable part", |part| {
        !part.contains(&b'/') && part != b"." && part != b".."
    });
    proptest::collection::vec(part, 1..4).prop_map(|parts| parts.join(&b'/'))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_files_survive(
        files in proptest::collection::btree_map(
            file_names(),
            proptest::collection::vec(any::<u8>(), 0..9000),
            0..8,
        )
    ) {
        let is_below = |name: &[u8]| {
            let below = |other: &Vec<u8>| name.strip_prefix(&other[..])?.strip_prefix(b"/");
            files.keys().any(|other| below(other).is_some())
        };
        let files: BTreeMap<_, _> =
            files.iter().filter(|(name, _)| !is_below(name)).collect();
        let mut tree = Tree::new();
        for (name, data) in &files {
            tree.insert_bytes(name, data.to_vec()).unwrap();
        }
        let image = packed(&tree);
        let target = tempdir().unwrap();
        unpack_bytes(image, target.path()).unwrap();
        for (name, data) in &files {
            prop_assert_eq!(&fs::read(target.path().join(OsStr::from_bytes(name))).unwrap(), *data);
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(
        start in proptest::collection::vec(any::<u8>(), 0..300),
        cut in 0..2000_usize,
        flips in proptest::collection::vec((0..2000_usize, any::<u8>()), 0..4),
    ) {
        let mut tree = Tree::new();
        tree.insert_bytes(b"a", start.clone()).unwrap();
        tree.insert_bytes(b"b/c", vec![1; 1000]).unwrap();
        let mut image = packed(&tree);
        for (at, value) in flips {
            if let Some(byte) = image.get_mut(at) {
                *byte = value;
            }
        }
        image.truncate(cut);
        for bytes in [start, image] {
            let _ = Archive::from_bytes(bytes).contents();
        }
    }
}
