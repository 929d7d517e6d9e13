use proptest::prelude::*;

use super::{Cursor, DecodeError, DecodeErrorKind as Kind, MAX_DEPTH, MAX_EMPTY_ITEMS};
use crate::encode;

fn error<T: std::fmt::Debug>(result: Result<T, DecodeError>) -> (Kind, usize) {
    let error = result.unwrap_err();
    (error.kind(), error.offset())
}

/// What `write` appends to an empty buffer.
fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

#[test]
fn an_error_is_small() {
    assert!(size_of::<DecodeError>() <= 24);
}

#[test]
fn an_error_says_what_and_at_which_byte() {
    let error = Cursor::new(&[2]).boolean().unwrap_err();
    assert_eq!(error.to_string(), "a boolean is 2, not 0 or 1 at byte 0");
    let error = Cursor::new(&[]).double().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the data ends where 8 more bytes are expected at byte 0"
    );
}

#[test]
fn longs_are_the_varints_of_the_specification() {
    for (value, bytes) in [
        (0_i64, &[0_u8][..]),
        (-1, &[1]),
        (1, &[2]),
        (-2, &[3]),
        (-64, &[0x7f]),
        (64, &[0x80, 1]),
    ] {
        assert_eq!(written(|out| encode::long(out, value)), bytes);
        assert_eq!(Cursor::new(bytes).long(), Ok(value));
    }
}

#[test]
fn the_extremes_survive() {
    for value in [
        i64::MIN,
        i64::MIN + 1,
        i64::from(i32::MIN),
        0,
        i64::from(i32::MAX),
        i64::MAX - 1,
        i64::MAX,
    ] {
        assert_eq!(
            Cursor::new(&written(|out| encode::long(out, value))).long(),
            Ok(value)
        );
    }
    assert_eq!(written(|out| encode::long(out, i64::MIN)).len(), 10);
    for value in [i32::MIN, -1, 0, i32::MAX] {
        assert_eq!(
            Cursor::new(&written(|out| encode::int(out, value))).int(),
            Ok(value)
        );
    }
    for value in [
        f64::MIN,
        f64::MIN_POSITIVE,
        -0.0,
        f64::MAX,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ] {
        let back = Cursor::new(&written(|out| encode::double(out, value)))
            .double()
            .unwrap();
        assert_eq!(back.to_bits(), value.to_bits());
    }
    for value in [
        f32::MIN,
        f32::MIN_POSITIVE,
        -0.0,
        f32::MAX,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
    ] {
        let back = Cursor::new(&written(|out| encode::float(out, value)))
            .float()
            .unwrap();
        assert_eq!(back.to_bits(), value.to_bits());
    }
}

#[test]
fn an_int_beyond_32_bits_is_an_error() {
    for value in [
        i64::from(i32::MAX) + 1,
        i64::from(i32::MIN) - 1,
        i64::MAX,
        i64::MIN,
    ] {
        let bytes = written(|out| encode::long(out, value));
        assert_eq!(error(Cursor::new(&bytes).int()), (Kind::IntRange(value), 0));
    }
}

#[test]
fn a_varint_of_more_bytes_than_needed_is_an_error() {
    for bytes in [
        &[0x80, 0][..],
        &[0x81, 0x80, 0],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0],
    ] {
        assert_eq!(error(Cursor::new(bytes).long()), (Kind::VarintOverlong, 0));
        assert_eq!(error(Cursor::new(bytes).int()), (Kind::VarintOverlong, 0));
    }
}

#[test]
fn a_varint_beyond_64_bits_is_an_error() {
    let mut tenth_too_great = [0xff; 10];
    tenth_too_great[9] = 2;
    let mut eleven = [0x80; 11];
    eleven[10] = 1;
    for bytes in [&tenth_too_great[..], &[0xff; 10], &eleven, &[0xff; 100]] {
        assert_eq!(error(Cursor::new(bytes).long()), (Kind::VarintRange, 0));
    }
}

#[test]
fn a_varint_that_does_not_end_is_an_error() {
    for length in 0..10 {
        assert_eq!(
            error(Cursor::new(&vec![0x80; length]).long()),
            (Kind::End { needed: 1 }, 0)
        );
    }
}

#[test]
fn only_0_and_1_are_booleans() {
    assert_eq!(Cursor::new(&[0]).boolean(), Ok(false));
    assert_eq!(Cursor::new(&[1]).boolean(), Ok(true));
    for byte in 2..=u8::MAX {
        assert_eq!(error(Cursor::new(&[byte]).boolean()), (Kind::Boolean(byte), 0));
    }
    assert_eq!(error(Cursor::new(&[]).boolean()), (Kind::End { needed: 1 }, 0));
}

