//! UUIDs: text on a string, 16 bytes on a fixed.

use uuid::Uuid;
use uuid::fmt::Hyphenated;

use super::OnFixed;
use crate::codec::{Decode, Encode};
use crate::cursor::{Cursor, DecodeError, DecodeErrorKind};
use crate::encode;

impl Encode for Uuid {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        let mut buffer = [0; Hyphenated::LENGTH];
        encode::string(out, self.hyphenated().encode_lower(&mut buffer));
    }
}

impl Decode<'_> for Uuid {
    #[inline]
    fn decode(cursor: &mut Cursor<'_>) -> Result<Self, DecodeError> {
        let offset = cursor.position();
        Self::try_parse_ascii(cursor.bytes()?).map_err(|_| DecodeError::new(DecodeErrorKind::Uuid, offset))
    }
}

impl OnFixed<16> for Uuid {
    #[inline]
    fn to_fixed(&self) -> [u8; 16] {
        *self.as_bytes()
    }

    #[inline]
    fn from_fixed(bytes: &[u8; 16]) -> Result<Self, DecodeErrorKind> {
        Ok(Self::from_bytes(*bytes))
    }
}
