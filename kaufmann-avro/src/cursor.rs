//! Reading Avro's binary encoding from a slice, without a panic, an allocation or a reservation.

mod error;
mod lists;
mod skip;
#[cfg(test)]
mod tests;

pub use self::error::{DecodeError, DecodeErrorKind};
pub use self::lists::Entries;

/// How deep values of recursive types may nest in one datum: records that can hold values of their own type, such as the
/// nodes of a list or a tree.
///
/// All readers count the same: generated code (with [`Cursor::descend`], owned and borrowed, with its own and with a writer's
/// schema), skipped values, and [`json`](crate::json). A deeper datum is an error for each of them,
/// [`DecodeErrorKind::Depth`]. Encoding does not count: it writes deeper values, which cannot be read again.
pub const MAX_DEPTH: u32 = 64;

/// How deep values of any type may nest where the reader follows a schema at run time: records, arrays, maps and unions each
/// are a level. It bounds the stack for types that are not recursive; recursive ones reach [`MAX_DEPTH`] first, unless more
/// than seven levels are between two of their values.
pub const MAX_LEVELS: usize = 512;

/// How many array items that take no bytes (`null`, empty records) one datum may hold in all. Every other item is
/// bounded by the length of the input.
pub const MAX_EMPTY_ITEMS: u32 = 65_536;

/// A position in the bytes of one datum.
///
/// Every method either takes a whole value or returns an error; after an error the position is undefined.
///
/// ```
/// use kaufmann_avro::Cursor;
///
/// let mut cursor = Cursor::new(&[0x06, b'f', b'o', b'o', 0x01]);
/// assert_eq!(cursor.string()?, "foo");
/// assert_eq!(cursor.long()?, -1);
/// cursor.finish()?;
/// # Ok::<(), kaufmann_avro::DecodeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    rest: &'a [u8],
    total: usize,
    depth: u32,
    empty_items: u32,
}

/// The head of a block of an array or a map, and where the block has to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub struct Block {
    count: usize,
    /// How many bytes follow the block, if its head has its size.
    left: usize,
}

/// `left` of a block without a size in its head.
const ANYWHERE: usize = usize::MAX;

impl Block {
    /// How many items follow, 0 for the end of the array or map.
    #[inline]
    #[must_use]
    pub fn count(self) -> usize {
        self.count
    }
}

