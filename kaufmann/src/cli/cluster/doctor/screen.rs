//! A report as text: a line for each check, followed by its remedy.

use std::fmt::Write;

use super::report::{Check, Report, State, Verdict};
use crate::cli::paint::{Colour, Paint};

/// The whole text, without a final line break.
pub(super) fn text(report: &Report, paint: Paint) -> String {
    let names: Vec<String> = report.checks.iter().map(name).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for (check, name) in report.checks.iter().zip(&names) {
        let (colour, mark) = mark(check.state);
        _ = writeln!(
            text,
            "{} {name:<width$}  {}",
            paint.paint(colour, mark),
            check.found
        );
        if let Some(remedy) = &check.remedy {
            _ = writeln!(text, "    {} {remedy}", paint.paint(Colour::Cyan, "→"));
        }
    }
    text.push_str(&conclusion(report, paint));
    text
}

/// `topic orders`, `open files`
fn name(check: &Check) -> String {
    let kind = check.check.replace('-', " ");
    match &check.subject {
        Some(subject) => format!("{kind} {subject}"),
        None => kind,
    }
}

fn mark(state: State) -> (Colour, &'static str) {
    match state {
        State::Fit => (Colour::Green, "✓"),
        State::Warning => (Colour::Yellow, "!"),
        State::Unfit => (Colour::Red, "✗"),
        State::Unknown => (Colour::Yellow, "?"),
        State::Unchecked => (Colour::Dim, "·"),
    }
}

fn conclusion(report: &Report, paint: Paint) -> String {
    let (colour, verdict) = match report.verdict {
        Verdict::Fit => (Colour::Green, "no check failed"),
        Verdict::Unfit => (Colour::Red, "some checks failed"),
        Verdict::Unknown => (Colour::Yellow, "some checks have no result"),
    };
    let counts = [
        (State::Unfit, "failed"),
        (State::Unknown, "without a result"),
        (State::Warning, "with a warning"),
        (State::Unchecked, "not possible"),
    ];
    let counts: Vec<String> = counts
        .into_iter()
        .map(|(state, what)| (report.count(state), what))
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let counts = if counts.is_empty() {
        String::new()
    } else {
        format!(": {}", counts.join(", "))
    };
    format!("{}{counts}", paint.paint(colour, verdict))
}
