//! The traits of every generated type: `Encode` and `Decode`.

use crate::cursor::{Cursor, DecodeError};
use crate::encode;

/// A value of an Avro type that writes itself.
pub trait Encode {
    /// Appends the binary encoding.
    fn encode(&self, out: &mut Vec<u8>);
}

/// A value of an Avro type that reads itself, perhaps borrowing from the input.
pub trait Decode<'a>: Sized {
    /// Takes one value.
    ///
    /// # Errors
    ///
    /// If the bytes are not a value of the type.
    fn decode(cursor: &mut Cursor<'a>) -> Result<Self, DecodeError>;
}

/// Reads one datum that takes all of the bytes.
///
/// ```
/// let text: &str = kaufmann_avro::decode(&[0x04, b'o', b'k'])?;
/// assert_eq!(text, "ok");
/// # Ok::<(), kaufmann_avro::DecodeError>(())
/// ```
///
/// # Errors
///
/// If the bytes are not a datum of the type, or if some are left.
#[inline]
pub fn decode<'a, T: Decode<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    let mut cursor = Cursor::new(bytes);
    // Made where it is returned: an owned value may be large.
    let mut value = T::decode(&mut cursor);
    if value.is_ok()
        && let Err(error) = cursor.finish()
    {
        value = Err(error);
    }
    value
}

/// The primitive types (`'a` is the input's lifetime): their Rust type, how it is written from `value`, how it is read from `cursor`.
macro_rules! primitives {
    ($($type:ty: |$out:ident, $value:ident| $write:expr, |$cursor:ident| $read:expr;)*) => {$(
        impl<'a> Encode for $type {
            #[inline]
            fn encode(&self, $out: &mut Vec<u8>) {
                let $value = self;
                $write
            }
        }

        impl<'a> Decode<'a> for $type {
            #[inline]
            fn decode($cursor: &mut Cursor<'a>) -> Result<Self, DecodeError> {
                $read
            }
        }
    )*};
}

primitives! {
    (): |_out, _value| (), |_cursor| Ok(());
    bool: |out, value| encode::boolean(out, *value), |cursor| cursor.boolean();
    i32: |out, value| encode::int(out, *value), |cursor| cursor.int();
    i64: |out, value| encode::long(out, *value), |cursor| cursor.long();
    f32: |out, value| encode::float(out, *value), |cursor| cursor.float();
    f64: |out, value| encode::double(out, *value), |cursor| cursor.double();
    &'a [u8]: |out, value| encode::bytes(out, value), |cursor| cursor.bytes();
    Vec<u8>: |out, value| encode::bytes(out, value), |cursor| cursor.bytes().map(<[u8]>::to_vec);
    &'a str: |out, value| encode::string(out, value), |cursor| cursor.string();
    String: |out, value| encode::string(out, value), |cursor| cursor.string().map(str::to_owned);
}

impl<T: Encode + ?Sized> Encode for Box<T> {
    #[inline]
    fn encode(&self, out: &mut Vec<u8>) {
        (**self).encode(out);
    }
}

impl<'a, T: Decode<'a>> Decode<'a> for Box<T> {
    #[inline]
    fn decode(cursor: &mut Cursor<'a>) -> Result<Self, DecodeError> {
        T::decode(cursor).map(Box::new)
    }
}
