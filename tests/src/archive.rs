// SPDX-License-Identifier: Apache-2.0 OR MIT

//! cpio newc on the tests' side: a reader that insists on the canonical form, and a writer that can
//! be made to lie.
//!
//! Written from the format's description and apart from the code under test on purpose.

use std::collections::BTreeMap;

/// One entry as found in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Type and permissions.
    pub mode: u32,
    /// Owner, group, links and time of change: the fields that a canonical archive fixes.
    pub ids: [u32; 4],
    /// Content, or a link's target.
    pub data: Vec<u8>,
}

/// What an archive holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Names in the order of the archive.
    pub order: Vec<String>,
    /// Entries by name.
    pub entries: BTreeMap<String, Entry>,
    /// Length of the archive with its trailer.
    pub length: usize,
}

impl Contents {
    /// Regular files by name.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let is_file = |entry: &&Entry| entry.mode & 0o170_000 == 0o100_000;
        let pairs = self.entries.iter().filter(|(_, entry)| is_file(entry));
        pairs.map(|(name, entry)| (name.clone(), entry.data.clone())).collect()
    }

    /// The content of one file.
    ///
    /// # Panics
    /// It is not there.
    #[must_use]
    pub fn file(&self, name: &str) -> &[u8] {
        let entry = self.entries.get(name);
        &entry.unwrap_or_else(|| panic!("no {name} among {:?}", self.order)).data
    }
}

/// Reads an archive up to its trailer.
///
/// # Errors
/// Whatever is not newc, said in words.
pub fn read(bytes: &[u8]) -> Result<Contents, String> {
    let mut contents = Contents::default();
    let mut at = 0;
    loop {
        let header = bytes.get(at..at + 110).ok_or(format!("no header at {at}"))?;
        if !header.starts_with(b"070701") {
            return Err(format!("no magic at {at}"));
        }
        let field = |index: usize| {
            let digits = str::from_utf8(&header[6 + 8 * index..14 + 8 * index]);
            let value = digits.ok().and_then(|digits| u32::from_str_radix(digits, 16).ok());
            value.ok_or(format!("field {index} at {at} is not hexadecimal"))
        };
        let name_start = at + 110;
        let data_start = (name_start + field(11)? as usize).next_multiple_of(4);
        let data_end = data_start + field(6)? as usize;
        let name = bytes.get(name_start..data_start).ok_or(format!("name cut off at {at}"))?;
        let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
        let name = String::from_utf8_lossy(name).into_owned();
        let data = bytes.get(data_start..data_end).ok_or(format!("data cut off at {at}"))?;
        let ids = [field(2)?, field(3)?, field(4)?, field(5)?];
        let entry = Entry { mode: field(1)?, ids, data: data.to_vec() };
        at = data_end.next_multiple_of(4);
        if name == "TRAILER!!!" {
            contents.length = at;
            return Ok(contents);
        }
        contents.order.push(name.clone());
        if contents.entries.insert(name.clone(), entry).is_some() {
            return Err(format!("{name} twice"));
        }
    }
}

/// Reads an archive and checks what the kernel promises of its output: sorted names, owner and
/// group 0, one time for all, nothing behind the trailer but zeros.
///
/// # Errors
/// The first broken promise.
pub fn read_canonical(bytes: &[u8]) -> Result<Contents, String> {
    let contents = read(bytes)?;
    let parts = |name: &String| name.split('/').map(str::to_owned).collect::<Vec<_>>();
    if !contents.order.is_sorted_by_key(parts) && !contents.order.is_sorted() {
        return Err(format!("not sorted: {:?}", contents.order));
    }
    let mut times: Vec<u32> = contents.entries.values().map(|entry| entry.ids[3]).collect();
    times.dedup();
    if times.len() > 1 {
        return Err(format!("several times of change: {times:?}"));
    }
    if let Some((name, entry)) = contents.entries.iter().find(|(_, e)| e.ids[..2] != [0, 0]) {
        return Err(format!("{name} belongs to {:?}", &entry.ids[..2]));
    }
    match bytes[contents.length..].iter().position(|&byte| byte != 0) {
        Some(at) => Err(format!("byte {} behind the trailer is not zero", contents.length + at)),
        None => Ok(contents),
    }
}

/// Writes entries, honest or not.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
    entries: u32,
}

impl Writer {
    /// Adds an entry.
    #[must_use]
    pub fn entry(self, name: &str, mode: u32, data: &[u8]) -> Self {
        let size = u32::try_from(data.len()).expect("test data is small");
        self.lying_entry(name, mode, data, size)
    }

    /// Adds a file that anyone may read.
    #[must_use]
    pub fn file(self, name: &str, data: &[u8]) -> Self {
        self.entry(name, 0o100_644, data)
    }

    /// Adds a program.
    #[must_use]
    pub fn program(self, name: &str, data: &[u8]) -> Self {
        self.entry(name, 0o100_755, data)
    }

    /// Adds an entry whose header announces `size_bytes` of data, whatever follows.
    #[must_use]
    pub fn lying_entry(mut self, name: &str, mode: u32, data: &[u8], size_bytes: u32) -> Self {
        self.entries += 1;
        let name_size = u32::try_from(name.len() + 1).expect("names are short");
        let links = 1;
        let fields = [self.entries, mode, 0, 0, links, 0, size_bytes, 0, 0, 0, 0, name_size, 0];
        self.bytes.extend_from_slice(b"070701");
        for field in fields {
            self.bytes.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        self.pad_to(4);
        self.bytes.extend_from_slice(data);
        self.pad_to(4);
        self
    }

    /// Closes the archive, filled up to whole sectors.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        let mut writer = self.entry("TRAILER!!!", 0, b"");
        writer.pad_to(512);
        writer.bytes
    }

    /// What was written so far, without a trailer.
    #[must_use]
    pub fn unfinished(self) -> Vec<u8> {
        self.bytes
    }

    fn pad_to(&mut self, alignment: usize) {
        let length = self.bytes.len().next_multiple_of(alignment);
        self.bytes.resize(length, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let bytes = Writer::default().file("out/a", b"abc").file("out/b", b"").finish();
        assert_eq!(bytes.len() % 512, 0);
        let contents = read_canonical(&bytes).unwrap();
        assert_eq!(contents.order, ["out/a", "out/b"]);
        assert_eq!(contents.file("out/a"), b"abc");
    }

    #[test]
    fn lies_are_found() {
        let lie = Writer::default().lying_entry("a", 0o100_644, b"abc", 10_000).finish();
        assert!(read(&lie).is_err());
        let twice = Writer::default().file("a", b"").file("a", b"").finish();
        assert!(read(&twice).is_err());
        let unsorted = Writer::default().file("b", b"").file("a", b"").finish();
        assert!(read_canonical(&unsorted).is_err());
    }
}
