//! Which records at the top of a file are fields of others rather than events of their own.
//!
//! A file may hold an address that several events have. Such a record is generated as an event too, because nothing in it
//! rules that out, but no service has to handle it.

use std::collections::HashSet;

use kaufmann_avro::model::{Definition, Kind, Node, TypeId};

use super::ATTRIBUTES;
use crate::model::Types;

/// The records that are fields of another type and have none of kaufmann's attributes. Records that contain each other do not
/// count as parts of each other.
pub(super) fn parts(types: &Types) -> HashSet<TypeId> {
    let ids = || (0..types.model.types.len()).map(TypeId);
    let fields = ids().map(|id| fields_of(types, id)).collect::<Vec<_>>();
    let mut users = vec![Vec::new(); fields.len()];
    for user in ids() {
        fields[user.0].iter().for_each(|id| users[id.0].push(user));
    }
    let is_marked = |id: TypeId| {
        let attributes = &types.model.get(id).attributes;
        ATTRIBUTES.iter().any(|key| attributes.get(key).is_some())
    };
    let has_users = ids().filter(|id| !users[id.0].is_empty() && !is_marked(*id));
    has_users
        .filter(|id| {
            let within = reachable(&fields, *id);
            users[id.0]
                .iter()
                .any(|user| user != id && !within.contains(user))
        })
        .collect()
}

/// Everything that a value of the type may contain.
fn reachable(fields: &[Vec<TypeId>], from: TypeId) -> HashSet<TypeId> {
    let (mut found, mut open) = (HashSet::new(), vec![from]);
    while let Some(id) = open.pop() {
        open.extend(fields[id.0].iter().filter(|next| found.insert(**next)));
    }
    found
}

/// The named types in the fields of a record.
fn fields_of(types: &Types, id: TypeId) -> Vec<TypeId> {
    let mut found = Vec::new();
    if let Definition::Record(fields) = &types.model.get(id).definition {
        fields.iter().for_each(|field| collect(&field.node, &mut found));
    }
    found
}

fn collect(node: &Node, found: &mut Vec<TypeId>) {
    match &node.kind {
        Kind::Named(id) => found.push(*id),
        Kind::Array(inner) | Kind::Map(inner) => collect(inner, found),
        Kind::Union(branches) => branches.iter().for_each(|branch| collect(branch, found)),
        _ => {}
    }
}
