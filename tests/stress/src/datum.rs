//! Random data in Avro's binary encoding for any schema, made from the schema model alone.
//!
//! All choices come from bytes, and are the smallest when these are used up: fewer or smaller bytes make a smaller datum, as
//! shrinking requires.

use std::collections::{BTreeMap, BTreeSet};

use kaufmann_avro::Schema;
use kaufmann_avro::model::{Definition, Field, Kind, Logical, Model, Node, TypeId};

/// From this depth on, values nest as little as possible.
const DEEP: usize = 20;

/// The most characters of a string.
const MAX_TEXT: usize = 9;

/// The characters of strings.
const CHARS: [char; 16] = [
    'a',
    'Z',
    '0',
    ' ',
    '"',
    '\\',
    '\0',
    '\n',
    '\u{7f}',
    'ü',
    'ß',
    '€',
    '\u{202e}',
    '\u{ffff}',
    '😀',
    '\u{10ffff}',
];

/// A datum.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Datum {
    /// As implementations write it: arrays and maps in one block, a map's keys ordered by their bytes.
    pub plain: Vec<u8>,
    /// The same value with each item in a block of its own, every second one with its size.
    pub blocks: Vec<u8>,
    /// Whether it has a float that JSON cannot represent.
    pub beyond_json: bool,
}

impl Datum {
    fn both(&mut self, bytes: &[u8]) {
        self.plain.extend_from_slice(bytes);
        self.blocks.extend_from_slice(bytes);
    }

    fn long(&mut self, number: i64) {
        let bytes = varint(number);
        self.both(&bytes);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.long(bytes.len() as i64);
        self.both(bytes);
    }

    /// The items of an array or a map.
    fn items(&mut self, items: Vec<Self>) {
        if !items.is_empty() {
            self.plain.extend(varint(items.len() as i64));
        }
        for (index, item) in items.into_iter().enumerate() {
            self.plain.extend(item.plain);
            if index % 2 == 0 {
                self.blocks.extend(varint(1));
            } else {
                self.blocks.extend(varint(-1));
                self.blocks.extend(varint(item.blocks.len() as i64));
            }
            self.blocks.extend(item.blocks);
            self.beyond_json |= item.beyond_json;
        }
        self.both(&[0]);
    }
}

/// A zig-zag varint.
fn varint(number: i64) -> Vec<u8> {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    let mut out = Vec::new();
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
    out
}

/// Generates data of one schema.
#[derive(Debug)]
pub struct Generator {
    model: Model,
    root: Node,
    /// The least depth of a value of each type.
    heights: BTreeMap<TypeId, usize>,
}

impl Generator {
    /// A generator for a schema.
    #[must_use]
    pub fn new(schema: Schema) -> Self {
        let Schema { model, root } = schema;
        let mut generator = Self {
            model,
            root,
            heights: BTreeMap::new(),
        };
        while generator.measure() {}
        generator
    }

    /// The datum that these choices give.
    #[must_use]
    pub fn datum(&self, choices: &[u8]) -> Datum {
        let mut datum = Datum::default();
        let mut choices = Choices(choices.iter());
        self.value(&self.root, 0, &mut choices, &mut datum);
        datum
    }

    /// Adds the types whose depth follows from known ones; returns whether it added one.
    fn measure(&mut self) -> bool {
        let unknown = (0..self.model.types.len())
            .map(TypeId)
            .filter(|id| !self.heights.contains_key(id));
        let found = unknown.filter_map(|id| {
            let height = match &self.model.get(id).definition {
                Definition::Record(fields) => self.highest(fields)?,
                Definition::Enum { .. } | Definition::Fixed { .. } => 0,
            };
            Some((id, height))
        });
        let found = found.collect::<Vec<_>>();
        let any = !found.is_empty();
        self.heights.extend(found);
        any
    }

    fn highest(&self, fields: &[Field]) -> Option<usize> {
        let heights = fields.iter().map(|field| self.height(&field.node));
        let heights = heights.collect::<Option<Vec<_>>>()?;
        Some(heights.into_iter().max().unwrap_or(0) + 1)
    }

    /// `None` if it is not known yet.
    fn height(&self, node: &Node) -> Option<usize> {
        match &node.kind {
            Kind::Union(branches) => {
                let known = branches.iter().filter_map(|branch| self.height(branch));
                known.min().map(|least| least + 1)
            }
            Kind::Named(id) => self.heights.get(id).copied(),
            _ => Some(0),
        }
    }

    fn value(&self, node: &Node, depth: usize, choices: &mut Choices<'_>, out: &mut Datum) {
        let depth = depth + 1;
        match &node.kind {
            Kind::Null => {}
            Kind::Boolean => out.both(&[choices.byte() & 1]),
            Kind::Int => out.long(choices.number(4)),
            Kind::Long => out.long(choices.number(8)),
            Kind::Float => {
                let float = f32::from_bits(choices.float(4) as u32);
                let float = if float.is_nan() { f32::NAN } else { float };
                out.beyond_json |= !float.is_finite();
                out.both(&float.to_le_bytes());
            }
            Kind::Double => {
                let double = f64::from_bits(choices.float(8));
                let double = if double.is_nan() { f64::NAN } else { double };
                out.beyond_json |= !double.is_finite();
                out.both(&double.to_le_bytes());
            }
            Kind::Bytes => out.bytes(&bytes(node.logical, choices)),
            Kind::String if node.logical == Some(Logical::Uuid) => out.bytes(uuid(choices).as_bytes()),
            Kind::String => out.bytes(choices.text().as_bytes()),
            Kind::Array(inner) => {
                let items = (0..choices.count(depth)).map(|_| {
                    let mut item = Datum::default();
                    self.value(inner, depth, choices, &mut item);
                    item
                });
                out.items(items.collect());
            }
            Kind::Map(inner) => {
                let keys = (0..choices.count(depth)).map(|_| choices.text());
                let entries = keys.collect::<BTreeSet<_>>().into_iter().map(|key| {
                    let mut entry = Datum::default();
                    entry.bytes(key.as_bytes());
                    self.value(inner, depth, choices, &mut entry);
                    entry
                });
                out.items(entries.collect());
            }
            Kind::Union(branches) => {
                let index = if depth > DEEP || choices.are_used_up() {
                    let heights = branches.iter().map(|branch| self.height(branch)).enumerate();
                    let known = heights.filter_map(|(index, height)| Some((height?, index)));
                    known.min().map_or(0, |(_, index)| index)
                } else {
                    choices.below(branches.len())
                };
                out.long(index as i64);
                self.value(&branches[index], depth, choices, out);
            }
            Kind::Named(id) => self.named(*id, depth, choices, out),
        }
    }

