//! Following a plan, step by step. Generated code calls these functions: each reads the writer's value and returns the
//! reader's.

use super::op::{FieldOp, Op, OpId};
use super::{DecodeResolved, Plan};
use crate::codec::Decode;
use crate::cursor::{Cursor, DecodeError, DecodeErrorKind, Entries};

/// A place in a [`Plan`]: how the value that comes next is written.
#[derive(Clone, Copy, Debug)]
pub struct Step<'p> {
    plan: &'p Plan,
    op: &'p Op,
}

// Most values are written as the reader's own, so each method checks that first and inline, and leaves the rest to a separate
// function.

/// The fields of a record that another schema wrote, in the writer's order.
#[derive(Clone, Debug)]
pub struct Fields<'p> {
    plan: &'p Plan,
    rest: std::slice::Iter<'p, FieldOp>,
}

impl<'p> Step<'p> {
    #[inline]
    pub(super) fn new(plan: &'p Plan, op: OpId) -> Self {
        Self {
            plan,
            op: &plan.ops[op],
        }
    }

    /// Whether the value is written as the reader's own type, so that the direct decoder reads it.
    #[inline]
    #[must_use]
    pub fn is_same(self) -> bool {
        matches!(self.op, Op::Same)
    }

    /// Takes the branch, if the writer has a union here.
    ///
    /// # Errors
    ///
    /// If the union has no such branch, or the reader nothing for it.
    #[inline]
    pub fn enter(self, cursor: &mut Cursor<'_>) -> Result<Self, DecodeError> {
        match self.op {
            Op::Branches { .. } | Op::Unmatched(_) => self.enter_branch(cursor),
            _ => Ok(self),
        }
    }

    #[inline(never)]
    fn enter_branch(self, cursor: &mut Cursor<'_>) -> Result<Self, DecodeError> {
        let mut step = self;
        if let Op::Branches { of, .. } = step.op {
            let before = cursor.clone();
            step = Step::new(self.plan, of[cursor.branch(of.len())?]);
            if let Op::Unmatched(mismatch) = step.op {
                return Err(before.unresolved(*mismatch));
            }
        }
        match step.op {
            Op::Unmatched(mismatch) => Err(cursor.unresolved(*mismatch)),
            _ => Ok(step),
        }
    }

    /// As [`enter`](Self::enter), for a type that is written as the reader's own in every branch.
    ///
    /// # Errors
    ///
    /// As [`enter`](Self::enter), and if the plan is for another type.
    #[inline]
    pub fn enter_same(self, cursor: &mut Cursor<'_>) -> Result<(), DecodeError> {
        if self.is_same() {
            Ok(())
        } else {
            self.enter_other_same(cursor)
        }
    }

    #[inline(never)]
    fn enter_other_same(self, cursor: &mut Cursor<'_>) -> Result<(), DecodeError> {
        if self.enter(cursor)?.is_same() {
            Ok(())
        } else {
            Err(foreign(cursor))
        }
    }

    /// Takes a value of a type that is never converted.
    ///
    /// # Errors
    ///
    /// Those of [`enter_same`](Self::enter_same) and of the type.
    #[inline]
    pub fn read<'a, T: Decode<'a>>(self, cursor: &mut Cursor<'a>) -> Result<T, DecodeError> {
        self.enter_same(cursor)?;
        T::decode(cursor)
    }

    /// Takes a value of a type that follows the plan itself.
    ///
    /// # Errors
    ///
    /// Those of [`DecodeResolved::decode_resolved`].
    #[inline]
    pub fn follow<'a, T: DecodeResolved<'a>>(self, cursor: &mut Cursor<'a>) -> Result<T, DecodeError> {
        T::decode_resolved(cursor, self)
    }

    /// Takes a long.
    ///
    /// # Errors
    ///
    /// Those of the writer's type and of [`enter`](Self::enter), and if a time does not fit in the finer unit.
    #[inline]
    pub fn long(self, cursor: &mut Cursor<'_>) -> Result<i64, DecodeError> {
        if self.is_same() {
            cursor.long()
        } else {
            self.other_long(cursor)
        }
    }

