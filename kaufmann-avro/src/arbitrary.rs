//! Values of any schema for property tests: `proptest` strategies, built from the schema when the test runs.
//!
//! A strategy makes the bytes of a value and decodes them, so it needs only the type's schema and no generated code. Values
//! shrink part by part: numbers towards 0, texts and collections towards empty, unions and enums towards the first.

use std::collections::HashMap;
use std::fmt::Debug;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::strategy::Union;

use crate::model::{Definition, Kind, Logical, Model, Node, TypeId};
use crate::{Decode, Schema, decode, encode};

/// From this depth on, values are as shallow as possible.
const DEEP: usize = 6;
/// The longest texts and bytes.
const LONGEST: usize = 16;
/// The most digits of a decimal: as many as always fit in 128 bits.
const MAX_DIGITS: usize = 38;
/// 0001-01-01 and 9999-12-31, in days since 1970.
const DAYS: (i64, i64) = (-719_162, 2_932_896);
const SECONDS_OF_A_DAY: i64 = 86_400;

/// Values of a generated type, by its schema: `values::<shop::Address>(shop::Address::SCHEMA)`.
///
/// Collections are small, recursion is bounded, and logical types are in their valid ranges: dates of the
/// years 1 to 9999, times within a day, decimals of as many digits as the schema allows (38 at most). Floats are numbers.
///
/// ```
/// use kaufmann_avro::arbitrary::values;
/// use proptest::prelude::*;
/// use proptest::test_runner::TestRunner;
///
/// let numbers = values::<i64>(r#"{"type": "long", "logicalType": "time-micros"}"#);
/// TestRunner::default().run(&numbers, |number| {
///     prop_assert!((0..86_400_000_000).contains(&number));
///     Ok(())
/// })?;
/// # Ok::<(), proptest::test_runner::TestError<i64>>(())
/// ```
///
/// # Panics
///
/// If the text is not an Avro schema, has no finite values, or is not that of `T`.
pub fn values<T>(schema: &str) -> BoxedStrategy<T>
where
    T: for<'a> Decode<'a> + Debug,
{
    let schema = Schema::parse(schema).unwrap_or_else(|errors| {
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        panic!("this is not an Avro schema: {}", errors.join("; "))
    });
    data(&schema)
        .prop_map(|datum| match decode(&datum) {
            Ok(value) => value,
            Err(error) => panic!(
                "the schema is not that of `{}`: {error}",
                std::any::type_name::<T>()
            ),
        })
        .boxed()
}

/// The bytes of values of a schema, as [`Encode`](crate::Encode) of a generated type writes them.
///
/// # Panics
///
/// If the schema has no finite values.
pub fn data(schema: &Schema) -> BoxedStrategy<Vec<u8>> {
    let mut maker = Maker {
        model: &schema.model,
        heights: HashMap::new(),
        made: HashMap::new(),
    };
    while maker.measure() {}
    assert!(
        maker.height(&schema.root).is_some(),
        "the schema has no finite values: a record always contains itself"
    );
    maker.node(&schema.root, 0)
}

struct Maker<'m> {
    model: &'m Model,
    /// The minimum depth of the values of each type.
    heights: HashMap<TypeId, usize>,
    /// The strategies made so far, at each depth.
    made: HashMap<(TypeId, usize), BoxedStrategy<Vec<u8>>>,
}

