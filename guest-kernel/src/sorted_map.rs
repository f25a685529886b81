// SPDX-License-Identifier: Apache-2.0 OR MIT

//! Sorted map: entries in one list, by their keys.
//!
//! For hundreds of entries, of which new ones mostly have the highest key. Each type that a B-tree
//! keeps costs the image five KiB of code.

use alloc::vec::Vec;

/// Values by keys, in the order of the keys.
#[derive(Clone, Debug)]
pub struct SortedMap<K, V> {
    entries: Vec<(K, V)>,
}

impl<K: Copy + Ord, V> SortedMap<K, V> {
    /// A map without entries.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    fn search(&self, key: K) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&key, |&(key, _)| key)
    }

    /// Puts a value there, in the place of the one that was.
    pub fn insert(&mut self, key: K, value: V) {
        match self.search(key) {
            Ok(index) => self.entries[index].1 = value,
            Err(index) => self.entries.insert(index, (key, value)),
        }
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: K) -> Option<V> {
        let index = self.search(key).ok()?;
        Some(self.entries.remove(index).1)
    }

    /// A value.
    #[must_use]
    pub fn get(&self, key: K) -> Option<&V> {
        Some(&self.entries[self.search(key).ok()?].1)
    }

    /// A value, to be changed.
    #[must_use]
    pub fn get_mut(&mut self, key: K) -> Option<&mut V> {
        let index = self.search(key).ok()?;
        Some(&mut self.entries[index].1)
    }

    /// The values.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.iter().map(|(_, value)| value)
    }

    /// The values, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.iter_mut().map(|(_, value)| value)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<K: Copy + Ord, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_one_value_for_each_key_in_their_order() {
        let mut map = SortedMap::new();
        for (key, value) in [(3, 'c'), (1, 'x'), (2, 'b'), (1, 'a')] {
            map.insert(key, value);
        }
        assert!(map.values().eq(&['a', 'b', 'c']));
        assert_eq!((map.remove(2), map.remove(2), map.len()), (Some('b'), None, 2));
        *map.get_mut(3).unwrap() = 'd';
        assert_eq!((map.get(3), map.get(2)), (Some(&'d'), None));
    }
}