    #[inline(never)]
    fn other_long(self, cursor: &mut Cursor<'_>) -> Result<i64, DecodeError> {
        match self.enter(cursor)?.op {
            Op::Same => cursor.long(),
            Op::Int => cursor.int().map(i64::from),
            Op::Times { int, by } => {
                let before = cursor.clone();
                let number = if *int {
                    cursor.int()?.into()
                } else {
                    cursor.long()?
                };
                let finer = number.checked_mul(*by);
                finer.ok_or_else(|| before.fail(DecodeErrorKind::Unit(number)))
            }
            _ => Err(foreign(cursor)),
        }
    }

    /// Takes a float; one that was an integer is rounded to the nearest.
    ///
    /// # Errors
    ///
    /// Those of the writer's type and of [`enter`](Self::enter).
    #[inline]
    pub fn float(self, cursor: &mut Cursor<'_>) -> Result<f32, DecodeError> {
        if self.is_same() {
            cursor.float()
        } else {
            self.other_float(cursor)
        }
    }

    #[inline(never)]
    #[expect(clippy::cast_precision_loss, reason = "the specification wants the promotion")]
    fn other_float(self, cursor: &mut Cursor<'_>) -> Result<f32, DecodeError> {
        match self.enter(cursor)?.op {
            Op::Same => cursor.float(),
            Op::Int => Ok(cursor.int()? as f32),
            Op::Long => Ok(cursor.long()? as f32),
            _ => Err(foreign(cursor)),
        }
    }

    /// Takes a double; one that was a long is rounded to the nearest.
    ///
    /// # Errors
    ///
    /// Those of the writer's type and of [`enter`](Self::enter).
    #[inline]
    pub fn double(self, cursor: &mut Cursor<'_>) -> Result<f64, DecodeError> {
        if self.is_same() {
            cursor.double()
        } else {
            self.other_double(cursor)
        }
    }

    #[inline(never)]
    #[expect(clippy::cast_precision_loss, reason = "the specification wants the promotion")]
    fn other_double(self, cursor: &mut Cursor<'_>) -> Result<f64, DecodeError> {
        match self.enter(cursor)?.op {
            Op::Same => cursor.double(),
            Op::Int => Ok(cursor.int()?.into()),
            Op::Long => Ok(cursor.long()? as f64),
            Op::Float => Ok(cursor.float()?.into()),
            _ => Err(foreign(cursor)),
        }
    }

    /// Takes a symbol of an enum: its index among the reader's, of which there are `symbols`.
    ///
    /// # Errors
    ///
    /// Those of [`enter`](Self::enter), and if the reader's enum has neither the symbol nor a default.
    #[inline]
    pub fn symbol(self, cursor: &mut Cursor<'_>, symbols: usize) -> Result<usize, DecodeError> {
        if self.is_same() {
            cursor.symbol(symbols)
        } else {
            self.other_symbol(cursor, symbols)
        }
    }

    #[inline(never)]
    fn other_symbol(self, cursor: &mut Cursor<'_>, symbols: usize) -> Result<usize, DecodeError> {
        match self.enter(cursor)?.op {
            Op::Same => cursor.symbol(symbols),
            Op::Enum { table, mismatch, .. } => {
                let before = cursor.clone();
                match table[cursor.symbol(table.len())?] {
                    Some(index) if index < symbols => Ok(index),
                    Some(_) => Err(foreign(cursor)),
                    None => Err(before.unresolved(mismatch.unwrap_or(usize::MAX))),
                }
            }
            _ => Err(foreign(cursor)),
        }
    }

    /// Begins a value of the reader's union: which of its branches the value belongs to, and how it is written.
    ///
    /// # Errors
    ///
    /// Those of [`enter`](Self::enter), and if the plan is for another type.
    #[inline]
    pub fn union(self, cursor: &mut Cursor<'_>, branches: usize) -> Result<(usize, Self), DecodeError> {
        if self.is_same() {
            Ok((cursor.branch(branches)?, self))
        } else {
            self.other_union(cursor, branches)
        }
    }

    #[inline(never)]
    fn other_union(self, cursor: &mut Cursor<'_>, branches: usize) -> Result<(usize, Self), DecodeError> {
        match self.enter(cursor)?.op {
            Op::Into { branch, op } if *branch < branches => Ok((*branch, Step::new(self.plan, *op))),
            _ => Err(foreign(cursor)),
        }
    }

