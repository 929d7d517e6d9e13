//! Rules that need all types: no record always contains itself, every default fits.

use std::collections::HashSet;

use super::build::Built;
use super::error::{Errors, SchemaErrorKind};
use crate::model::{Definition, Kind, Model, Node, TypeId};
use crate::size;

/// Reports the records that have no finite value, once for each cycle, and returns all that lead to one.
pub(super) fn endless(model: &Model, errors: &mut Errors<'_>) -> HashSet<TypeId> {
    let known = model.min_lens();
    let all: Vec<_> = (0..known.len())
        .filter(|index| known[*index].is_none())
        .map(TypeId)
        .collect();
    let mut seen = HashSet::new();
    for start in &all {
        let (mut path, mut current) = (Vec::new(), *start);
        while seen.insert(current) {
            let Some((field, next)) = next_endless(model, &known, current) else {
                break;
            };
            path.push((current, field));
            current = next;
        }
        // The walk has found a new cycle, unless it reached an older one.
        if let Some(begin) = path.iter().position(|(id, _)| *id == current) {
            let names = path[begin..]
                .iter()
                .map(|(id, field)| format!("`{}.{field}`", model.get(*id).name));
            let path = names.collect::<Vec<_>>().join(" → ");
            let named = model.get(current);
            errors.push(
                named.at,
                SchemaErrorKind::Endless {
                    name: named.name.to_string(),
                    path,
                },
            );
        }
    }
    all.into_iter().collect()
}

/// The first field of a record that has no finite value, and the record it leads to.
fn next_endless<'m>(model: &'m Model, known: &[Option<usize>], id: TypeId) -> Option<(&'m str, TypeId)> {
    let Definition::Record(fields) = &model.get(id).definition else {
        return None;
    };
    let field = fields
        .iter()
        .find(|field| size::least(known, &field.node).is_none())?;
    let mut node = &field.node;
    while let Kind::Union(branches) = &node.kind {
        node = branches.first()?;
    }
    match node.kind {
        Kind::Named(next) => Some((&field.name, next)),
        _ => None,
    }
}

/// Reports the defaults that do not fit, except those whose type is invalid.
pub(super) fn defaults(built: &Built, unsound: &HashSet<TypeId>, errors: &mut Errors<'_>) {
    for (id, index, at) in &built.defaults {
        let Definition::Record(fields) = &built.model.get(*id).definition else {
            continue;
        };
        let Some(field) = fields.get(*index) else { continue };
        let Some(default) = &field.default else { continue };
        if mentions(&field.node, &|id| unsound.contains(&id)) {
            continue;
        }
        if let Err(error) = crate::json::encode_default(&built.model, &field.node, default, &mut Vec::new()) {
            let (field, reason) = (field.name.clone(), error.to_string());
            errors.push(*at, SchemaErrorKind::Default { field, reason });
        }
    }
}

/// The types that are broken or endless, and those that mention one.
pub(super) fn unsound(built: &Built, endless: &HashSet<TypeId>) -> HashSet<TypeId> {
    let types = &built.model.types;
    let mut users = vec![Vec::new(); types.len()];
    for (index, named) in types.iter().enumerate() {
        if let Definition::Record(fields) = &named.definition {
            for field in fields {
                collect(&field.node, &mut |id| users[id.0].push(TypeId(index)));
            }
        }
    }
    let mut found = HashSet::new();
    let mut queue: Vec<TypeId> = built.broken.union(endless).copied().collect();
    while let Some(id) = queue.pop() {
        if found.insert(id) {
            queue.extend(&users[id.0]);
        }
    }
    found
}

fn mentions(node: &Node, wanted: &impl Fn(TypeId) -> bool) -> bool {
    let mut any = false;
    collect(node, &mut |id| any |= wanted(id));
    any
}

/// Every named type within a type.
fn collect(node: &Node, found: &mut impl FnMut(TypeId)) {
    match &node.kind {
        Kind::Named(id) => found(*id),
        Kind::Array(inner) | Kind::Map(inner) => collect(inner, found),
        Kind::Union(branches) => branches.iter().for_each(|branch| collect(branch, found)),
        _ => {}
    }
}
