//! A table a workload.

use comfy_table::{CellAlignment, Table, presets};

use crate::fill;
use crate::rounds::{Measured, Runs};
use crate::statistics::Summary;
use crate::workload::Kind;

/// The table of a workload with a line that says what it is, in Markdown.
pub(crate) fn of(measured: &Measured, rounds: usize) -> String {
    let workload = &measured.workload;
    let head = format!(
        "### {}: {} records of {} bytes, {} keys, {} partitions, {} in flight{}; {rounds} rounds",
        workload.name,
        workload.records,
        fill::payload_bytes(),
        workload.keys,
        workload.partitions,
        workload.in_flight,
        if workload.sleep_ms > 0 {
            format!(", {} ms of sleep each", workload.sleep_ms)
        } else {
            String::new()
        },
    );
    let table = match workload.kind {
        Kind::Drain => drain(measured),
        Kind::Sleep => sleep(measured),
    };
    format!("{head}\n\n{table}\n")
}

fn drain(measured: &Measured) -> Table {
    let thousands = measured.workload.records as f64 / 1e3;
    let millions = thousands / 1e3;
    let fastest = fastest_loop(measured);
    let mut table = table([
        "contender",
        "k rec/s",
        "spread",
        "ratio to",
        "CPU s/M",
        "ratio",
        "RSS MB",
        "switches",
    ]);
    for runs in &measured.contenders {
        let Some(speed) = summary(runs, |run| thousands / run.elapsed_s) else {
            continue;
        };
        let ratio = |figure: fn(&crate::checks::Report) -> f64, inverse: bool| {
            let (own, other) = (
                summary(runs, figure),
                fastest.and_then(|runs| summary(runs, figure)),
            );
            own.zip(other).map_or_else(String::new, |(own, other)| {
                let ratio = if inverse {
                    other.median / own.median
                } else {
                    own.median / other.median
                };
                format!("{ratio:.2}×")
            })
        };
        table.add_row([
            runs.contender.clone(),
            format!("{:.0}", speed.median),
            format!("{:.0}–{:.0}", speed.min, speed.max),
            ratio(|run| run.elapsed_s, true),
            median(runs, |run| run.cpu_s / millions, 2),
            ratio(|run| run.cpu_s, false),
            median(runs, |run| run.rss_mb, 0),
            median(runs, |run| run.switches as f64, 0),
        ]);
    }
    if let Some(runs) = fastest {
        // Which one it is, is found out in the run.
        table.set_header(header([
            "contender",
            "k rec/s",
            "spread",
            &format!("ratio to {}", runs.contender),
            "CPU s/M",
            "ratio",
            "RSS MB",
            "switches",
        ]));
    }
    table
}

/// The fastest of the loops by hand.
fn fastest_loop(measured: &Measured) -> Option<&Runs> {
    let time = |runs: &&Runs| summary(runs, |run| run.elapsed_s).map_or(f64::MAX, |time| time.median);
    let loops = measured
        .contenders
        .iter()
        .filter(|runs| runs.contender.starts_with("loop"));
    loops.min_by(|a, b| time(a).total_cmp(&time(b)))
}

fn sleep(measured: &Measured) -> Table {
    let mut table = table([
        "contender",
        "s",
        "spread",
        "× ideal",
        "× nominal",
        "CPU ms",
        "RSS MB",
        "order kept",
    ]);
    let workload = &measured.workload;
    let total = workload.records * workload.sleep_ms;
    let serial = workload.records.div_ceil(workload.keys) * workload.sleep_ms;
    let nominal = (total as f64 / workload.in_flight as f64).max(serial as f64) / 1e3;
    for runs in &measured.contenders {
        let Some(time) = summary(runs, |run| run.elapsed_s) else {
            continue;
        };
        table.add_row([
            runs.contender.clone(),
            format!("{:.3}", time.median),
            format!("{:.3}–{:.3}", time.min, time.max),
            median(runs, |run| run.elapsed_s / run.ideal_s.unwrap_or(f64::NAN), 3),
            format!("{:.3}", time.median / nominal),
            median(runs, |run| run.cpu_s * 1e3, 0),
            median(runs, |run| run.rss_mb, 0),
            if runs.runs.iter().all(|run| run.ordered) {
                "yes"
            } else {
                "no"
            }
            .to_owned(),
        ]);
    }
    table
}

fn summary(runs: &Runs, figure: impl Fn(&crate::checks::Report) -> f64) -> Option<Summary> {
    Summary::of(runs.runs.iter().map(figure))
}

fn median(runs: &Runs, figure: impl Fn(&crate::checks::Report) -> f64, digits: usize) -> String {
    summary(runs, figure).map_or_else(String::new, |summary| format!("{:.digits$}", summary.median))
}

fn table<const N: usize>(head: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::ASCII_MARKDOWN)
        .set_header(header(head));
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn header<const N: usize>(head: [&str; N]) -> Vec<String> {
    head.iter().map(|&title| title.to_owned()).collect()
}
