//! A report as text.

use std::fmt::Write;

use super::report::{EventReport, Report, State, Verdict, VersionReport};
use crate::cli::paint::{Colour, Paint};

/// The whole text, without a final line break.
pub(super) fn text(report: &Report, paint: Paint) -> String {
    let names = report.events.iter().map(|event| event.event.chars().count());
    let width = names.max().unwrap_or_default();
    let mut text = String::new();
    for event in &report.events {
        line(&mut text, event, width, paint);
        let is_detailed = report.command == "diff" || event.state == State::Broken;
        if is_detailed {
            for change in &event.changes {
                _ = writeln!(text, "    {} {}", mark(change.kind, paint), change.text);
            }
        }
        if report.command == "diff" {
            meaning(&mut text, event, paint);
        }
        for found in &event.breaks {
            _ = writeln!(text, "    {}", paint.failed(broken(found)));
        }
        for note in &event.notes {
            _ = writeln!(text, "    {} {note}", paint.paint(Colour::Dim, "·"));
        }
    }
    text.push_str(&conclusion(report, paint));
    text
}

fn line(text: &mut String, event: &EventReport, width: usize, paint: Paint) {
    let (colour, state) = match event.state {
        State::New => (Colour::Cyan, "new"),
        State::Unchanged => (Colour::Green, "unchanged"),
        State::Changed => (Colour::Yellow, "changed"),
        State::Broken => (Colour::Red, "broken"),
        State::Removed => (Colour::Dim, "removed"),
        State::Registered => (Colour::Green, "registered"),
        State::Known => (Colour::Green, "known"),
        State::Held => (Colour::Yellow, "held"),
        State::Foreign => (Colour::Dim, "foreign"),
        State::Pulled => (Colour::Green, "pulled"),
        State::Missing => (Colour::Yellow, "missing"),
        State::Reset => (Colour::Yellow, "reset"),
        State::Unknown => (Colour::Red, "unknown"),
    };
    let state = paint.paint(colour, &format!("{state:<10}"));
    _ = writeln!(text, "{:<width$}  {state}  {}", event.event, explained(event));
}

/// What the changes mean for readers and writers, regardless of the level.
fn meaning(text: &mut String, event: &EventReport, paint: Paint) {
    let (Some(number), Some(backward), Some(forward)) = (
        event.version.map(|version| version.number),
        event.backward,
        event.forward,
    ) else {
        return;
    };
    let answer = |holds: bool| {
        if holds {
            paint.paint(Colour::Green, "yes")
        } else {
            paint.paint(Colour::Red, "no")
        }
    };
    if !event.changes.is_empty() {
        _ = writeln!(
            text,
            "    = can read version {number}: {}; version {number} can read it: {}",
            answer(backward),
            answer(forward)
        );
    }
}

fn explained(event: &EventReport) -> String {
    let level = event.level.unwrap_or("its level");
    let version = event.version.map(shown).unwrap_or_default();
    match event.state {
        State::New => "not in the lock; `schema register` registers it".to_owned(),
        State::Unchanged | State::Known | State::Registered | State::Pulled => format!("{version}, {level}"),
        State::Changed => format!("since {version}, allowed by {level}"),
        State::Broken if event.version.is_some() => format!("since {version}, breaks {level}"),
        State::Broken => format!("breaks {level}"),
        State::Removed => "in the lock, but not an event of this program".to_owned(),
        State::Held => "not registered, because another event is broken".to_owned(),
        State::Foreign => "not registered, and not published here".to_owned(),
        State::Missing => format!("no version in the registry under `{}`", event.subject),
        State::Reset => format!("under `{}`", event.subject),
        State::Unknown => format!("the registry did not answer about `{}`", event.subject),
    }
}

fn shown(version: VersionReport) -> String {
    format!("version {} (id {})", version.number, version.id)
}

fn broken(found: &super::report::BreakReport) -> String {
    let versions: Vec<_> = found.versions.iter().map(|version| shown(*version)).collect();
    let mut text = match found.direction {
        Some("backward") => format!("cannot read what was written with {}: ", versions.join(", ")),
        Some(_) => format!("its records cannot be read with {}: ", versions.join(", ")),
        None => "the registry: ".to_owned(),
    };
    text.push_str(&found.text);
    if let Some(hint) = &found.hint {
        text.push_str("; ");
        text.push_str(hint);
    }
    text
}

fn mark(kind: &str, paint: Paint) -> String {
    if kind.ends_with("added") {
        paint.paint(Colour::Green, "+")
    } else if kind.ends_with("removed") {
        paint.paint(Colour::Red, "-")
    } else {
        paint.paint(Colour::Yellow, "~")
    }
}

fn conclusion(report: &Report, paint: Paint) -> String {
    let broken: Vec<_> = report
        .events
        .iter()
        .filter(|event| event.state == State::Broken)
        .map(|event| event.event.as_str())
        .collect();
    match report.verdict {
        Verdict::Incompatible => {
            let nothing = if report.command == "register" {
                "; nothing was registered"
            } else {
                ""
            };
            format!(
                "{}: {}{nothing}. To accept the break: `schema reset EVENT`",
                paint.paint(Colour::Red, "incompatible"),
                broken.join(", ")
            )
        }
        Verdict::Compatible if report.command == "check" || report.command == "diff" => {
            let with = match (report.command, report.live) {
                ("diff", true) => "the registry".to_owned(),
                (_, true) => format!("{} and the registry", report.lock),
                (_, false) => report.lock.clone(),
            };
            format!("{} with {with}", paint.paint(Colour::Green, "compatible"))
        }
        Verdict::Compatible if report.command == "reset" => format!("{} is written", report.lock),
        Verdict::Compatible if report.dev => format!(
            "{} is up to date with the registry of `dev`, which is temporary and allows any change: do not commit it",
            report.lock
        ),
        Verdict::Compatible => format!("{} is up to date", report.lock),
        Verdict::Unknown => report.error.clone().unwrap_or_default(),
    }
}