#[test]
fn a_length_that_is_negative_or_beyond_the_data_is_an_error() {
    for length in [-1, i64::MIN] {
        let bytes = written(|out| encode::long(out, length));
        assert_eq!(error(Cursor::new(&bytes).bytes()), (Kind::Length(length), 0));
        assert_eq!(error(Cursor::new(&bytes).string()), (Kind::Length(length), 0));
    }
    for length in [1, 1_000_000, i64::MAX] {
        let bytes = written(|out| encode::long(out, length));
        let needed = usize::try_from(length).unwrap();
        assert_eq!(
            error(Cursor::new(&bytes).bytes()),
            (Kind::End { needed }, bytes.len())
        );
        assert_eq!(
            error(Cursor::new(&bytes).string()),
            (Kind::End { needed }, bytes.len())
        );
    }
}

#[test]
fn a_string_that_is_not_utf_8_is_an_error_at_its_first_bad_byte() {
    let bytes = written(|out| encode::bytes(out, b"ok\xff."));
    assert_eq!(error(Cursor::new(&bytes).string()), (Kind::Utf8, 3));
    let cut_short = written(|out| encode::bytes(out, &"é".as_bytes()[..1]));
    assert_eq!(error(Cursor::new(&cut_short).string()), (Kind::Utf8, 1));
    let surrogate = written(|out| encode::bytes(out, b"\xed\xa0\x80"));
    assert_eq!(error(Cursor::new(&surrogate).string()), (Kind::Utf8, 1));
}

#[test]
fn an_index_beyond_the_schema_is_an_error() {
    for index in [3, -1, i64::MAX, i64::MIN] {
        let bytes = written(|out| encode::long(out, index));
        assert_eq!(error(Cursor::new(&bytes).branch(3)), (Kind::Branch(index), 0));
        assert_eq!(error(Cursor::new(&bytes).symbol(3)), (Kind::Symbol(index), 0));
    }
    assert_eq!(Cursor::new(&[4]).branch(3), Ok(2));
    assert_eq!(Cursor::new(&[4]).symbol(3), Ok(2));
    assert_eq!(error(Cursor::new(&[0]).branch(0)), (Kind::Branch(0), 0));
}

#[test]
fn a_block_of_more_items_than_the_data_can_hold_is_an_error() {
    for (count, min_len) in [
        (i64::MAX, 1),
        (i64::MAX, usize::MAX),
        (5, 1),
        (3, 2),
        (1, usize::MAX),
    ] {
        let mut bytes = written(|out| encode::long(out, count));
        bytes.extend([0; 4]);
        assert_eq!(error(Cursor::new(&bytes).block(min_len)), (Kind::Block(count), 0));
    }
    assert_eq!(Cursor::new(&[8, 0, 0, 0, 0]).block(1).unwrap().count(), 4);
}

#[test]
fn a_block_may_carry_its_size() {
    let block = |count, size, rest: &[u8]| {
        let mut bytes = written(|out| encode::long(out, count));
        encode::long(&mut bytes, size);
        bytes.extend(rest);
        let mut cursor = Cursor::new(&bytes);
        (cursor.block(1), cursor.remaining())
    };
    let (two, one) = (block(-2, 2, &[0, 0]), block(-1, 1, &[0, 0]));
    assert_eq!((two.0.unwrap().count(), two.1), (2, 2));
    assert_eq!((one.0.unwrap().count(), one.1), (1, 2));
    assert_eq!(error(block(-3, 2, &[0, 0, 0]).0), (Kind::Block(-3), 0));
    assert_eq!(error(block(-1, 3, &[0, 0]).0), (Kind::BlockSize(3), 1));
    assert_eq!(error(block(-1, -1, &[0, 0]).0), (Kind::BlockSize(-1), 1));
    assert_eq!(
        error(block(-1, i64::MAX, &[0, 0]).0),
        (Kind::BlockSize(i64::MAX), 1)
    );
    assert_eq!(
        error(block(-1, i64::MIN, &[0, 0]).0),
        (Kind::BlockSize(i64::MIN), 1)
    );
    assert_eq!(error(block(i64::MIN, 2, &[0, 0]).0), (Kind::Block(i64::MIN), 0));
}

