//! Avro data, byte by byte, by hands that are not ours.

use anyhow::{Context, Result, ensure};

/// An Avro datum, as the specification has it.
#[derive(Clone, Default, Debug)]
pub struct Datum(Vec<u8>);

impl Datum {
    /// Appends a `long`.
    #[must_use]
    pub fn long(mut self, value: i64) -> Self {
        let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
        loop {
            let low = (rest & 0x7f) as u8;
            rest >>= 7;
            if rest == 0 {
                self.0.push(low);
                return self;
            }
            self.0.push(low | 0x80);
        }
    }

    /// Appends a `string`.
    #[must_use]
    pub fn text(mut self, value: &str) -> Self {
        self = self.long(value.len() as i64);
        self.0.extend_from_slice(value.as_bytes());
        self
    }

    /// The datum behind a zero and the id of its schema.
    #[must_use]
    pub fn framed(&self, schema: i32) -> Vec<u8> {
        [&[0], &schema.to_be_bytes()[..], &self.0].concat()
    }

    /// Takes the frame off.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn unframed(payload: &[u8]) -> Result<&[u8]> {
        ensure!(
            payload.len() > 4 && payload[0] == 0,
            "this is not framed: {payload:02x?}"
        );
        Ok(&payload[5..])
    }

    /// Reads a `long` off the front.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn read_long(datum: &mut &[u8]) -> Result<i64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (first, rest) = datum.split_first().context("the datum is too short")?;
            *datum = rest;
            value |= u64::from(first & 0x7f) << shift;
            if first & 0x80 == 0 {
                return Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed());
            }
        }
        anyhow::bail!("a long has more than ten bytes")
    }

    /// Reads a `string` off the front.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn read_text(datum: &mut &[u8]) -> Result<String> {
        let length = usize::try_from(Self::read_long(datum)?)?;
        let (text, rest) = datum.split_at_checked(length).context("the datum is too short")?;
        *datum = rest;
        Ok(String::from_utf8(text.to_vec())?)
    }
}
