//! Which records can hold values of their own type.

use crate::model::{Definition, Kind, Model, Node};

impl Model {
    /// For each named type whether its values can hold values of the same type, directly or through other types: these are counted
    /// while a datum is read, up to [`MAX_DEPTH`](crate::cursor::MAX_DEPTH).
    ///
    /// It walks the whole model: store the result if it is needed often.
    #[must_use]
    pub fn recursive(&self) -> Vec<bool> {
        let uses = self.types.iter().map(|named| {
            let mut found = Vec::new();
            if let Definition::Record(fields) = &named.definition {
                fields.iter().for_each(|field| types(&field.node, &mut found));
            }
            found
        });
        on_cycles(&uses.collect::<Vec<_>>())
    }
}

/// The named types in a type, without looking into them.
fn types(node: &Node, found: &mut Vec<usize>) {
    match &node.kind {
        Kind::Named(id) => found.push(id.0),
        Kind::Array(inner) | Kind::Map(inner) => types(inner, found),
        Kind::Union(branches) => branches.iter().for_each(|branch| types(branch, found)),
        _ => {}
    }
}

/// For each node of a graph whether it is on a cycle: Tarjan's strongly connected components, with a list instead of
/// recursion, because a registry's schema may be of any depth.
fn on_cycles(next: &[Vec<usize>]) -> Vec<bool> {
    /// The number of nodes that are not visited yet, and of those in a complete component.
    const NONE: usize = usize::MAX;
    let mut circular = vec![false; next.len()];
    let (mut order, mut low) = (vec![NONE; next.len()], vec![NONE; next.len()]);
    let (mut met, mut component, mut path) = (0, Vec::new(), Vec::new());
    for start in 0..next.len() {
        if order[start] == NONE {
            path.push((start, 0));
        }
        while let Some((node, edge)) = path.last_mut() {
            let node = *node;
            if *edge == 0 {
                (order[node], low[node]) = (met, met);
                met += 1;
                component.push(node);
            }
            match next[node].get(*edge) {
                Some(&to) => {
                    *edge += 1;
                    circular[node] |= to == node;
                    if order[to] == NONE {
                        path.push((to, 0));
                    } else {
                        // What is complete has no number any more, and so lowers nothing.
                        low[node] = low[node].min(low[to]);
                    }
                }
                None => {
                    path.pop();
                    if let Some((above, _)) = path.last() {
                        low[*above] = low[*above].min(low[node]);
                    }
                    if low[node] == order[node] {
                        let first = component.iter().rposition(|of| *of == node).unwrap_or(0);
                        let several = component.len() - first > 1;
                        for of in component.drain(first..) {
                            circular[of] |= several;
                            low[of] = NONE;
                        }
                    }
                }
            }
        }
    }
    circular
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::on_cycles;
    use crate::Schema;

    #[test]
    fn a_record_is_recursive_through_whatever_is_between() {
        let schema = Schema::parse(
            r#"{"type": "record", "name": "A", "fields": [
                {"name": "b", "type": {"type": "map", "values": {"type": "record", "name": "B", "fields": [
                    {"name": "a", "type": {"type": "array", "items": ["null", "A"]}}]}}},
                {"name": "c", "type": {"type": "record", "name": "C", "fields": [
                    {"name": "d", "type": ["null", {"type": "record", "name": "D", "fields": [{"name": "d", "type": ["null", "D"]}]}]}]}}
            ]}"#,
        )
        .unwrap();
        let names = schema.model.types.iter().zip(schema.model.recursive());
        let names: Vec<_> = names.filter(|(_, recursive)| *recursive).collect();
        let names: Vec<_> = names.iter().map(|(named, _)| named.name.to_string()).collect();
        assert_eq!(names, ["A", "B", "D"]);
    }

    #[test]
    fn a_graph_may_be_of_any_depth() {
        let depth = 100_000;
        let chain: Vec<_> = (0..depth).map(|node| vec![(node + 1) % depth]).collect();
        assert_eq!(on_cycles(&chain), vec![true; depth]);
    }

    proptest! {
        #[test]
        fn what_can_be_reached_from_itself_is_on_a_circle(
            edges in prop::collection::vec(prop::collection::vec(0..12_usize, 0..4), 12)
        ) {
            let reached = |start: usize| {
                let (mut found, mut open) = (vec![false; edges.len()], vec![start]);
                while let Some(node) = open.pop() {
                    open.extend(edges[node].iter().filter(|to| !std::mem::replace(&mut found[**to], true)));
                }
                found[start]
            };
            let expected: Vec<_> = (0..edges.len()).map(reached).collect();
            prop_assert_eq!(on_cycles(&edges), expected);
        }
    }
}
