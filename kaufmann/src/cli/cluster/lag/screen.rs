//! A report of lag as text.

use std::time::Duration;

use super::report::{Report, Row};
use crate::cli::cluster::age::age;
use crate::cli::cluster::columns::{Cell, Side, table};
use crate::cli::paint::{Colour, Paint};

/// The whole text, without a final line break. With `rates`, it has a column for them.
pub(super) fn text(report: &Report, rates: bool, paint: Paint) -> String {
    let mut head = vec![
        ("topic", Side::Left),
        ("partition", Side::Right),
        ("committed", Side::Right),
        ("end", Side::Right),
        ("lag", Side::Right),
        ("behind", Side::Right),
    ];
    if rates {
        head.push(("commits/s", Side::Right));
    }
    head.push(("member", Side::Left));
    let mut rows: Vec<_> = report
        .partitions
        .iter()
        .map(|row| cells(report, row, rates))
        .collect();
    if report.partitions.len() > 1 {
        let mut sum: Vec<Cell> = ["all", "", "", ""].map(Cell::from).to_vec();
        sum.push(lag(report.lag));
        sum.push(report.behind_ms.map(behind).unwrap_or_default().into());
        rows.push(sum);
    }
    let mut text = format!("{}\n{}", first_line(report, paint), table(&head, &rows, paint));
    for stranded in &report.stranded {
        let line = format!("! {stranded}; {}", stranded.remedy);
        text.push('\n');
        text.push_str(&paint.paint(Colour::Yellow, &line));
    }
    text
}

fn first_line(report: &Report, paint: Paint) -> String {
    let group = &report.group;
    match (report.state.as_deref(), report.members.len()) {
        (None, _) => format!("group {group}: this broker does not describe groups"),
        (Some("Dead"), 0) if report.partitions.iter().all(|row| row.committed.is_none()) => {
            let nobody = paint.paint(Colour::Yellow, "nothing committed yet, no members");
            format!("group {group}: {nobody}")
        }
        (Some(_), 0) => format!("group {group}: {}", paint.paint(Colour::Yellow, "no members")),
        (Some(state), 1) => format!("group {group}: {}, 1 member", state.to_lowercase()),
        (Some(state), count) => format!("group {group}: {}, {count} members", state.to_lowercase()),
    }
}

fn cells(report: &Report, row: &Row, rates: bool) -> Vec<Cell> {
    let none = || "-".to_owned();
    let mut cells: Vec<Cell> = vec![
        row.topic.clone().into(),
        row.partition.to_string().into(),
        row.committed
            .map_or_else(none, |offset| offset.to_string())
            .into(),
        row.end.to_string().into(),
        lag(row.lag),
        row.behind_ms.map(behind).unwrap_or_default().into(),
    ];
    if rates {
        cells.push(row.rate.map_or_else(none, |rate| format!("{rate:.1}")).into());
    }
    let member = report
        .members
        .iter()
        .find(|member| Some(&member.id) == row.member.as_ref());
    cells.push(
        member
            .map_or_else(none, |member| format!("{}{}", member.client, member.host))
            .into(),
    );
    cells
}

fn lag(lag: i64) -> Cell {
    if lag > 0 {
        Cell::coloured(Colour::Yellow, lag.to_string())
    } else {
        lag.to_string().into()
    }
}

fn behind(millis: u64) -> String {
    age(Duration::from_millis(millis))
}