impl Maker<'_> {
    /// Adds the types whose heights follow from the known ones; `false` if there are no more.
    fn measure(&mut self) -> bool {
        let unknown = (0..self.model.types.len()).map(TypeId);
        let found: Vec<_> = unknown
            .filter(|id| !self.heights.contains_key(id))
            .filter_map(|id| match &self.model.get(id).definition {
                Definition::Record(fields) => {
                    let heights = fields.iter().map(|field| self.height(&field.node));
                    let highest = heights.collect::<Option<Vec<_>>>()?.into_iter().max();
                    Some((id, highest.unwrap_or(0) + 1))
                }
                Definition::Enum { .. } | Definition::Fixed { .. } => Some((id, 0)),
            })
            .collect();
        let any = !found.is_empty();
        self.heights.extend(found);
        any
    }

    /// `None` if it is not known yet or infinite.
    fn height(&self, node: &Node) -> Option<usize> {
        match &node.kind {
            Kind::Union(branches) => branches.iter().filter_map(|branch| self.height(branch)).min(),
            Kind::Named(id) => self.heights.get(id).copied(),
            _ => Some(0),
        }
    }

    fn node(&mut self, node: &Node, depth: usize) -> BoxedStrategy<Vec<u8>> {
        match &node.kind {
            Kind::Null => Just(Vec::new()).boxed(),
            Kind::Boolean => encoded(any::<bool>(), encode::boolean),
            Kind::Int | Kind::Long => long(node),
            Kind::Float => encoded(any::<f32>(), encode::float),
            Kind::Double => encoded(any::<f64>(), encode::double),
            Kind::Bytes => encoded(bytes(node.logical), |out, value| encode::bytes(out, &value)),
            Kind::String if node.logical == Some(Logical::Uuid) => encoded(any::<u128>(), |out, value| {
                encode::string(out, &uuid::Uuid::from_u128(value).to_string());
            }),
            Kind::String => encoded(text(), |out, value| encode::string(out, &value)),
            // Empty from this depth on: items may contain the same type.
            Kind::Array(_) | Kind::Map(_) if depth >= DEEP => Just([0].to_vec()).boxed(),
            Kind::Array(items) => {
                let items = self.node(items, depth + 1);
                encoded(vec(items, 0..=most(depth)), |out, items| {
                    encode::array(out, &items, |out, item| out.extend_from_slice(item));
                })
            }
            Kind::Map(values) => {
                let values = self.node(values, depth + 1);
                encoded(btree_map(text(), values, 0..=most(depth)), |out, map| {
                    encode::map(out, &map, |out, value| out.extend_from_slice(value));
                })
            }
            Kind::Union(branches) => self.union(branches, depth),
            Kind::Named(id) => {
                if let Some(made) = self.made.get(&(*id, depth)) {
                    return made.clone();
                }
                let made = self.named(*id, depth);
                self.made.insert((*id, depth), made.clone());
                made
            }
        }
    }

    fn union(&mut self, branches: &[Node], depth: usize) -> BoxedStrategy<Vec<u8>> {
        let heights: Vec<_> = branches.iter().map(|branch| self.height(branch)).collect();
        let lowest = heights.iter().flatten().min().copied();
        let possible = |index: &usize| match heights[*index] {
            Some(height) => depth < DEEP || Some(height) == lowest,
            None => false,
        };
        let branches: Vec<_> = (0..branches.len())
            .filter(possible)
            .map(|index| {
                let value = self.node(&branches[index], depth + 1);
                encoded(value, move |out, value| {
                    encode::index(out, index);
                    out.extend(value);
                })
            })
            .collect();
        Union::new(branches).boxed()
    }

    fn named(&mut self, id: TypeId, depth: usize) -> BoxedStrategy<Vec<u8>> {
        let named = self.model.get(id);
        match (&named.definition, named.logical) {
            (Definition::Record(fields), _) => {
                let fields: Vec<_> = fields
                    .iter()
                    .map(|field| self.node(&field.node, depth + 1))
                    .collect();
                fields.prop_map(|fields| fields.concat()).boxed()
            }
            (Definition::Enum { symbols, .. }, _) => encoded(0..symbols.len(), encode::index),
            (Definition::Fixed { size }, Some(Logical::Decimal { precision, .. })) => {
                let size = *size;
                unscaled(precision)
                    .prop_map(move |number| {
                        let fill = if number[0] < 0x80 { 0 } else { 0xff };
                        [vec![fill; size - number.len()], number].concat()
                    })
                    .boxed()
            }
            (Definition::Fixed { size }, _) => vec(any::<u8>(), *size).boxed(),
        }
    }
}

/// The strategy's values as `write` encodes them.
fn encoded<S: Strategy + 'static>(
    values: S,
    write: impl Fn(&mut Vec<u8>, S::Value) + 'static,
) -> BoxedStrategy<Vec<u8>> {
    values
        .prop_map(move |value| {
            let mut out = Vec::new();
            write(&mut out, value);
            out
        })
        .boxed()
}

/// The most items at this depth: fewer the deeper, so that recursive values stay small.
fn most(depth: usize) -> usize {
    (8 >> depth).max(1)
}

fn text() -> impl Strategy<Value = String> {
    vec(any::<char>(), 0..=LONGEST).prop_map(String::from_iter)
}

fn long(node: &Node) -> BoxedStrategy<Vec<u8>> {
    let range = match node.logical {
        Some(Logical::Date) => DAYS.0..=DAYS.1,
        Some(Logical::TimeMillis) => 0..=SECONDS_OF_A_DAY * 1_000 - 1,
        Some(Logical::TimeMicros) => 0..=SECONDS_OF_A_DAY * 1_000_000 - 1,
        Some(Logical::TimestampMillis | Logical::LocalTimestampMillis) => instants(1_000),
        Some(Logical::TimestampMicros | Logical::LocalTimestampMicros) => instants(1_000_000),
        _ if node.kind == Kind::Int => i64::from(i32::MIN)..=i64::from(i32::MAX),
        _ => return encoded(any::<i64>(), encode::long),
    };
    encoded(range, encode::long)
}

/// The years 1 to 9999.
fn instants(a_second: i64) -> std::ops::RangeInclusive<i64> {
    let a_day = SECONDS_OF_A_DAY * a_second;
    DAYS.0 * a_day..=(DAYS.1 + 1) * a_day - 1
}

fn bytes(logical: Option<Logical>) -> BoxedStrategy<Vec<u8>> {
    match logical {
        Some(Logical::Decimal { precision, .. }) => unscaled(precision),
        Some(Logical::BigDecimal) => (unscaled(MAX_DIGITS), -1_000..1_000_i32)
            .prop_map(|(number, scale)| {
                let mut out = Vec::new();
                encode::bytes(&mut out, &number);
                encode::int(&mut out, scale);
                out
            })
            .boxed(),
        _ => vec(any::<u8>(), 0..=LONGEST).boxed(),
    }
}

/// A big-endian two's-complement number of no more digits than this, in as few bytes as possible.
fn unscaled(precision: usize) -> BoxedStrategy<Vec<u8>> {
    let digits = u32::try_from(precision.min(MAX_DIGITS)).unwrap_or(0);
    let greatest = 10_i128.pow(digits) - 1;
    (-greatest..=greatest)
        .prop_map(|number| {
            let bytes = number.to_be_bytes();
            let repeats = bytes.windows(2).take_while(|pair| {
                let repeated = if pair[1] < 0x80 { 0 } else { 0xff };
                pair[0] == repeated
            });
            bytes[repeats.count()..].to_vec()
        })
        .boxed()
}
