//! Passing over values that nobody wants, without looking at more of them than their length.

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

    /// Passes over a block whose head tells its size, or else takes the head: how many items have to be passed over one
    /// by one. `None` at the end of the array or map.
    ///
    /// # Errors
    ///
    /// As [`block`](Self::block).
    pub(crate) fn skip_block(&mut self, min_len: usize) -> Result<Option<usize>, DecodeError> {
        let mut ahead = self.clone();
        if ahead.long()? < 0 {
            let size = ahead.block_size()?;
            // Checks that the count fits in the size.
            self.block(min_len)?;
            self.skip(size)?;
            return Ok(Some(0));
        }
        match self.block(min_len)? {
            0 => Ok(None),
            // Items that always take no bytes are passed over by doing nothing.
            _ if min_len == 0 => Ok(Some(0)),
            count => Ok(Some(count)),
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
