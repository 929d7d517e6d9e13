//! The output of `dev`: an aligned line for each record event, coloured on a terminal.

use std::fmt::Write as _;

use super::tally::Tally;
use crate::cli::cluster::shown::short;
use crate::cli::paint::{Colour, Paint};
use crate::config::Config;
use crate::handler::record_event::{RecordEvent, RecordEventKind};

/// The width of the column of keys; longer keys are cut.
const KEY_WIDTH: usize = 12;

#[derive(Debug)]
pub(super) struct Screen {
    paint: Paint,
    /// The width of the column of names.
    names: usize,
}

impl Screen {
    /// A screen for events with these names.
    pub(super) fn new<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let names = names.map(|name| name.chars().count()).max().unwrap_or(0).max(5);
        Self {
            paint: Paint::stdout(),
            names,
        }
    }

    pub(super) fn welcome(&self, service: &str, config: &Config, partitions: u16) -> String {
        let registry = config.registry.url.first().cloned().unwrap_or_default();
        let mut text = format!(
            "{} runs on an embedded broker and registry\n",
            self.paint(Colour::Bold, service)
        );
        let rows = [
            ("broker", config.brokers.join(", ")),
            ("registry", registry),
            (
                "consumes",
                format!("{} ({partitions} partitions each)", config.topics.join(", ")),
            ),
            ("group", config.group.clone()),
        ];
        for (name, value) in rows {
            _ = writeln!(
                text,
                "  {} {value}",
                self.paint(Colour::Dim, &format!("{name:<9}"))
            );
        }
        text
    }

    pub(super) fn line(&self, record_event: &RecordEvent) -> String {
        let (mark, colour) = match record_event.kind {
            RecordEventKind::Handled { .. } => ("✓", Colour::Green),
            RecordEventKind::Unwanted => ("·", Colour::Dim),
            RecordEventKind::Skipped { .. } => ("-", Colour::Yellow),
            RecordEventKind::Retrying { .. } | RecordEventKind::Postponed { .. } => ("↻", Colour::Yellow),
            RecordEventKind::DeadLettered { .. } => ("✗", Colour::Red),
        };
        let name = record_event.event.as_deref().unwrap_or("(unknown)");
        let key = record_event
            .key
            .as_deref()
            .map(|key| short(key, KEY_WIDTH))
            .unwrap_or_default();
        let position = self.paint(Colour::Dim, &format!("{:<16}", record_event.position));
        let line = format!(
            "{} {:<names$}  {position} {key:<KEY_WIDTH$} {}",
            self.paint(colour, mark),
            name,
            self.what(&record_event.kind),
            names = self.names,
        );
        line.trim_end().to_owned()
    }

    fn what(&self, what: &RecordEventKind) -> String {
        match what {
            RecordEventKind::Handled { published } if published.is_empty() => String::new(),
            RecordEventKind::Handled { published } => {
                self.paint(Colour::Cyan, &format!("→ {}", published.join(", ")))
            }
            RecordEventKind::Unwanted => self.paint(Colour::Dim, "no handler"),
            RecordEventKind::Skipped { reason } => format!("skipped: {reason}"),
            RecordEventKind::Postponed { delay, reason } => {
                let delay = humantime::format_duration(*delay);
                self.paint(
                    Colour::Yellow,
                    &format!("moved to a retry topic for {delay}: {reason}"),
                )
            }
            RecordEventKind::DeadLettered { reason } => {
                self.paint(Colour::Red, &format!("dead letter: {reason}"))
            }
            RecordEventKind::Retrying {
                attempt,
                delay,
                error,
            } => {
                let delay =
                    humantime::format_duration(std::time::Duration::from_millis(delay.as_millis() as u64));
                self.paint(
                    Colour::Yellow,
                    &format!("attempt {attempt} failed, retry in {delay}: {error}"),
                )
            }
        }
    }

    /// A table with the counts of each event.
    pub(super) fn summary(&self, tally: &Tally) -> String {
        let names = tally
            .counts()
            .map(|(name, _)| name.chars().count())
            .max()
            .unwrap_or(0)
            .max(self.names);
        let head = format!(
            "{:<names$}  {:>9}  {:>7}  {:>7}  {:>7}  {:>7}  {:>11}",
            "event", "published", "handled", "retries", "skipped", "ignored", "dead letter"
        );
        let mut text = format!("\n{}", self.paint(Colour::Bold, &head));
        for (name, counts) in tally.counts() {
            let dead = format!("{:>11}", counts.dead);
            let dead = if counts.dead > 0 {
                self.paint(Colour::Red, &dead)
            } else {
                dead
            };
            _ = write!(
                text,
                "\n{name:<names$}  {:>9}  {:>7}  {:>7}  {:>7}  {:>7}  {dead}",
                counts.published, counts.handled, counts.retries, counts.skipped, counts.unwanted,
            );
        }
        text
    }

    fn paint(&self, colour: Colour, text: &str) -> String {
        self.paint.paint(colour, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen() -> Screen {
        Screen {
            paint: Paint { colours: false },
            names: 12,
        }
    }

    fn record_event(kind: RecordEventKind) -> RecordEvent {
        RecordEvent {
            event: Some("user.create".to_owned()),
            position: "accounts/2@41".to_owned(),
            key: Some("ada".to_owned()),
            id: None,
            cause: None,
            kind,
        }
    }

    #[test]
    fn columns_are_aligned() {
        let handled = screen().line(&record_event(RecordEventKind::Handled {
            published: vec!["user.created"],
        }));
        assert_eq!(
            handled,
            "✓ user.create   accounts/2@41    ada          → user.created"
        );
        let dead = screen().line(&record_event(RecordEventKind::DeadLettered {
            reason: "no".to_owned(),
        }));
        assert_eq!(
            dead,
            "✗ user.create   accounts/2@41    ada          dead letter: no"
        );
        let delay = std::time::Duration::from_micros(200_400);
        let failed = screen().line(&record_event(RecordEventKind::Retrying {
            attempt: 1,
            delay,
            error: "no ledger".to_owned(),
        }));
        assert_eq!(
            failed,
            "↻ user.create   accounts/2@41    ada          attempt 1 failed, retry in 200ms: no ledger"
        );
    }
}
