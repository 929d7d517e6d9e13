//! Dead letters as text.

use std::fmt::Write;

use super::act::Summary;
use super::report::Report;
use super::show::Shown;
use crate::base::bounded_text::{bounded, bounded_to};
use crate::cli::cluster::columns::{Cell, Side, table};
use crate::cli::cluster::shown::short;
use crate::cli::paint::{Colour, Paint};
use crate::publish::dead_letter::opened::FailureDetails;

/// The groups of open dead letters.
pub(super) fn list(report: &Report, paint: Paint) -> String {
    let topic = &report.topic;
    if report.open == 0 {
        return paint.paint(Colour::Green, &format!("no open dead letters in {topic}"));
    }
    let head = [
        ("count", Side::Right),
        ("again", Side::Right),
        ("handler", Side::Left),
        ("event", Side::Left),
        ("class", Side::Left),
        ("newest", Side::Left),
        ("first", Side::Left),
        ("error", Side::Left),
    ];
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let rows: Vec<Vec<Cell>> = report
        .groups
        .iter()
        .map(|group| {
            vec![
                group.dead_letters.to_string().into(),
                match group.again {
                    0 => "-".into(),
                    some => Cell::coloured(Colour::Yellow, some.to_string()),
                },
                or_none(&group.handler).into(),
                or_none(&group.event).into(),
                group.class.clone().into(),
                group
                    .newest
                    .as_deref()
                    .map_or("-", |time| time.get(..19).unwrap_or(time))
                    .into(),
                group.first.clone().into(),
                Cell::coloured(Colour::Red, short(&group.error, 80)),
            ]
        })
        .collect();
    let foreign = match report.foreign {
        0 => String::new(),
        1 => "; 1 other record".to_owned(),
        count => format!("; {count} other records"),
    };
    format!(
        "{} open dead letters in {topic}{foreign}\n{}",
        report.open,
        table(&head, &rows, paint)
    )
}

/// One dead letter in full.
pub(super) fn show(shown: &Shown, paint: Paint) -> String {
    let mut text = paint.paint(Colour::Cyan, &shown.failure.position);
    let mut row = |name: &str, value: &str| {
        _ = write!(
            text,
            "\n  {} {value}",
            paint.paint(Colour::Dim, &format!("{name:<8}"))
        );
    };
    row("key", shown.key.as_deref().unwrap_or("-"));
    row("event", shown.failure.event.as_deref().unwrap_or("-"));
    row("handler", shown.failure.handler.as_deref().unwrap_or("-"));
    row("failed", &failed(&shown.failure));
    if let Some(source) = &shown.failure.source {
        row("from", &source.to_string());
    }
    for (number, before) in shown.history.iter().enumerate() {
        row("before", &format!("{}. {}", number + 1, failed(before)));
    }
    if let Some(headers) = shown.headers.as_object().filter(|headers| !headers.is_empty()) {
        row("headers", &serde_json::Value::from(headers.clone()).to_string());
    }
    match (&shown.payload, &shown.raw, &shown.note) {
        (Some(payload), _, _) => row("payload", &payload.to_string()),
        (None, raw, Some(note)) => {
            row("payload", &paint.paint(Colour::Red, note));
            if let Some(raw) = raw {
                row("", &short(raw, 160));
            }
        }
        (None, Some(raw), None) => row("payload", &short(raw, 160)),
        (None, None, None) => row("payload", "(tombstone)"),
    }
    text
}

fn failed(failure: &FailureDetails) -> String {
    let time = failure.time.as_deref().unwrap_or("-");
    let attempts = match failure.attempts {
        Some(1) => ", 1 attempt".to_owned(),
        Some(count) => format!(", {count} attempts"),
        None => String::new(),
    };
    format!(
        "{time} ({}{attempts}): {}",
        bounded_to(&failure.class, 40),
        bounded(&failure.error).replace('\n', "\n           ")
    )
}

/// The result of a replay or a discard.
pub(super) fn summary(summary: &Summary, paint: Paint) -> String {
    let mut text = String::new();
    for left in &summary.left {
        let line = format_args!("{}: {}", left.dead_letter, left.why);
        _ = writeln!(text, "{}", paint.failed(line));
    }
    let verb = match (summary.command, summary.dry_run) {
        ("replay", false) => "sent back",
        ("replay", true) => "would be sent back",
        (_, false) => "discarded",
        (_, true) => "would be discarded",
    };
    let to: Vec<_> = summary
        .topics
        .iter()
        .map(|(topic, count)| format!("{count} to {topic}"))
        .collect();
    let to = if to.is_empty() {
        String::new()
    } else {
        format!(" ({})", to.join(", "))
    };
    _ = write!(text, "{} dead letters {verb}{to}", summary.done);
    if let Some(remaining) = summary.remaining {
        _ = write!(text, ", {remaining} still open in {}", summary.topic);
    }
    if summary.interrupted {
        let hint = "; interrupted: run the same command to continue";
        text.push_str(&paint.paint(Colour::Yellow, hint));
    }
    text
}