#[test]
fn a_block_ends_where_its_head_says() {
    // Two longs of one byte and of two, and the end.
    let array = |size| {
        let mut bytes = written(|out| encode::long(out, -2));
        encode::long(&mut bytes, size);
        bytes.extend([2, 0x80, 1, 0, 0, 0, 0]);
        let mut cursor = Cursor::new(&bytes);
        cursor
            .array(1, Cursor::long)
            .map(|items| (items, cursor.remaining()))
    };
    assert_eq!(array(3), Ok((vec![1, 64], 3)));
    for size in [2, 4, 5, 7] {
        assert_eq!(error(array(size)), (Kind::BlockEnd, 5), "{size}");
    }
    let mut cursor = Cursor::new(&[1, 4, 0, 0, 0, 0]);
    let map: Result<Vec<_>, _> = cursor.map(1, |_| Ok(()));
    assert_eq!(error(map), (Kind::BlockEnd, 3));
    assert_eq!(
        error(Cursor::new(&[1, 2, 0, 0]).array(0, |_| Ok(()))),
        (Kind::BlockEnd, 2)
    );
    assert_eq!(Cursor::new(&[1, 0, 0]).array(0, |_| Ok(())), Ok(vec![()]));
}

#[test]
fn items_of_no_bytes_are_counted_over_the_whole_datum() {
    let half = usize::try_from(MAX_EMPTY_ITEMS / 2).unwrap();
    let bytes = written(|out| {
        encode::block(out, half);
        encode::block(out, half);
        encode::block(out, 1);
    });
    let mut cursor = Cursor::new(&bytes);
    assert_eq!(cursor.block(0).unwrap().count(), half);
    assert_eq!(cursor.block(0).unwrap().count(), half);
    assert_eq!(error(cursor.block(0)).0, Kind::EmptyItems);
    for count in [i64::MAX, i64::MIN, i64::from(u32::MAX)] {
        let bytes = written(|out| {
            encode::long(out, count);
            encode::long(out, 0);
        });
        assert_eq!(error(Cursor::new(&bytes).block(0)), (Kind::EmptyItems, 0));
    }
}

#[test]
fn bytes_after_the_datum_are_an_error() {
    let mut cursor = Cursor::new(&[0, 0, 0]);
    cursor.long().unwrap();
    assert_eq!((cursor.position(), cursor.remaining()), (1, 2));
    assert_eq!(error(cursor.finish()), (Kind::Trailing(2), 1));
    assert_eq!(Cursor::new(&[]).finish(), Ok(()));
}

#[test]
fn recursion_is_limited_but_not_repetition() {
    let mut cursor = Cursor::new(&[]);
    for _ in 0..1000 {
        cursor.descend().unwrap();
        cursor.ascend();
    }
    for _ in 0..MAX_DEPTH {
        cursor.descend().unwrap();
    }
    assert_eq!(error(cursor.descend()).0, Kind::Depth);
    cursor.ascend();
    cursor.descend().unwrap();
}

/// A type to read, in the manner of generated code.
#[derive(Clone, Debug)]
enum Shape {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed,
    Symbol(usize),
    Array(Box<Shape>),
    Map(Box<Shape>),
    Union(Vec<Shape>),
    Record(Vec<Shape>),
}

impl Shape {
    fn min_len(&self) -> usize {
        match self {
            Self::Null => 0,
            Self::Float => 4,
            Self::Double => 8,
            Self::Fixed => 3,
            Self::Union(branches) => 1 + branches.iter().map(Self::min_len).min().unwrap_or(0),
            Self::Record(fields) => fields.iter().map(Self::min_len).sum(),
            _ => 1,
        }
    }

    fn read(&self, cursor: &mut Cursor<'_>) -> Result<(), DecodeError> {
        match self {
            Self::Null => Ok(()),
            Self::Boolean => cursor.boolean().map(drop),
            Self::Int => cursor.int().map(drop),
            Self::Long => cursor.long().map(drop),
            Self::Float => cursor.float().map(drop),
            Self::Double => cursor.double().map(drop),
            Self::Bytes => cursor.bytes().map(drop),
            Self::String => cursor.string().map(drop),
            Self::Fixed => cursor.fixed::<3>().map(drop),
            Self::Symbol(symbols) => cursor.symbol(*symbols).map(drop),
            Self::Array(item) => cursor.skip_blocks(item.min_len(), |cursor| item.read(cursor)),
            Self::Map(value) => cursor.skip_blocks(1 + value.min_len(), |cursor| {
                cursor.string()?;
                value.read(cursor)
            }),
            Self::Union(branches) => {
                let branch = cursor.branch(branches.len())?;
                branches[branch].read(cursor)
            }
            Self::Record(fields) => fields.iter().try_for_each(|field| field.read(cursor)),
        }
    }

