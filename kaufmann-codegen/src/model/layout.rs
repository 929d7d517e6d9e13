//! Properties that follow from the shapes of all types: cycles, minimum lengths, and which types borrow, copy and hash.

use std::collections::BTreeSet;

use kaufmann_avro::model::{Definition, Logical, Model, TypeId};

use super::{Base, Shape, Union, UnionId};

/// Measures of every type, by its id.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Which records a value of the type can hold without a `Vec` or a map in between, however deep.
    holds: Vec<BTreeSet<TypeId>>,
    /// Whether a value of the type can hold values of the same type, however deep.
    recursive: Vec<bool>,
    /// The fewest bytes of a value; nothing if there is no finite value.
    min_len: Vec<Option<usize>>,
    /// Whether a value has strings, bytes or maps, which can borrow from the input.
    borrows: Vec<bool>,
    /// Whether the owned type is `Copy`.
    copies: Vec<bool>,
    /// Whether the borrowed type is `Copy`.
    ref_copies: Vec<bool>,
    /// Whether a value can be `Eq` and `Hash`.
    hashes: Vec<bool>,
    /// The shapes of the unions' variants.
    unions: Vec<(bool, Vec<Shape>)>,
}

impl Layout {
    pub(super) fn new(model: &Model, fields: &[Vec<Shape>], unions: &[Union]) -> Self {
        let count = model.types.len();
        let variants = |union: &Union| {
            union
                .variants
                .iter()
                .map(|variant| variant.shape.clone())
                .collect()
        };
        let mut layout = Self {
            holds: vec![BTreeSet::new(); count],
            recursive: model.recursive(),
            min_len: model
                .types
                .iter()
                .map(|named| simple_len(&named.definition))
                .collect(),
            borrows: vec![false; count],
            copies: vec![true; count],
            ref_copies: vec![true; count],
            hashes: vec![true; count],
            unions: unions
                .iter()
                .map(|union| (union.null.is_some(), variants(union)))
                .collect(),
        };
        layout.holds = closure(fields, |shape, found| layout.records(shape, found));
        // Each property changes in one direction only, so this ends.
        while layout.step(fields) {}
        layout
    }

    /// Computes the properties of the records once more; returns whether one changed.
    fn step(&mut self, fields: &[Vec<Shape>]) -> bool {
        let mut moved = false;
        for (index, shapes) in fields.iter().enumerate().filter(|(_, shapes)| !shapes.is_empty()) {
            let recursive = self.holds[index].contains(&TypeId(index));
            let min_len = shapes
                .iter()
                .map(|shape| self.min_len(shape))
                .sum::<Option<usize>>();
            let borrows = shapes.iter().any(|shape| self.borrows(shape));
            let copies = !recursive && shapes.iter().all(|shape| self.copies(shape, false));
            let ref_copies = !recursive && shapes.iter().all(|shape| self.copies(shape, true));
            let hashes = shapes.iter().all(|shape| self.hashes(shape));
            let now = (min_len, borrows, copies, ref_copies, hashes);
            let before = (
                self.min_len[index],
                self.borrows[index],
                self.copies[index],
                self.ref_copies[index],
                self.hashes[index],
            );
            if now != before {
                moved = true;
                self.min_len[index] = min_len;
                self.borrows[index] = borrows;
                self.copies[index] = copies;
                self.ref_copies[index] = ref_copies;
                self.hashes[index] = hashes;
            }
        }
        moved
    }

    /// Whether a value of `outer` can hold a value of the record `inner` by value.
    pub(crate) fn holds(&self, outer: TypeId, inner: TypeId) -> bool {
        self.holds[outer.0].contains(&inner)
    }

    /// Whether values of the record can be nested without end, so that its depth must be counted.
    pub(crate) fn recursive(&self, record: TypeId) -> bool {
        self.recursive[record.0]
    }

    /// The fewest bytes a value takes; nothing if there is no finite value.
    pub(crate) fn min_len(&self, shape: &Shape) -> Option<usize> {
        match shape {
            Shape::Null => Some(0),
            Shape::Float => Some(4),
            Shape::Double => Some(8),
            Shape::Boolean
            | Shape::Int
            | Shape::Long
            | Shape::Bytes
            | Shape::String
            | Shape::Array(_)
            | Shape::Map(_)
            | Shape::Enum(_)
            | Shape::Optional { .. } => Some(1),
            Shape::Logical(_, Base::Fixed(size)) => Some(*size),
            Shape::Logical(..) => Some(1),
            Shape::Record(id) | Shape::Fixed(id) => self.min_len[id.0],
            Shape::Single(only) => Some(self.min_len(only)? + 1),
            Shape::Union(id) => {
                let (null, variants) = &self.unions[id.0];
                let shortest = variants.iter().filter_map(|variant| self.min_len(variant)).min();
                Some(if *null { 0 } else { shortest? } + 1)
            }
        }
    }