    /// Begins a record: its fields in the writer's order, or nothing if it is written as the reader's own.
    ///
    /// # Errors
    ///
    /// Those of [`enter`](Self::enter), and if the plan is for another type.
    #[inline]
    pub fn record(self, cursor: &mut Cursor<'_>, slots: usize) -> Result<Option<Fields<'p>>, DecodeError> {
        match self.enter(cursor)?.op {
            Op::Same => Ok(None),
            Op::Record { fields, slots: of } if *of == slots => Ok(Some(Fields {
                plan: self.plan,
                rest: fields.iter(),
            })),
            _ => Err(foreign(cursor)),
        }
    }

    /// Takes an array. `min_len` is the fewest bytes of the reader's own item.
    ///
    /// # Errors
    ///
    /// Those of [`enter`](Self::enter), of [`Cursor::block`] and of `item`.
    #[inline]
    pub fn array<'a, T>(
        self,
        cursor: &mut Cursor<'a>,
        min_len: usize,
        mut item: impl FnMut(&mut Cursor<'a>, Step<'p>) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let step = self.enter(cursor)?;
        let (step, min_len) = match step.op {
            Op::Same => (step, min_len),
            Op::Array { items, min_len } => (Step::new(step.plan, *items), *min_len),
            _ => return Err(foreign(cursor)),
        };
        cursor.array(min_len, |cursor| item(cursor, step))
    }

    /// Takes a map. `min_len` is the fewest bytes of the reader's own entry, its key included.
    ///
    /// # Errors
    ///
    /// Those of [`enter`](Self::enter), of [`Cursor::block`] and of `value`.
    #[inline]
    pub fn map<'a, V, M: Entries<'a, V>>(
        self,
        cursor: &mut Cursor<'a>,
        min_len: usize,
        mut value: impl FnMut(&mut Cursor<'a>, Step<'p>) -> Result<V, DecodeError>,
    ) -> Result<M, DecodeError> {
        let step = self.enter(cursor)?;
        let (step, min_len) = match step.op {
            Op::Same => (step, min_len),
            Op::Map { values, min_len } => (Step::new(step.plan, *values), *min_len),
            _ => return Err(foreign(cursor)),
        };
        cursor.map(min_len, |cursor| value(cursor, step))
    }

    /// Takes an option, of which null is branch `null` of two.
    ///
    /// # Errors
    ///
    /// Those of [`union`](Self::union) and of `some`.
    #[inline]
    pub fn option<'a, T>(
        self,
        cursor: &mut Cursor<'a>,
        null: usize,
        some: impl FnOnce(&mut Cursor<'a>, Step<'p>) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        match self.union(cursor, 2)? {
            (branch, _) if branch == null => Ok(None),
            (_, step) => some(cursor, step).map(Some),
        }
    }
}

impl<'p> Fields<'p> {
    /// The next field that the reader has: its place among the reader's fields, and how its value, which comes next, is
    /// written. Fields that the reader does not have are skipped. `None` after the last field.
    ///
    /// # Errors
    ///
    /// If what is passed over is malformed.
    #[inline]
    pub fn next(&mut self, cursor: &mut Cursor<'_>) -> Result<Option<(usize, Step<'p>)>, DecodeError> {
        for field in self.rest.by_ref() {
            match field {
                FieldOp::Read { slot, op } => return Ok(Some((*slot, Step::new(self.plan, *op)))),
                FieldOp::Skip(skip) => self.plan.skips.skip(cursor, *skip)?,
            }
        }
        Ok(None)
    }

    /// The value of a field that has no default. A plan for the right type has filled it.
    ///
    /// # Errors
    ///
    /// If there is no default: the plan is for another type.
    #[inline]
    pub fn filled<T>(&self, slot: Option<T>, cursor: &Cursor<'_>) -> Result<T, DecodeError> {
        slot.ok_or_else(|| foreign(cursor))
    }
}

#[cold]
#[inline(never)]
fn foreign(cursor: &Cursor<'_>) -> DecodeError {
    cursor.fail(DecodeErrorKind::ForeignPlan)
}