    /// A value of this shape, chosen by `seed`.
    fn write(&self, seed: &mut u64, out: &mut Vec<u8>) {
        *seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let number = (*seed >> (*seed & 63)).cast_signed();
        let count = usize::try_from(*seed >> 62).unwrap();
        match self {
            Self::Null => {}
            Self::Boolean => encode::boolean(out, number % 2 == 0),
            Self::Int => encode::int(out, number as i32),
            Self::Long => encode::long(out, number),
            Self::Float => encode::float(out, number as f32),
            Self::Double => encode::double(out, number as f64),
            Self::Bytes => encode::bytes(out, &number.to_le_bytes()[..count]),
            Self::String => encode::string(out, &"añ€🦀".chars().take(count + 1).collect::<String>()),
            Self::Fixed => encode::fixed(out, &number.to_le_bytes()[..3]),
            Self::Symbol(symbols) => encode::index(out, count % symbols),
            Self::Array(_) | Self::Map(_) => {
                if count > 0 {
                    encode::block(out, count);
                }
                for _ in 0..count {
                    match self {
                        Self::Array(item) => item.write(seed, out),
                        Self::Map(value) => {
                            Self::String.write(seed, out);
                            value.write(seed, out);
                        }
                        _ => {}
                    }
                }
                encode::block(out, 0);
            }
            Self::Union(branches) => {
                let branch = count % branches.len();
                encode::index(out, branch);
                branches[branch].write(seed, out);
            }
            Self::Record(fields) => fields.iter().for_each(|field| field.write(seed, out)),
        }
    }
}

fn read(shape: &Shape, bytes: &[u8]) -> Result<(), DecodeError> {
    let mut cursor = Cursor::new(bytes);
    shape.read(&mut cursor)?;
    assert_eq!(cursor.position() + cursor.remaining(), bytes.len());
    cursor.finish()
}

fn shapes() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        Just(Shape::Null),
        Just(Shape::Boolean),
        Just(Shape::Int),
        Just(Shape::Long),
        Just(Shape::Float),
        Just(Shape::Double),
        Just(Shape::Bytes),
        Just(Shape::String),
        Just(Shape::Fixed),
        (1_usize..4).prop_map(Shape::Symbol),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|shape| Shape::Array(Box::new(shape))),
            inner.clone().prop_map(|shape| Shape::Map(Box::new(shape))),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Shape::Union),
            prop::collection::vec(inner, 0..4).prop_map(Shape::Record),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_a_value_or_an_error(shape in shapes(), bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Err(error) = read(&shape, &bytes) {
            prop_assert!(error.offset() <= bytes.len());
        }
    }

    #[test]
    fn what_is_written_is_read_and_no_prefix_of_it(shape in shapes(), mut seed: u64) {
        let bytes = written(|out| shape.write(&mut seed, out));
        prop_assert_eq!(read(&shape, &bytes), Ok(()));
        for length in 0..bytes.len() {
            prop_assert!(read(&shape, &bytes[..length]).is_err());
        }
        let longer = [&bytes[..], &[0]].concat();
        prop_assert_eq!(read(&shape, &longer).unwrap_err().kind(), Kind::Trailing(1));
    }

    #[test]
    fn a_changed_byte_is_a_value_or_an_error(shape in shapes(), mut seed: u64, at: prop::sample::Index, byte: u8) {
        let mut bytes = written(|out| shape.write(&mut seed, out));
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = read(&shape, &bytes);
        }
    }

    #[test]
    fn a_block_promises_no_more_items_than_there_can_be(
        count in any::<i64>().prop_flat_map(|any| prop_oneof![Just(any), -70_i64..70, -70_000_i64..70_000]),
        min_len in 0_usize..5,
        rest in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let bytes = [written(|out| encode::long(out, count)), rest].concat();
        let mut cursor = Cursor::new(&bytes);
        if let Ok(block) = cursor.block(min_len) {
            prop_assert!(block.count() * min_len <= cursor.remaining());
            prop_assert!(min_len > 0 || block.count() <= MAX_EMPTY_ITEMS as usize);
        }
    }

    #[test]
    fn longs_survive(value: i64) {
        prop_assert_eq!(Cursor::new(&written(|out| encode::long(out, value))).long(), Ok(value));
    }

    #[test]
    fn a_varint_has_one_spelling(bytes in prop::collection::vec(any::<u8>(), 1..12)) {
        let mut cursor = Cursor::new(&bytes);
        if let Ok(value) = cursor.long() {
            prop_assert_eq!(&written(|out| encode::long(out, value))[..], &bytes[..cursor.position()]);
        }
    }

    #[test]
    fn strings_and_bytes_survive(text: String, bytes: Vec<u8>) {
        let written_text = written(|out| encode::string(out, &text));
        prop_assert_eq!(Cursor::new(&written_text).string(), Ok(&*text));
        let written_bytes = written(|out| encode::bytes(out, &bytes));
        prop_assert_eq!(Cursor::new(&written_bytes).bytes(), Ok(&bytes[..]));
    }
}
