//! Writing Avro's binary encoding to the end of a buffer.
//!
//! Nothing is allocated but what the buffer lacks, so a reused buffer costs nothing.

use std::collections::BTreeMap;

/// Writes a boolean.
#[inline]
pub fn boolean(out: &mut Vec<u8>, value: bool) {
    out.push(u8::from(value));
}

/// Writes an int.
#[inline]
pub fn int(out: &mut Vec<u8>, value: i32) {
    long(out, i64::from(value));
}

/// Writes a long.
#[inline]
pub fn long(out: &mut Vec<u8>, value: i64) {
    let mut value = zigzag(value);
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes a float.
#[inline]
pub fn float(out: &mut Vec<u8>, value: f32) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Writes a double.
#[inline]
pub fn double(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Writes bytes and their length.
#[inline]
pub fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    index(out, value.len());
    out.extend_from_slice(value);
}

/// Writes a string and its length.
#[inline]
pub fn string(out: &mut Vec<u8>, value: &str) {
    bytes(out, value.as_bytes());
}

/// Writes the bytes of a fixed, whose length the schema knows.
#[inline]
pub fn fixed(out: &mut Vec<u8>, value: &[u8]) {
    out.extend_from_slice(value);
}

/// Writes the index of a union's branch or of an enum's symbol.
#[inline]
pub fn index(out: &mut Vec<u8>, value: usize) {
    // No slice is longer than isize::MAX, and no schema has more branches or symbols.
    long(out, value as i64);
}

/// Writes the branch of an option, of which null is branch `null` of two; the value, if there is one, must follow.
#[inline]
pub fn option<'v, T>(out: &mut Vec<u8>, null: usize, value: &'v Option<T>) -> Option<&'v T> {
    index(out, if value.is_some() { 1 - null } else { null });
    value.as_ref()
}

/// Writes an array: all items in one block, each by `item`, and the empty block that ends it.
#[inline]
pub fn array<T>(out: &mut Vec<u8>, items: &[T], mut item: impl FnMut(&mut Vec<u8>, &T)) {
    if !items.is_empty() {
        block(out, items.len());
        for one in items {
            item(out, one);
        }
    }
    block(out, 0);
}

/// Writes a map: all entries in one block, each value by `value`, and the empty block that ends it.
#[inline]
pub fn map<V>(out: &mut Vec<u8>, map: &BTreeMap<String, V>, mut value: impl FnMut(&mut Vec<u8>, &V)) {
    if !map.is_empty() {
        block(out, map.len());
        for (key, one) in map {
            string(out, key);
            value(out, one);
        }
    }
    block(out, 0);
}

/// As [`map`](fn@map), from a list of entries.
#[inline]
pub fn entries<V>(out: &mut Vec<u8>, entries: &[(&str, V)], mut value: impl FnMut(&mut Vec<u8>, &V)) {
    array(out, entries, |out, (key, one)| {
        string(out, key);
        value(out, one);
    });
}

/// Writes the head of a block of `count` items; a block of 0 ends an array or a map.
///
/// ```
/// # use kaufmann_avro::encode;
/// let mut out = Vec::new();
/// encode::block(&mut out, 2);
/// encode::int(&mut out, 1);
/// encode::int(&mut out, 2);
/// encode::block(&mut out, 0);
/// assert_eq!(out, [0x04, 0x02, 0x04, 0x00]);
/// ```
#[inline]
pub fn block(out: &mut Vec<u8>, count: usize) {
    index(out, count);
}

#[inline]
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}