    fn named(&self, id: TypeId, depth: usize, choices: &mut Choices<'_>, out: &mut Datum) {
        let named = self.model.get(id);
        match (&named.definition, named.logical) {
            (Definition::Record(fields), _) => {
                for field in fields {
                    self.value(&field.node, depth, choices, out);
                }
            }
            (Definition::Enum { symbols, .. }, _) => out.long(choices.below(symbols.len()) as i64),
            (Definition::Fixed { size }, Some(Logical::Decimal { precision, .. })) => {
                let number = unscaled(precision, choices);
                let fill = if number[0] < 0x80 { 0 } else { 0xff };
                out.both(&vec![fill; size - number.len()]);
                out.both(&number);
            }
            (Definition::Fixed { size }, _) => {
                let some = choices.take((*size).min(32));
                let all = some.iter().copied().cycle().take(*size);
                out.both(&all.collect::<Vec<_>>());
            }
        }
    }
}

fn bytes(logical: Option<Logical>, choices: &mut Choices<'_>) -> Vec<u8> {
    match logical {
        Some(Logical::Decimal { precision, .. }) => unscaled(precision, choices),
        Some(Logical::BigDecimal) => {
            let number = unscaled(60, choices);
            let scale = varint(choices.number(4));
            [varint(number.len() as i64), number, scale].concat()
        }
        _ => {
            let length = choices.below(MAX_TEXT);
            choices.take(length)
        }
    }
}

/// A big-endian two's-complement number of at most this many digits, in as few bytes as possible.
fn unscaled(precision: usize, choices: &mut Choices<'_>) -> Vec<u8> {
    let bytes = match u32::try_from(precision) {
        Ok(digits @ ..=18) => (choices.number(8) % 10_i64.pow(digits)).to_be_bytes().to_vec(),
        // A byte holds less than two and a half digits, and the sign takes a bit.
        _ => {
            let length = choices.below(precision * 2 / 5) + 1;
            choices.take(length)
        }
    };
    let spare = bytes.windows(2).take_while(|pair| {
        let repeated = if pair[1] < 0x80 { 0 } else { 0xff };
        pair[0] == repeated
    });
    let spare = spare.count();
    bytes[spare..].to_vec()
}

fn uuid(choices: &mut Choices<'_>) -> String {
    let digits = choices
        .take(16)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ]
    .join("-")
}

struct Choices<'c>(std::slice::Iter<'c, u8>);

impl Choices<'_> {
    fn are_used_up(&self) -> bool {
        self.0.len() == 0
    }

    fn byte(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }

    fn below(&mut self, limit: usize) -> usize {
        let wide = limit > 256;
        let chosen = usize::from(self.byte()) | if wide { usize::from(self.byte()) << 8 } else { 0 };
        chosen % limit
    }

    /// The number of items.
    fn count(&mut self, depth: usize) -> usize {
        if depth > DEEP {
            0
        } else {
            [0, 1, 2, 3, 1, 0, 5, 2][self.below(8)]
        }
    }

    /// An integer of at most this many bytes; all lengths are equally likely, and the extremes occur.
    fn number(&mut self, width: u32) -> i64 {
        let greatest = i64::MAX >> (64 - 8 * width);
        match self.byte() % 11 {
            9 => greatest,
            10 => -greatest - 1,
            length => {
                let bits = 8 * u32::from(length).min(width);
                let number = self
                    .take(bits as usize / 8)
                    .iter()
                    .fold(0, |number, byte| number << 8 | i64::from(*byte));
                // The topmost of the bits is the sign.
                number
                    .checked_shl(64 - bits)
                    .unwrap_or(0)
                    .checked_shr(64 - bits)
                    .unwrap_or(0)
            }
        }
    }

    /// The bits of a float: any, or a special value.
    fn float(&mut self, width: usize) -> u64 {
        let special = |float: f64| {
            if width == 4 {
                u64::from((float as f32).to_bits())
            } else {
                float.to_bits()
            }
        };
        match self.byte() % 12 {
            0 => special(0.0),
            1 => special(-0.0),
            2 => special(f64::INFINITY),
            3 => special(f64::NEG_INFINITY),
            4 => special(f64::NAN),
            5 => special(f64::from(self.byte()) / 8.0),
            _ => self
                .take(width)
                .iter()
                .fold(0, |bits, byte| bits << 8 | u64::from(*byte)),
        }
    }

    fn text(&mut self) -> String {
        (0..self.below(MAX_TEXT))
            .map(|_| CHARS[self.below(CHARS.len())])
            .collect()
    }
}
