//! From Avro to JSON.

use serde_json::{Map, Value};

use super::text;
use crate::cursor::{Cursor, DecodeError, DecodeErrorKind, MAX_EMPTY_ITEMS, MAX_LEVELS};
use crate::logical::{BigDecimal, Duration, OnFixed, Unscaled, Uuid, number_to_text, plain};
use crate::model::{Definition, Field, Kind, Logical, Model, Node, TypeId};
use crate::size;

pub(super) type Decoded = Result<Value, DecodeError>;

/// Reads one datum. The input bounds the work: every value takes a byte, or counts as empty, or contains one that does at
/// most [`MAX_LEVELS`] levels below.
pub(super) struct Decoder<'m, 'a> {
    pub(super) model: &'m Model,
    pub(super) cursor: Cursor<'a>,
    min_lens: Vec<Option<usize>>,
    recursive: Vec<bool>,
    level: usize,
    empty: u32,
}

impl<'m, 'a> Decoder<'m, 'a> {
    pub(super) fn new(model: &'m Model, cursor: Cursor<'a>) -> Self {
        Self {
            model,
            cursor,
            min_lens: model.min_lens(),
            recursive: model.recursive(),
            level: 0,
            empty: 0,
        }
    }

    pub(super) fn finish(self) -> Result<(), DecodeError> {
        self.cursor.finish()
    }

    pub(super) fn value(&mut self, node: &Node) -> Decoded {
        let start = self.cursor.position();
        let value = self.below(|decoder| decoder.content(node))?;
        self.count_empty(start)?;
        Ok(value)
    }

    /// Enters the next level.
    pub(super) fn below(&mut self, with: impl FnOnce(&mut Self) -> Decoded) -> Decoded {
        if self.level == MAX_LEVELS {
            return Err(self.cursor.fail(DecodeErrorKind::Levels));
        }
        self.level += 1;
        let value = with(self)?;
        self.level -= 1;
        Ok(value)
    }

    /// Enters a record's value.
    pub(super) fn within(&mut self, id: TypeId, with: impl FnOnce(&mut Self) -> Decoded) -> Decoded {
        if !self.recursive[id.0] {
            return with(self);
        }
        self.cursor.descend()?;
        let value = with(self)?;
        self.cursor.ascend();
        Ok(value)
    }

    /// Counts what began at `start` if it took no bytes.
    pub(super) fn count_empty(&mut self, start: usize) -> Result<(), DecodeError> {
        if self.cursor.position() == start {
            self.empty += 1;
            if self.empty > MAX_EMPTY_ITEMS {
                return Err(self.cursor.fail(DecodeErrorKind::EmptyItems));
            }
        }
        Ok(())
    }

    fn content(&mut self, node: &Node) -> Decoded {
        Ok(match &node.kind {
            Kind::Null => Value::Null,
            Kind::Boolean => self.cursor.boolean()?.into(),
            Kind::Int => integer(node.logical, self.cursor.int()?.into()),
            Kind::Long => integer(node.logical, self.cursor.long()?),
            Kind::Float => float(self.cursor.float()?),
            Kind::Double => double(self.cursor.double()?),
            Kind::Bytes => self.bytes(node.logical)?,
            Kind::String => self.cursor.string()?.into(),
            Kind::Array(inner) => self.array(inner)?,
            Kind::Map(inner) => self.map(inner)?,
            Kind::Union(branches) => {
                let branch = self.cursor.branch(branches.len())?;
                self.value(&branches[branch])?
            }
            Kind::Named(id) => self.named(*id)?,
        })
    }

    fn bytes(&mut self, logical: Option<Logical>) -> Decoded {
        let start = self.cursor.position();
        let bytes = self.cursor.bytes()?;
        Ok(match logical {
            Some(Logical::Decimal { scale, .. }) => plain(&Unscaled::from_be_bytes(bytes), scale).into(),
            Some(Logical::BigDecimal) => match BigDecimal::from_content(bytes) {
                Ok(number) => number.to_string().into(),
                Err(kind) => return Err(DecodeError::new(kind, start)),
            },
            _ => code_points(bytes),
        })
    }

    fn array(&mut self, inner: &Node) -> Decoded {
        let min_len = self.min_len(inner);
        let mut items = Vec::new();
        loop {
            let block = self.cursor.block(min_len)?;
            if block.count() == 0 {
                return Ok(Value::Array(items));
            }
            for _ in 0..block.count() {
                items.push(self.value(inner)?);
            }
            self.cursor.end_block(block)?;
        }
    }

    fn map(&mut self, inner: &Node) -> Decoded {
        let min_len = self.min_len(inner).saturating_add(1);
        let mut entries = Map::new();
        loop {
            let block = self.cursor.block(min_len)?;
            if block.count() == 0 {
                return Ok(Value::Object(entries));
            }
            for _ in 0..block.count() {
                let key = self.cursor.string()?;
                entries.insert(key.to_owned(), self.value(inner)?);
            }
            self.cursor.end_block(block)?;
        }
    }

    fn named(&mut self, id: TypeId) -> Decoded {
        let named = self.model.get(id);
        match &named.definition {
            Definition::Record(fields) => self.within(id, |decoder| decoder.record(fields)),
            Definition::Enum { symbols, .. } => {
                let symbol = self.cursor.symbol(symbols.len())?;
                Ok(symbols[symbol].name.as_str().into())
            }
            Definition::Fixed { size } => {
                let bytes = self.cursor.take(*size)?;
                Ok(fixed(named.logical, bytes))
            }
        }
    }

    fn record(&mut self, fields: &[Field]) -> Decoded {
        let mut entries = Map::new();
        for field in fields {
            entries.insert(field.name.clone(), self.value(&field.node)?);
        }
        Ok(Value::Object(entries))
    }

    pub(super) fn min_len(&self, node: &Node) -> usize {
        size::least(&self.min_lens, node).unwrap_or(usize::MAX)
    }
}

fn fixed(logical: Option<Logical>, bytes: &[u8]) -> Value {
    match logical {
        Some(Logical::Decimal { scale, .. }) => plain(&Unscaled::from_be_bytes(bytes), scale).into(),
        Some(Logical::Uuid) => match Uuid::from_slice(bytes) {
            Ok(uuid) => uuid.to_string().into(),
            Err(_) => code_points(bytes),
        },
        Some(Logical::Duration) => match bytes.try_into().map(Duration::from_fixed) {
            Ok(Ok(duration)) => duration.to_string().into(),
            _ => code_points(bytes),
        },
        _ => code_points(bytes),
    }
}

pub(super) fn integer(logical: Option<Logical>, number: i64) -> Value {
    let text = logical.and_then(|logical| number_to_text(logical, number));
    text.map_or_else(|| number.into(), Value::from)
}

/// The shortest number that reads back as this float, not the digits of the equal double.
pub(super) fn float(value: f32) -> Value {
    double(value.to_string().parse().unwrap_or_else(|_| f64::from(value)))
}

pub(super) fn double(value: f64) -> Value {
    match text::of_double(value) {
        Some(word) => word.into(),
        None => value.into(),
    }
}

fn code_points(bytes: &[u8]) -> Value {
    text::of_bytes(bytes).into()
}
