//! Arrays and maps, whose items a closure reads.

use std::collections::BTreeMap;

use super::{Cursor, DecodeError};

/// How many items are reserved at once if an item may take far more memory than input: a count that the data does not hold
/// must not cost much.
const MAX_RESERVED: usize = 1024;

/// Items of at most this size are reserved without that limit.
const SMALL: usize = 4 * size_of::<usize>();

/// What a map is read into.
pub trait Entries<'a, V>: Default {
    /// Reserves memory for entries that are likely to follow.
    fn reserve(&mut self, count: usize);

    /// Adds an entry.
    fn add(&mut self, key: &'a str, value: V);
}

/// The last of equal keys wins.
impl<'a, V> Entries<'a, V> for BTreeMap<String, V> {
    #[inline]
    fn reserve(&mut self, _count: usize) {}

    #[inline]
    fn add(&mut self, key: &'a str, value: V) {
        self.insert(key.to_owned(), value);
    }
}

/// All entries in their order, those of equal keys included.
impl<'a, V> Entries<'a, V> for Vec<(&'a str, V)> {
    #[inline]
    fn reserve(&mut self, count: usize) {
        Vec::reserve(self, reserved::<V>(count));
    }

    #[inline]
    fn add(&mut self, key: &'a str, value: V) {
        self.push((key, value));
    }
}

/// How many of `count` items to reserve memory for.
#[inline]
fn reserved<T>(count: usize) -> usize {
    if size_of::<T>() <= SMALL {
        count
    } else {
        count.min(MAX_RESERVED)
    }
}

impl<'a> Cursor<'a> {
    /// Takes an array, each item of which takes at least `min_len` bytes.
    ///
    /// ```
    /// use kaufmann_avro::Cursor;
    ///
    /// let mut cursor = Cursor::new(&[0x04, 0x02, 0x04, 0x00]);
    /// assert_eq!(cursor.array(1, Cursor::long)?, [1, 2]);
    /// # Ok::<(), kaufmann_avro::DecodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`block`](Self::block), of [`end_block`](Self::end_block) and of `item`.
    #[inline]
    pub fn array<T>(
        &mut self,
        min_len: usize,
        mut item: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let mut items = Vec::new();
        loop {
            let block = self.block(min_len)?;
            if block.count() == 0 {
                return Ok(items);
            }
            items.reserve(reserved::<T>(block.count()));
            for _ in 0..block.count() {
                items.push(item(self)?);
            }
            self.end_block(block)?;
        }
    }

    /// Takes a map, each entry of which takes at least `min_len` bytes, its key included.
    ///
    /// # Errors
    ///
    /// Those of [`block`](Self::block), of [`end_block`](Self::end_block), of the keys and of `value`.
    #[inline]
    pub fn map<V, M: Entries<'a, V>>(
        &mut self,
        min_len: usize,
        mut value: impl FnMut(&mut Self) -> Result<V, DecodeError>,
    ) -> Result<M, DecodeError> {
        let mut entries = M::default();
        loop {
            let block = self.block(min_len)?;
            if block.count() == 0 {
                return Ok(entries);
            }
            entries.reserve(block.count());
            for _ in 0..block.count() {
                let key = self.string()?;
                entries.add(key, value(self)?);
            }
            self.end_block(block)?;
        }
    }
}
