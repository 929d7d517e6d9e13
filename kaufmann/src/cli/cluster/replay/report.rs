//! The result of a replay.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;

use super::span::Span;
use super::tally::Counted;
use crate::cli::paint::{Colour, Paint};
use crate::config::Config;
use crate::kafka::cluster::TopicPartition;

/// The result of a replay.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(super) struct Report {
    pub(super) service: String,
    pub(super) group: String,
    pub(super) partitions: Vec<Row>,
    /// Whether messages were published.
    pub(super) published: bool,
    /// The number of settled records.
    pub(super) settled: u64,
    pub(super) counts: Counted,
    pub(super) seconds: f64,
    pub(super) interrupted: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Row {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) from: i64,
    pub(super) to: i64,
}

impl Report {
    pub(super) fn new(
        service: &str,
        config: &Config,
        spans: &BTreeMap<TopicPartition, Span>,
        published: bool,
        counts: Counted,
        took: Duration,
        interrupted: bool,
    ) -> Self {
        let row = |(topic_partition, span): (&TopicPartition, &Span)| Row {
            topic: topic_partition.topic.clone(),
            partition: topic_partition.partition,
            from: span.from,
            to: span.to,
        };
        Self {
            service: service.to_owned(),
            group: config.group.clone(),
            partitions: spans.iter().map(row).collect(),
            published,
            settled: counts.settled(),
            counts,
            seconds: (took.as_secs_f64() * 10.0).round() / 10.0,
            interrupted,
        }
    }

    /// The exit code, unless it was interrupted.
    pub(super) fn exit_code(&self) -> ExitCode {
        match self.counts.failed {
            0 => ExitCode::SUCCESS,
            _ => ExitCode::from(1),
        }
    }

    pub(super) fn text(&self, paint: Paint) -> String {
        let mut text = String::new();
        let counts = &self.counts;
        for failed in &counts.failures {
            let event = failed.event.as_deref().unwrap_or("-");
            let line = format_args!("{} {event}: {}", failed.record, failed.reason);
            _ = writeln!(text, "{}", paint.failed(line));
        }
        let not_listed = counts.failed.saturating_sub(counts.failures.len() as u64);
        if not_listed > 0 {
            _ = writeln!(text, "{}", paint.failed(format_args!("and {not_listed} more")));
        }
        let rate = if self.seconds > 0.0 {
            self.settled as f64 / self.seconds
        } else {
            self.settled as f64
        };
        _ = write!(
            text,
            "{} records of {} partitions in {} s ({rate:.0}/s)",
            self.settled,
            self.partitions.len(),
            self.seconds
        );
        let parts = [
            ("handled", counts.handled),
            ("without a handler", counts.unwanted),
            ("skipped", counts.skipped),
            ("failed", counts.failed),
            ("retries", counts.retries),
            ("messages not published", counts.muted),
        ];
        let parts: Vec<_> = parts
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(what, count)| format!("{count} {what}"))
            .collect();
        if !parts.is_empty() {
            _ = write!(text, ": {}", parts.join(", "));
        }
        if self.interrupted {
            _ = write!(
                text,
                "\n{}",
                paint.paint(Colour::Yellow, "interrupted; `replay --resume` continues")
            );
        }
        text
    }
}
