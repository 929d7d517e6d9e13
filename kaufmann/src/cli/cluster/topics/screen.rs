//! A report as text, in the form of a diff.

use std::fmt::Write;

use super::plan::{Change, ChangeKind, State, TopicPlan};
use super::report::{Report, Verdict};
use crate::cli::paint::{Colour, Paint};

/// The whole text, without a final line break.
pub(super) fn text(report: &Report, paint: Paint) -> String {
    let names = report.topics.iter().map(|plan| plan.topic.chars().count());
    let width = names.max().unwrap_or_default();
    let mut text = String::new();
    for plan in &report.topics {
        topic(&mut text, plan, width, paint);
    }
    text.push_str(&conclusion(report, paint));
    text
}

fn topic(text: &mut String, plan: &TopicPlan, width: usize, paint: Paint) {
    let (colour, mark, state) = match plan.state {
        State::Same => (Colour::Dim, "=", "unchanged"),
        State::Create => (Colour::Green, "+", "to create"),
        State::Alter => (Colour::Yellow, "~", "to alter"),
        State::Missing => (Colour::Red, "!", "missing"),
        State::Created => (Colour::Green, "+", "created"),
        State::Altered => (Colour::Yellow, "~", "altered"),
    };
    let purpose = match plan.purpose.as_slice() {
        [] => String::new(),
        some => format!(" ({})", some.join(", ")),
    };
    let mark = paint.paint(colour, mark);
    let dim = paint.paint(Colour::Dim, &purpose);
    _ = writeln!(text, "{mark} {:<width$}  {state}{dim}", plan.topic);
    for found in &plan.changes {
        _ = writeln!(text, "    {}", change(found, paint));
    }
    for note in &plan.notes {
        _ = writeln!(text, "    {} {note}", paint.paint(Colour::Dim, "·"));
    }
}

fn change(change: &Change, paint: Paint) -> String {
    let mark = match (change.kind, &change.from) {
        (ChangeKind::Impossible | ChangeKind::Failed, _) => paint.paint(Colour::Red, "✗"),
        (ChangeKind::Loss, _) => paint.paint(Colour::Red, "!"),
        (ChangeKind::Done, _) => paint.paint(Colour::Green, "✓"),
        (ChangeKind::Safe, None) => paint.paint(Colour::Green, "+"),
        (ChangeKind::Safe, Some(_)) => paint.paint(Colour::Yellow, "~"),
    };
    let values = match &change.from {
        None => change.to.clone(),
        Some(from) => format!("{from} → {}", change.to),
    };
    let note = change
        .note
        .as_ref()
        .map(|note| format!("; {note}"))
        .unwrap_or_default();
    let flag = if change.kind == ChangeKind::Loss {
        "; needs --allow-loss"
    } else {
        ""
    };
    format!("{mark} {} {values}{note}{flag}", change.setting)
}

fn conclusion(report: &Report, paint: Paint) -> String {
    let count = |kind: ChangeKind| report.changes().filter(|change| change.kind == kind).count();
    let missing = report
        .topics
        .iter()
        .filter(|plan| plan.state == State::Missing)
        .count();
    if report.verdict == Verdict::Same {
        let text = if report.command == "apply" && count(ChangeKind::Done) > 0 {
            "done: the cluster is as declared"
        } else {
            "the cluster is as declared"
        };
        return paint.paint(Colour::Green, text);
    }
    let mut parts = Vec::new();
    let mut add = |count: usize, what: &str| {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    };
    add(count(ChangeKind::Done), "done");
    add(count(ChangeKind::Safe), "for `topics apply`");
    add(count(ChangeKind::Loss), "with --allow-loss only");
    add(count(ChangeKind::Impossible), "impossible");
    add(count(ChangeKind::Failed), "refused");
    let mut text = match parts.as_slice() {
        [] => String::new(),
        parts => format!("changes: {}", parts.join(", ")),
    };
    if missing > 0 {
        let join = if text.is_empty() { "" } else { "; " };
        _ = write!(text, "{join}topics missing: {missing}");
    }
    text
}
