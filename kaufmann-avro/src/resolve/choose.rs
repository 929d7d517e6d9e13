//! Which branch of the reader's union a writer's value goes to, and which names match.

use super::meaning::{Meaning, promotes, same_primitive};
use crate::model::{Definition, Kind, Model, NamedType, Node};

/// The branch of the reader's union for a writer's type.
pub(super) enum Choice {
    /// This branch.
    Branch(usize),
    /// This branch has the same bytes, but another logical type.
    OnlyBytes(usize),
    /// Nothing.
    Nothing,
}

/// Chooses by exact type (the full name before the unqualified one), then by promotion.
pub(super) fn choose(writer: (&Model, &Node), reader: &Model, branches: &[Node]) -> Choice {
    let (model, node) = writer;
    let first = |fits: &dyn Fn(&Node) -> bool| branches.iter().position(fits);
    let keeps = |branch: &Node| Meaning::between(node.logical, branch.logical) != Meaning::Lost;
    if let Kind::Named(id) = node.kind {
        let named = model.get(id);
        let is = |matches: fn(&NamedType, &NamedType) -> bool| {
            first(&|branch| match branch.kind {
                Kind::Named(id) => matches(named, reader.get(id)),
                _ => false,
            })
        };
        let found = is(same_full_name).or_else(|| is(same_name));
        return found.map_or(Choice::Nothing, Choice::Branch);
    }
    let exact = |branch: &Node| match (&node.kind, &branch.kind) {
        (Kind::Array(_), Kind::Array(_)) | (Kind::Map(_), Kind::Map(_)) => true,
        (writer, reader) => same_primitive(writer, reader),
    };
    let wider = |branch: &Node| promotes(&node.kind, &branch.kind);
    first(&|branch| exact(branch) && keeps(branch))
        .or_else(|| first(&|branch| wider(branch) && keeps(branch)))
        .map(Choice::Branch)
        .or_else(|| first(&|branch| exact(branch) || wider(branch)).map(Choice::OnlyBytes))
        .unwrap_or(Choice::Nothing)
}

/// Whether both are records, enums or fixed, of the same full name or one that the reader's type had.
fn same_full_name(writer: &NamedType, reader: &NamedType) -> bool {
    same_definition(writer, reader) && (writer.name == reader.name || reader.aliases.contains(&writer.name))
}

/// Whether both are records, enums or fixed, of the same unqualified name.
fn same_name(writer: &NamedType, reader: &NamedType) -> bool {
    same_definition(writer, reader) && writer.name.simple == reader.name.simple
}

/// Whether the names of two types let one be read as the other.
pub(super) fn names_match(writer: &NamedType, reader: &NamedType) -> bool {
    writer.name.simple == reader.name.simple || reader.aliases.contains(&writer.name)
}

pub(super) fn same_definition(writer: &NamedType, reader: &NamedType) -> bool {
    matches!(
        (&writer.definition, &reader.definition),
        (Definition::Record(_), Definition::Record(_))
            | (Definition::Enum { .. }, Definition::Enum { .. })
            | (Definition::Fixed { .. }, Definition::Fixed { .. })
    )
}
