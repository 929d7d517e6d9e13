//! Damaged records: cut off, with flipped bits, or with lengths beyond their end; decoded owned, borrowed and resolved.

use std::fmt::Debug;

use allocation_counter::measure;
use kaufmann::event::Body;
use kaufmann::{Event, Payload};
use kaufmann_avro::resolve::{self, Plan};
use kaufmann_avro::{DecodeError, Encode, decode, encode};

use super::fuzz::types::*;
use super::samples::Samples;

/// The most memory that a decoder may hold for each byte of input: a list of empty lists takes 24 bytes for each of them,
/// a map's entry more.
const PER_BYTE: u64 = 256;
/// The memory that it may hold in addition: lists reserved for a few announced items.
const BESIDES: u64 = 4_096;

/// How many inputs were read, and how many were values.
#[derive(Default)]
struct Count {
    inputs: usize,
    values: usize,
}

/// Reads an input in one of the three ways; returns whether it is a value.
type Read<'p> = (&'static str, Box<dyn Fn(&[u8]) -> Result<(), DecodeError> + 'p>);

/// The ways to read data of the type's own schema, and of another writer's by a plan.
fn readers<E, P>(plan: &Plan) -> ([Read<'_>; 2], [Read<'_>; 2])
where
    E: Event,
    P: Payload<Event = E> + 'static,
{
    let direct: [Read<'_>; 2] = [
        ("owned", Box::new(|bytes| decode::<E>(bytes).map(drop))),
        (
            "borrowed",
            Box::new(|bytes| P::decode(Body::new(bytes)).map(drop)),
        ),
    ];
    let resolved: [Read<'_>; 2] = [
        (
            "owned, resolved",
            Box::new(|bytes| resolve::decode::<E>(bytes, plan).map(drop)),
        ),
        (
            "borrowed, resolved",
            Box::new(|bytes| P::decode(Body::resolved(bytes, plan)).map(drop)),
        ),
    ];
    (direct, resolved)
}

/// The size of an error: a box with its kind and offset.
const AN_ERROR: i64 = 24;

/// Makes inputs from a valid record, and reads each.
type Damage = fn(&[u8], &mut dyn FnMut(&[u8]));

impl Count {
    /// Reads one input in both ways of a kind: they agree, and hold the memory limit.
    fn read(&mut self, readers: &[Read<'_>; 2], bytes: &[u8]) {
        let bound = BESIDES + PER_BYTE * bytes.len() as u64;
        let results = readers.each_ref().map(|(how, read)| {
            let mut result = None;
            let used = measure(|| result = Some(read(bytes)));
            assert!(
                used.bytes_max <= bound,
                "{how} took {} bytes for {} of input: {bytes:02x?}",
                used.bytes_max,
                bytes.len()
            );
            let result = result.unwrap();
            let kept = if result.is_ok() { 0 } else { AN_ERROR };
            assert_eq!(used.bytes_current, kept, "{how} kept memory: {bytes:02x?}");
            result
        });
        assert_eq!(results[0], results[1], "{bytes:02x?}");
        self.inputs += 1;
        self.values += usize::from(results[0].is_ok());
    }
}

/// Makes inputs from all samples of all types, and reads them.
fn for_all(damage: Damage) -> Count {
    fn of_type<E, P>(damage: Damage, count: &mut Count)
    where
        E: Event + Debug,
        P: Payload<Event = E> + 'static,
        for<'r> P::At<'r>: Encode + Debug + Into<E>,
    {
        let samples = Samples::of(E::INFO);
        let plan = Plan::new(&samples.writer, &samples.reader).unwrap();
        assert!(!plan.is_same());
        let (direct, resolved) = readers::<E, P>(&plan);
        for (readers, written) in [(&direct, &samples.direct), (&resolved, &samples.evolved)] {
            for bytes in written {
                for (how, read) in readers {
                    assert_eq!(read(bytes), Ok(()), "{} {how}", E::INFO.name);
                }
                damage(bytes, &mut |damaged| count.read(readers, damaged));
            }
        }
    }
    let mut count = Count::default();
    for number in 0..TYPES {
        with_type!(number, of_type(damage, &mut count));
    }
    count
}

#[test]
fn no_prefix_of_a_record_is_a_record() {
    let count = for_all(|bytes, read| (0..bytes.len()).for_each(|end| read(&bytes[..end])));
    assert_eq!(count.values, 0);
    assert!(count.inputs > 2_000, "{}", count.inputs);
}

#[test]
fn a_flipped_bit_is_a_value_or_an_error() {
    let count = for_all(|bytes, read| {
        for bit in 0..8 * bytes.len() {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            read(&flipped);
        }
    });
    // Many bits belong to strings and numbers, so the result is another value.
    let some = 1_000..count.inputs - 1_000;
    assert!(
        some.contains(&count.values),
        "{} of {}",
        count.values,
        count.inputs
    );
}

/// Numbers that are invalid as length, count, size, branch or symbol.
const NUMBERS: [i64; 10] = [
    i64::MAX,
    i64::MIN,
    i64::MIN + 1,
    i64::MAX / 24,
    1 << 40,
    -(1 << 40),
    i32::MAX as i64 + 1,
    65_537,
    -65_537,
    -1,
];

#[test]
fn a_length_or_count_beyond_the_input_takes_no_memory() {
    // Every byte is replaced, and so every length and count. The rest of the record follows, or much more.
    let count = for_all(|bytes, read| {
        for (at, number) in (0..bytes.len()).flat_map(|at| NUMBERS.map(|number| (at, number))) {
            let mut promising = bytes[..at].to_vec();
            encode::long(&mut promising, number);
            let promise = promising.len();
            promising.extend(&bytes[at + 1..]);
            read(&promising);
            promising.truncate(promise);
            promising.extend([2; 300]);
            read(&promising);
        }
    });
    assert!(
        count.values < count.inputs / 4,
        "{} of {}",
        count.values,
        count.inputs
    );
}

#[test]
fn a_negative_count_may_be_followed_by_any_size() {
    let count = for_all(|bytes, read| {
        for (at, size) in (0..bytes.len()).flat_map(|at| NUMBERS.map(|size| (at, size))) {
            for items in [-1, -2, -1_000_000, i64::MIN] {
                let mut block = bytes[..at].to_vec();
                encode::long(&mut block, items);
                encode::long(&mut block, size);
                block.extend(&bytes[at + 1..]);
                read(&block);
            }
        }
    });
    assert!(
        count.values < count.inputs / 4,
        "{} of {}",
        count.values,
        count.inputs
    );
}

#[test]
fn repeated_bytes_are_a_value_or_an_error() {
    // A repeated byte nests lists in lists, and records in records.
    let count = for_all(|bytes, read| {
        for at in (0..bytes.len()).step_by(7) {
            for byte in [0, 1, 2, 3, 4, 0x7f, 0x80, 0xff] {
                let mut repeating = bytes[..at].to_vec();
                repeating.resize(at + 20_000, byte);
                read(&repeating);
            }
        }
    });
    assert!(count.inputs > 1_000, "{}", count.inputs);
}