    /// Whether a value has a part that can borrow from the input.
    pub(crate) fn borrows(&self, shape: &Shape) -> bool {
        match shape {
            Shape::Bytes | Shape::String | Shape::Map(_) => true,
            Shape::Array(inner) | Shape::Single(inner) | Shape::Optional { some: inner, .. } => {
                self.borrows(inner)
            }
            Shape::Record(id) => self.borrows[id.0],
            Shape::Union(id) => self.union_borrows(*id),
            _ => false,
        }
    }

    /// Whether the record has a part that can borrow from the input.
    pub(crate) fn record_borrows(&self, record: TypeId) -> bool {
        self.borrows[record.0]
    }

    /// Whether a variant of the union has a part that can borrow from the input.
    pub(crate) fn union_borrows(&self, union: UnionId) -> bool {
        self.unions[union.0].1.iter().any(|variant| self.borrows(variant))
    }

    /// Whether the type is `Copy`: the borrowed one or the owned one.
    pub(crate) fn copies(&self, shape: &Shape, borrowed: bool) -> bool {
        match shape {
            Shape::Bytes | Shape::String => borrowed,
            Shape::Array(_) | Shape::Map(_) => false,
            Shape::Logical(logical, _) => !matches!(logical, Logical::Decimal { .. } | Logical::BigDecimal),
            Shape::Single(inner) | Shape::Optional { some: inner, .. } => self.copies(inner, borrowed),
            Shape::Record(id) => self.record_copies(*id, borrowed),
            Shape::Union(id) => self.union_copies(*id, borrowed),
            _ => true,
        }
    }

    /// Whether the record's type is `Copy`: the borrowed one or the owned one.
    pub(crate) fn record_copies(&self, record: TypeId, borrowed: bool) -> bool {
        if borrowed {
            self.ref_copies[record.0]
        } else {
            self.copies[record.0]
        }
    }

    /// Whether the union's enum is `Copy`: the borrowed one or the owned one.
    pub(crate) fn union_copies(&self, union: UnionId, borrowed: bool) -> bool {
        self.unions[union.0]
            .1
            .iter()
            .all(|variant| self.copies(variant, borrowed))
    }

    /// Whether a value can be `Eq` and `Hash`.
    pub(crate) fn hashes(&self, shape: &Shape) -> bool {
        match shape {
            Shape::Float | Shape::Double => false,
            Shape::Array(inner)
            | Shape::Map(inner)
            | Shape::Single(inner)
            | Shape::Optional { some: inner, .. } => self.hashes(inner),
            Shape::Record(id) => self.hashes[id.0],
            Shape::Union(id) => self.union_hashes(*id),
            _ => true,
        }
    }

    /// Whether the record can be `Eq` and `Hash`.
    pub(crate) fn record_hashes(&self, record: TypeId) -> bool {
        self.hashes[record.0]
    }

    /// Whether the union's enum can be `Eq` and `Hash`.
    pub(crate) fn union_hashes(&self, union: UnionId) -> bool {
        self.unions[union.0].1.iter().all(|variant| self.hashes(variant))
    }

    /// The records directly in a shape, without those within them or in arrays and maps.
    fn records(&self, shape: &Shape, found: &mut BTreeSet<TypeId>) {
        match shape {
            Shape::Record(id) => {
                found.insert(*id);
            }
            Shape::Single(inner) | Shape::Optional { some: inner, .. } => self.records(inner, found),
            Shape::Union(id) => {
                for variant in &self.unions[id.0].1 {
                    self.records(variant, found);
                }
            }
            _ => {}
        }
    }
}

/// The fewest bytes of an enum, a fixed, or a record without fields; those of other records are found step by step.
fn simple_len(definition: &Definition) -> Option<usize> {
    match definition {
        Definition::Enum { .. } => Some(1),
        Definition::Fixed { size } => Some(*size),
        Definition::Record(fields) => fields.is_empty().then_some(0),
    }
}

/// The transitive closure: from the records directly in each type to those at any depth.
fn closure(fields: &[Vec<Shape>], records: impl Fn(&Shape, &mut BTreeSet<TypeId>)) -> Vec<BTreeSet<TypeId>> {
    let direct = fields.iter().map(|shapes| {
        let mut found = BTreeSet::new();
        shapes.iter().for_each(|shape| records(shape, &mut found));
        found
    });
    let direct = direct.collect::<Vec<_>>();
    let from = |start: &BTreeSet<TypeId>| {
        let mut found = start.clone();
        let mut open = start.iter().copied().collect::<Vec<_>>();
        while let Some(id) = open.pop() {
            open.extend(direct[id.0].iter().filter(|next| found.insert(**next)));
        }
        found
    };
    direct.iter().map(from).collect()
}
