//! Skipping values, without reading more of them than their length.

use super::{Cursor, DecodeError, DecodeErrorKind};

impl Cursor<'_> {
    /// Passes over a number of bytes.
    ///
    /// # Errors
    ///
    /// At the end of the data.
    #[inline]
    pub(crate) fn skip(&mut self, length: usize) -> Result<(), DecodeError> {
        self.take(length).map(drop)
    }

    /// Passes over bytes or a string with their length.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes).
    #[inline]
    pub(crate) fn skip_bytes(&mut self) -> Result<(), DecodeError> {
        self.bytes().map(drop)
    }

    /// Passes over the blocks of an array or a map, item by item, also where a head says how many bytes its block takes: what it says
    /// must be so, as for those who read the items.
    ///
    /// # Errors
    ///
    /// Those of [`block`](Self::block), of [`end_block`](Self::end_block) and of `item`.
    #[inline]
    pub(crate) fn skip_blocks(
        &mut self,
        min_len: usize,
        mut item: impl FnMut(&mut Self) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        loop {
            let block = self.block(min_len)?;
            if block.count() == 0 {
                return Ok(());
            }
            // Items that may take no bytes never take any.
            if min_len > 0 {
                (0..block.count()).try_for_each(|_| item(self))?;
            }
            self.end_block(block)?;
        }
    }

    /// A value that one schema has and the other does not.
    #[cold]
    #[inline(never)]
    pub(crate) fn unresolved(&self, mismatch: usize) -> DecodeError {
        self.fail(DecodeErrorKind::Unresolved(
            u32::try_from(mismatch).unwrap_or(u32::MAX),
        ))
    }
}
