//! Properties of the graph of operations. It has cycles, so each property spreads from operation to operation until nothing
//! changes.

use super::op::{FieldOp, Op, OpId};

/// Which operations fail for every value. A failing branch does not count, unless all branches fail.
pub(super) fn failing(ops: &[Op]) -> Vec<bool> {
    let fails = |op: &Op| match op {
        Op::Unmatched(_) => true,
        Op::Enum { table, .. } => !table.is_empty() && table.iter().all(Option::is_none),
        _ => false,
    };
    spread(ops, fails, |op, failing| match op {
        Op::Branches { of, .. } => of.iter().all(|branch| failing[*branch]),
        _ => true,
    })
}

/// Replaces each operation that keeps the bytes unchanged by [`Op::Same`].
pub(super) fn same(ops: &mut [Op]) {
    let differs = spread(ops, |op| !stays(op, ops), |_, _| true);
    for (op, differs) in ops.iter_mut().zip(differs) {
        if !differs && !matches!(op, Op::Into { .. }) {
            *op = Op::Same;
        }
    }
}

/// Whether an operation keeps the bytes unchanged if the operations it leads to do. One into a branch does so only in a
/// union that has the same branch at the same index.
fn stays(op: &Op, ops: &[Op]) -> bool {
    let plain = |id: &OpId| !matches!(ops[*id], Op::Into { .. });
    match op {
        Op::Same | Op::Into { .. } => true,
        Op::Array { items: inner, .. } | Op::Map { values: inner, .. } => plain(inner),
        Op::Enum { table, symbols, .. } => {
            let mut indices = table.iter().enumerate();
            table.len() == *symbols && indices.all(|(index, symbol)| *symbol == Some(index))
        }
        Op::Record { fields, slots } => {
            let mut indices = fields.iter().enumerate();
            fields.len() == *slots
                && indices.all(|(index, field)| {
                    matches!(field, FieldOp::Read { slot, op } if *slot == index && plain(op))
                })
        }
        Op::Branches { of, reader } => {
            let mut indices = of.iter().enumerate();
            *reader == Some(of.len())
                && indices.all(|(index, id)| matches!(ops[*id], Op::Into { branch, .. } if branch == index))
        }
        Op::Int | Op::Long | Op::Float | Op::Times { .. } | Op::Unmatched(_) => false,
    }
}

/// The mismatches of the operations that `root` leads to through those that are `wanted`, in ascending order.
pub(super) fn reached(ops: &[Op], root: OpId, wanted: impl Fn(OpId) -> bool) -> Vec<usize> {
    let (mut seen, mut open, mut found) = (vec![false; ops.len()], vec![root], Vec::new());
    while let Some(id) = open.pop() {
        if !wanted(id) || std::mem::replace(&mut seen[id], true) {
            continue;
        }
        match &ops[id] {
            Op::Unmatched(mismatch)
            | Op::Enum {
                mismatch: Some(mismatch),
                ..
            } => found.push(*mismatch),
            op => op.each(|next| open.push(next)),
        }
    }
    found.sort_unstable();
    found
}

/// Spreads a mark from the operations for which `by_itself` holds to those that lead to a marked one and for which `take`
/// holds.
fn spread(ops: &[Op], by_itself: impl Fn(&Op) -> bool, take: impl Fn(&Op, &[bool]) -> bool) -> Vec<bool> {
    let mut users = vec![Vec::new(); ops.len()];
    for (id, op) in ops.iter().enumerate() {
        op.each(|next| users[next].push(id));
    }
    let mut marks = ops.iter().map(by_itself).collect::<Vec<_>>();
    let marked = (0..ops.len()).filter(|id| marks[*id]);
    let mut open = marked.collect::<Vec<_>>();
    while let Some(id) = open.pop() {
        for user in &users[id] {
            if !marks[*user] && take(&ops[*user], &marks) {
                marks[*user] = true;
                open.push(*user);
            }
        }
    }
    marks
}
