//! The minimum length of values in bytes.

use crate::model::{Definition, Kind, Model, NamedType, Node, TypeId};

/// The length of a type's values, as far as the known lengths of the named types determine it.
type Len = fn(&[Option<usize>], &Node) -> Option<usize>;

impl Model {
    /// A lower bound of the bytes that a value of this type takes, for [`Cursor::block`](crate::Cursor::block).
    ///
    /// It walks the whole model: store the result if it is needed often.
    #[must_use]
    pub fn min_len(&self, node: &Node) -> usize {
        least(&self.min_lens(), node).unwrap_or(usize::MAX)
    }

    /// The same for every named type; nothing for a record that has no finite value.
    pub(crate) fn min_lens(&self) -> Vec<Option<usize>> {
        self.lens(least, Some(1))
    }

    /// How many bytes every value of a named type takes, where they all take as many.
    pub(crate) fn exact_lens(&self) -> Vec<Option<usize>> {
        self.lens(exact, None)
    }

    /// `len` of every named type, computed from the types within.
    fn lens(&self, len: Len, symbol: Option<usize>) -> Vec<Option<usize>> {
        let mut known = vec![None; self.types.len()];
        let mut users = vec![Vec::new(); self.types.len()];
        for (index, named) in self.types.iter().enumerate() {
            if let Definition::Record(fields) = &named.definition {
                for field in fields {
                    uses(&field.node, &mut |id| users[id.0].push(index));
                }
            }
        }
        // A type that becomes known may make its users known.
        let mut queue: Vec<usize> = (0..self.types.len()).collect();
        while let Some(index) = queue.pop() {
            if known[index].is_none() {
                known[index] = len_of_type(&known, &self.types[index], len, symbol);
                if known[index].is_some() {
                    queue.append(&mut users[index]);
                }
            }
        }
        known
    }
}

fn len_of_type(known: &[Option<usize>], named: &NamedType, len: Len, symbol: Option<usize>) -> Option<usize> {
    match &named.definition {
        Definition::Record(fields) => fields.iter().try_fold(0_usize, |sum, field| {
            Some(sum.saturating_add(len(known, &field.node)?))
        }),
        Definition::Enum { .. } => symbol,
        Definition::Fixed { size } => Some(*size),
    }
}

/// The least length of a value, or nothing if as yet none is known to be finite.
pub(crate) fn least(known: &[Option<usize>], node: &Node) -> Option<usize> {
    match &node.kind {
        Kind::Null => Some(0),
        Kind::Boolean | Kind::Int | Kind::Long | Kind::Bytes | Kind::String => Some(1),
        Kind::Array(_) | Kind::Map(_) => Some(1),
        Kind::Float => Some(4),
        Kind::Double => Some(8),
        Kind::Named(id) => known[id.0],
        // What a named branch takes is not added: it would depend on which branches are known so far.
        Kind::Union(branches) if branches.is_empty() => Some(1),
        Kind::Union(branches) => {
            let branch = |branch: &Node| match branch.kind {
                Kind::Named(id) => known[id.0].map(|_| 0),
                _ => least(known, branch),
            };
            let any_known = branches.iter().any(|b| branch(b).is_some());
            let all = branches.iter().map(|b| branch(b).unwrap_or(0)).min().unwrap_or(0);
            any_known.then_some(1 + all)
        }
    }
}

/// The length of every value, or nothing if they differ or it is not known yet.
pub(crate) fn exact(known: &[Option<usize>], node: &Node) -> Option<usize> {
    match &node.kind {
        Kind::Null => Some(0),
        Kind::Boolean => Some(1),
        Kind::Float => Some(4),
        Kind::Double => Some(8),
        Kind::Named(id) => known[id.0],
        Kind::Int | Kind::Long | Kind::Bytes | Kind::String => None,
        Kind::Array(_) | Kind::Map(_) | Kind::Union(_) => None,
    }
}

/// The named types that every value of this type needs, or may need to be finite.
fn uses(node: &Node, found: &mut impl FnMut(TypeId)) {
    match &node.kind {
        Kind::Named(id) => found(*id),
        Kind::Union(branches) => branches.iter().for_each(|branch| uses(branch, found)),
        _ => {}
    }
}
