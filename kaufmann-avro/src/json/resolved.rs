//! From records of another schema to JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::decode::{Decoded, Decoder, double, float, integer};
use super::{decode_json, encode_default};
use crate::cursor::{Cursor, DecodeErrorKind};
use crate::model::{Definition, Field, Kind, Node, TypeId};
use crate::resolve::Step;

impl<'a> Decoder<'_, 'a> {
    /// A value of the reader's type, written as `step` says.
    pub(super) fn resolved(&mut self, node: &Node, step: Step<'_>) -> Decoded {
        if step.is_same() {
            return self.value(node);
        }
        self.below(|decoder| decoder.resolved_content(node, step))
    }

    fn resolved_content(&mut self, node: &Node, step: Step<'_>) -> Decoded {
        Ok(match &node.kind {
            Kind::Long => integer(node.logical, step.long(&mut self.cursor)?),
            Kind::Float => float(step.float(&mut self.cursor)?),
            Kind::Double => double(step.double(&mut self.cursor)?),
            Kind::Array(inner) => self.resolved_array(inner, step)?,
            Kind::Map(inner) => self.resolved_map(inner, step)?,
            Kind::Union(branches) => {
                let (branch, step) = step.union(&mut self.cursor, branches.len())?;
                self.resolved(&branches[branch], step)?
            }
            Kind::Named(id) => self.resolved_named(*id, node, step)?,
            Kind::Null | Kind::Boolean | Kind::Int | Kind::Bytes | Kind::String => {
                step.enter_same(&mut self.cursor)?;
                self.value(node)?
            }
        })
    }

    fn resolved_array(&mut self, inner: &Node, step: Step<'_>) -> Decoded {
        let min_len = self.min_len(inner);
        let mut cursor = self.cursor.clone();
        let items = step.array(&mut cursor, min_len, |cursor, step| {
            self.at(cursor, |decoder| decoder.resolved(inner, step))
        })?;
        self.cursor = cursor;
        Ok(Value::Array(items))
    }

    fn resolved_map(&mut self, inner: &Node, step: Step<'_>) -> Decoded {
        let min_len = self.min_len(inner).saturating_add(1);
        let mut cursor = self.cursor.clone();
        let entries: BTreeMap<_, _> = step.map(&mut cursor, min_len, |cursor, step| {
            self.at(cursor, |decoder| decoder.resolved(inner, step))
        })?;
        self.cursor = cursor;
        Ok(Value::Object(entries.into_iter().collect()))
    }

    fn resolved_named(&mut self, id: TypeId, node: &Node, step: Step<'_>) -> Decoded {
        match &self.model.get(id).definition {
            Definition::Record(fields) => match step.record(&mut self.cursor, fields.len())? {
                None => self.value(node),
                Some(written) => self.within(id, |decoder| decoder.resolved_record(fields, written)),
            },
            Definition::Enum { symbols, .. } => {
                let symbol = step.symbol(&mut self.cursor, symbols.len())?;
                Ok(symbols[symbol].name.as_str().into())
            }
            Definition::Fixed { .. } => {
                step.enter_same(&mut self.cursor)?;
                self.value(node)
            }
        }
    }

    fn resolved_record(&mut self, fields: &[Field], mut written: crate::resolve::Fields<'_>) -> Decoded {
        let start = self.cursor.position();
        let mut slots = vec![None; fields.len()];
        while let Some((slot, step)) = written.next(&mut self.cursor)? {
            slots[slot] = Some(self.resolved(&fields[slot].node, step)?);
        }
        self.count_empty(start)?;
        let mut entries = Map::new();
        for (field, value) in fields.iter().zip(slots) {
            let value = match (value, &field.default) {
                (Some(value), _) => value,
                (None, Some(default)) => self.default(field, default)?,
                (None, None) => written.filled(None, &self.cursor)?,
            };
            entries.insert(field.name.clone(), value);
        }
        Ok(Value::Object(entries))
    }

    /// The default in the readable form; the schema has it in the specification's form.
    fn default(&self, field: &Field, default: &Value) -> Decoded {
        let unfit = || self.cursor.fail(DecodeErrorKind::ForeignPlan);
        let mut bytes = Vec::new();
        encode_default(self.model, &field.node, default, &mut bytes).map_err(|_| unfit())?;
        decode_json(self.model, &field.node, &bytes).map_err(|_| unfit())
    }

    /// Runs `with` at the position of another cursor.
    fn at<T>(&mut self, cursor: &mut Cursor<'a>, with: impl FnOnce(&mut Self) -> T) -> T {
        std::mem::swap(&mut self.cursor, cursor);
        let result = with(self);
        std::mem::swap(&mut self.cursor, cursor);
        result
    }
}
