//! A record's headers, in one piece of its batch's arena.

use std::ops::Range;

/// The headers of a record, in their order.
#[derive(Clone, Debug)]
pub struct Headers<'a> {
    rest: &'a [u8],
}

impl<'a> Headers<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    fn length(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a str, Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        let len = self.length()?;
        let name = std::str::from_utf8(self.take(len as usize)?).ok()?;
        match self.length()? {
            u32::MAX => Some((name, None)),
            len => Some((name, Some(self.take(len as usize)?))),
        }
    }
}

/// Appends a header as [`Headers`] reads it: name length, name, value length or `u32::MAX` for null, value.
pub(crate) fn encode_header(out: &mut Vec<u8>, name: &str, value: Option<&[u8]>) {
    encode_name(out, name);
    let len = value.map_or(u32::MAX, |value| value.len() as u32);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(value.unwrap_or_default());
}

/// Appends a header whose value is written in place; returns where it is.
pub(crate) fn encode_header_with(
    out: &mut Vec<u8>,
    name: &str,
    write: impl FnOnce(&mut Vec<u8>),
) -> Range<usize> {
    encode_name(out, name);
    let start = out.len() + 4;
    out.extend_from_slice(&[0; 4]);
    write(out);
    let len = (out.len() - start) as u32;
    out[start - 4..start].copy_from_slice(&len.to_le_bytes());
    start..out.len()
}

fn encode_name(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(&(name.len() as u32).to_le_bytes());
    out.extend_from_slice(name.as_bytes());
}
