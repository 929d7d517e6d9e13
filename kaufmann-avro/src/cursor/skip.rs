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

    /// A value that one schema has and the other does not.
    #[cold]
    #[inline(never)]
    pub(crate) fn unresolved(&self, mismatch: usize) -> DecodeError {
        self.fail(DecodeErrorKind::Unresolved(
            u32::try_from(mismatch).unwrap_or(u32::MAX),
        ))
    }
}