impl<'a> Cursor<'a> {
    /// Starts at the first byte.
    #[inline]
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            total: bytes.len(),
            depth: 0,
            empty_items: 0,
        }
    }

    /// How many bytes have been taken.
    #[inline]
    #[must_use]
    pub fn position(&self) -> usize {
        self.total - self.rest.len()
    }

    /// How many bytes are left.
    #[inline]
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Takes a boolean.
    ///
    /// # Errors
    ///
    /// At the end of the data, and on a byte other than 0 and 1.
    #[inline]
    pub fn boolean(&mut self) -> Result<bool, DecodeError> {
        match self.rest.split_first() {
            Some((&byte @ (0 | 1), rest)) => {
                self.rest = rest;
                Ok(byte == 1)
            }
            Some((&byte, _)) => Err(self.fail(DecodeErrorKind::Boolean(byte))),
            None => Err(self.ends(1)),
        }
    }

    /// Takes an int.
    ///
    /// # Errors
    ///
    /// At the end of the data, on a value outside 32 bits, and on more bytes than the value needs.
    #[inline]
    pub fn int(&mut self) -> Result<i32, DecodeError> {
        let before = self.rest.len();
        let value = self.long()?;
        match i32::try_from(value) {
            Ok(value) => Ok(value),
            Err(_) => Err(self.fail_at(before, DecodeErrorKind::IntRange(value))),
        }
    }

    /// Takes a long.
    ///
    /// # Errors
    ///
    /// At the end of the data, on a value outside 64 bits, and on more bytes than the value needs.
    #[inline]
    pub fn long(&mut self) -> Result<i64, DecodeError> {
        // Most lengths take one byte, most of the others two.
        match *self.rest {
            [byte, ref rest @ ..] if byte < 0x80 => {
                self.rest = rest;
                Ok(unzigzag(u64::from(byte)))
            }
            [low, high @ 1..0x80, ref rest @ ..] => {
                self.rest = rest;
                Ok(unzigzag(u64::from(low & 0x7f) | u64::from(high) << 7))
            }
            _ => self.long_of_many(),
        }
    }

    /// A varint of any length.
    #[inline(never)]
    fn long_of_many(&mut self) -> Result<i64, DecodeError> {
        let mut value = 0;
        for (index, &byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                // The tenth byte has one bit of the value, and a last byte of 0 adds nothing to those before it.
                if index == 9 && byte > 1 {
                    return Err(self.fail(DecodeErrorKind::VarintRange));
                }
                if byte == 0 {
                    return Err(self.fail(DecodeErrorKind::VarintOverlong));
                }
                self.rest = &self.rest[index + 1..];
                return Ok(unzigzag(value));
            }
        }
        Err(if self.rest.len() < 10 {
            self.ends(1)
        } else {
            self.fail(DecodeErrorKind::VarintRange)
        })
    }

    /// Takes a float.
    ///
    /// # Errors
    ///
    /// At the end of the data.
    #[inline]
    pub fn float(&mut self) -> Result<f32, DecodeError> {
        Ok(f32::from_le_bytes(*self.fixed()?))
    }

    /// Takes a double.
    ///
    /// # Errors
    ///
    /// At the end of the data.
    #[inline]
    pub fn double(&mut self) -> Result<f64, DecodeError> {
        Ok(f64::from_le_bytes(*self.fixed()?))
    }

    /// Takes bytes, borrowed from the input.
    ///
    /// # Errors
    ///
    /// If the length is malformed, negative, or exceeds what is left.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let before = self.rest.len();
        let length = self.long()?;
        match usize::try_from(length) {
            Ok(length) => match self.rest.split_at_checked(length) {
                Some((taken, rest)) => {
                    self.rest = rest;
                    Ok(taken)
                }
                None => Err(self.ends(length)),
            },
            Err(_) => Err(self.fail_at(before, DecodeErrorKind::Length(length))),
        }
    }

    /// Takes a string, borrowed from the input.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes), and if they are not UTF-8.
    #[inline]
    pub fn string(&mut self) -> Result<&'a str, DecodeError> {
        let bytes = self.bytes()?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text),
            Err(error) => Err(self.fail_at(
                self.rest.len() + bytes.len() - error.valid_up_to(),
                DecodeErrorKind::Utf8,
            )),
        }
    }

    /// Takes a fixed number of bytes, borrowed from the input.
    ///
    /// # Errors
    ///
    /// At the end of the data.
    #[inline]
    pub fn fixed<const N: usize>(&mut self) -> Result<&'a [u8; N], DecodeError> {
        match self.rest.split_first_chunk() {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.ends(N)),
        }
    }

    /// Takes a number of bytes that only a schema at run time knows.
    ///
    /// # Errors
    ///
    /// At the end of the data.
    #[inline]
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(length) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.ends(length)),
        }
    }

    /// Takes the index of a union's branch.
    ///
    /// # Errors
    ///
    /// If the union has no such branch.
    #[inline]
    pub fn branch(&mut self, branches: usize) -> Result<usize, DecodeError> {
        let before = self.rest.len();
        let value = self.long()?;
        match usize::try_from(value) {
            Ok(index) if index < branches => Ok(index),
            _ => Err(self.fail_at(before, DecodeErrorKind::Branch(value))),
        }
    }

    /// Takes the index of an enum's symbol.
    ///
    /// # Errors
    ///
    /// If the enum has no such symbol.
    #[inline]
    pub fn symbol(&mut self, symbols: usize) -> Result<usize, DecodeError> {
        let before = self.rest.len();
        let value = self.long()?;
        match usize::try_from(value) {
            Ok(index) if index < symbols => Ok(index),
            _ => Err(self.fail_at(before, DecodeErrorKind::Symbol(value))),
        }
    }

    /// Takes the head of a block of an array or a map. The caller then takes its items, and calls
    /// [`end_block`](Self::end_block).
    ///
    /// `min_len` is the minimum length of an item in bytes. The count times `min_len` never exceeds the remaining
    /// bytes, so a caller may reserve memory for it. Items that take no bytes are counted over the whole datum, up
    /// to [`MAX_EMPTY_ITEMS`].
    ///
    /// # Errors
    ///
    /// If the head is malformed, or declares more than the data can hold.
    #[inline]
    pub fn block(&mut self, min_len: usize) -> Result<Block, DecodeError> {
        match self.rest.split_first() {
            Some((0, rest)) => {
                self.rest = rest;
                Ok(Block {
                    count: 0,
                    left: ANYWHERE,
                })
            }
            _ => self.block_of_some(min_len),
        }
    }

    fn block_of_some(&mut self, min_len: usize) -> Result<Block, DecodeError> {
        let before = self.rest.len();
        let head = self.long()?;
        let (room, left) = if head < 0 {
            let size = self.block_size()?;
            (size, self.rest.len() - size)
        } else {
            (self.rest.len(), ANYWHERE)
        };
        let count = usize::try_from(head.unsigned_abs()).unwrap_or(usize::MAX);
        if min_len == 0 {
            let counted = u32::try_from(count)
                .ok()
                .and_then(|count| self.empty_items.checked_add(count));
            match counted {
                Some(counted) if counted <= MAX_EMPTY_ITEMS => self.empty_items = counted,
                _ => return Err(self.fail_at(before, DecodeErrorKind::EmptyItems)),
            }
        } else if count.checked_mul(min_len).is_none_or(|needed| needed > room) {
            return Err(self.fail_at(before, DecodeErrorKind::Block(head)));
        }
        Ok(Block { count, left })
    }

    /// Ends a block, all items of which have been taken.
    ///
    /// # Errors
    ///
    /// If its head has another size. Readers that skip a block by its size would otherwise find other values after it than
    /// readers of its items.
    #[inline]
    pub fn end_block(&self, block: Block) -> Result<(), DecodeError> {
        if block.left == ANYWHERE || block.left == self.rest.len() {
            Ok(())
        } else {
            Err(self.fail(DecodeErrorKind::BlockEnd))
        }
    }

    /// The size in bytes that follows a negative count.
    fn block_size(&mut self) -> Result<usize, DecodeError> {
        let before = self.rest.len();
        let size = self.long()?;
        match usize::try_from(size) {
            Ok(size) if size <= self.rest.len() => Ok(size),
            _ => Err(self.fail_at(before, DecodeErrorKind::BlockSize(size))),
        }
    }

    /// Enters a value of a recursive type: a record for which [`Model::recursive`](crate::model::Model::recursive) is true.
    ///
    /// # Errors
    ///
    /// If more than [`MAX_DEPTH`] of them are nested.
    #[inline]
    pub fn descend(&mut self) -> Result<(), DecodeError> {
        if self.depth == MAX_DEPTH {
            return Err(self.fail(DecodeErrorKind::Depth));
        }
        self.depth += 1;
        Ok(())
    }

    /// Leaves a value of a recursive type.
    #[inline]
    pub fn ascend(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Ends the datum.
    ///
    /// # Errors
    ///
    /// If bytes are left: they were then written with another schema.
    #[inline]
    pub fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.fail(DecodeErrorKind::Trailing(self.rest.len())))
        }
    }

    /// An error about the value that begins here, for types whose content has rules of its own.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn fail(&self, kind: DecodeErrorKind) -> DecodeError {
        DecodeError::new(kind, self.position())
    }

    /// An error about what began when `remaining` bytes were left.
    #[cold]
    #[inline(never)]
    fn fail_at(&self, remaining: usize, kind: DecodeErrorKind) -> DecodeError {
        DecodeError::new(kind, self.total - remaining)
    }

    /// The data ends although `needed` more bytes are expected here.
    #[cold]
    #[inline(never)]
    fn ends(&self, needed: usize) -> DecodeError {
        self.fail(DecodeErrorKind::End { needed })
    }
}

#[inline]
fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}
