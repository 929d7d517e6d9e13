//! The tables, in Markdown: one for each workload, or one row for each.

use bench_checks::{Kind, Report};
use comfy_table::{CellAlignment, presets};

use crate::fill;
use crate::results::{Measured, Runs};
use crate::statistics::Summary;
use crate::workload::{Table, Workload};

/// A column: its title, and the text of a row's cell.
type Column<'a, Row> = (String, Box<dyn Fn(&Row) -> String + 'a>);

/// The table of workloads that share one, below its title.
pub(crate) fn of(measured: &[&Measured]) -> String {
    let Some(&first) = measured.first() else {
        return String::new();
    };
    let table = match first.workload.table {
        Table::Drain => drain(first),
        Table::Sleep => sleep(first),
        Table::Slow => slow(first),
        Table::Reply => reply(first),
        Table::Live => live(first),
        Table::Start => start(first),
        Table::Grid => grid(measured),
        Table::Growth => growth(measured),
        Table::Memory => memory(measured),
        Table::Instances => instances(measured),
    };
    let title = match first.workload.table {
        Table::Grid => "time by the ideal (CPU ms)".to_owned(),
        Table::Growth => "µs a record (CPU µs; RSS MB)".to_owned(),
        Table::Memory => "RSS MB (k rec/s), handlers that sleep while records wait".to_owned(),
        Table::Instances => "records a second (times those of one instance)".to_owned(),
        _ => described(&first.workload),
    };
    let rounds = first.contenders.iter().map(|runs| runs.runs.len()).max();
    let rounds = match rounds.unwrap_or(0) {
        1 => "1 round".to_owned(),
        rounds => format!("{rounds} rounds"),
    };
    let failures: String = measured
        .iter()
        .flat_map(|measured| &measured.contenders)
        .filter_map(|runs| Some((&runs.contender, runs.failures.first()?)))
        .map(|(contender, why)| {
            format!(
                "\n{contender} failed: {}\n",
                why.lines().next().unwrap_or_default()
            )
        })
        .collect();
    format!("### {title}; {rounds}\n\n{table}\n{failures}")
}

fn described(workload: &Workload) -> String {
    let records = match workload.kind {
        Kind::Publish => format!(
            "{} events published, {} at a time",
            workload.records, workload.outstanding
        ),
        _ => format!(
            "{} records of {} bytes, {} keys, {} partitions, {} in flight",
            workload.records,
            fill::payload_bytes(workload),
            workload.keys,
            workload.partitions,
            workload.in_flight,
        ),
    };
    let more = match workload.kind {
        Kind::Sleep | Kind::Cpu | Kind::Slow => format!(", {} ms of work each", workload.work as f64 / 1e3),
        Kind::Reply => format!(
            ", {} replies outstanding, linger {} ms",
            workload.outstanding, workload.linger
        ),
        Kind::Publish => format!(", linger {} ms", workload.linger),
        Kind::Live if workload.work > 0 => format!(
            ", {} a second, those of one key take {} ms",
            workload.rate,
            workload.work as f64 / 1e3
        ),
        Kind::Live => format!(", {} a second", workload.rate),
        Kind::Drain | Kind::Window => String::new(),
    };
    format!("{}: {records}{more}", workload.name)
}

fn drain(measured: &Measured) -> String {
    let mut columns = throughput(measured, fastest(measured, "loop"), 0);
    columns.push(column("switches", |runs| {
        median(runs, |run| run.switches as f64, 0)
    }));
    contenders(measured, columns)
}

fn reply(measured: &Measured) -> String {
    let by_hand = |runs: &&Runs| !runs.contender.starts_with("kaufmann");
    let other = measured.contenders.iter().find(by_hand);
    contenders(measured, throughput(measured, other, 1))
}

/// Thousands a second and CPU seconds per million, with their ratios to another contender's.
fn throughput<'a>(measured: &Measured, other: Option<&'a Runs>, digits: usize) -> Vec<Column<'a, Runs>> {
    let thousands = measured.workload.records as f64 / 1e3;
    let beside = other.map_or_else(String::new, |runs| format!(" by {}'s", runs.contender));
    vec![
        column("k/s", move |runs| {
            median(runs, |run| thousands / run.elapsed_s, digits)
        }),
        column("spread", move |runs| {
            spread(runs, |run| thousands / run.elapsed_s, digits)
        }),
        column(&format!("ratio{beside}"), move |runs| {
            ratio(other, runs, |run| 1.0 / run.elapsed_s)
        }),
        column("CPU s/M", move |runs| {
            median(runs, |run| run.cpu_s / thousands * 1e3, 2)
        }),
        column(&format!("ratio{beside} "), move |runs| {
            ratio(other, runs, |run| run.cpu_s)
        }),
        column("RSS MB", |runs| median(runs, |run| run.rss_mb, 0)),
    ]
}

fn sleep(measured: &Measured) -> String {
    let workload = &measured.workload;
    let total = workload.records * workload.work;
    let serial = workload.records.div_ceil(workload.keys) * workload.work;
    let nominal = (total as f64 / workload.in_flight as f64).max(serial as f64) / 1e6;
    contenders(
        measured,
        vec![
            column("s", |runs| median(runs, |run| run.elapsed_s, 3)),
            column("spread", |runs| spread(runs, |run| run.elapsed_s, 3)),
            column("× ideal", |runs| median(runs, by_ideal, 3)),
            column("× nominal", move |runs| {
                median(runs, |run| run.elapsed_s / nominal, 3)
            }),
            column("CPU ms", |runs| median(runs, |run| run.cpu_s * 1e3, 0)),
            column("RSS MB", |runs| median(runs, |run| run.rss_mb, 0)),
            column("order kept", ordered),
        ],
    )
}

fn slow(measured: &Measured) -> String {
    contenders(
        measured,
        vec![
            column("others done, s", |runs| {
                median(runs, |run| run.others_s.unwrap_or(f64::NAN), 3)
            }),
            column("spread", |runs| {
                spread(runs, |run| run.others_s.unwrap_or(f64::NAN), 3)
            }),
            column("all done, s", |runs| median(runs, |run| run.elapsed_s, 3)),
            column("order kept", ordered),
        ],
    )
}

fn live(measured: &Measured) -> String {
    let p50 = |run: &Report| run.latency.map_or(f64::NAN, |latency| latency.p50_ms);
    let p99 = |run: &Report| run.latency.map_or(f64::NAN, |latency| latency.p99_ms);
    let other = measured.contenders.iter().find(|runs| runs.contender == "loop");
    contenders(
        measured,
        vec![
            column("p50 ms", move |runs| median(runs, p50, 2)),
            column("spread", move |runs| spread(runs, p50, 2)),
            column("ratio by loop's", move |runs| ratio(other, runs, p50)),
            column("p99 ms", move |runs| median(runs, p99, 2)),
            column("spread ", move |runs| spread(runs, p99, 2)),
            column("ratio by loop's ", move |runs| ratio(other, runs, p99)),
            column("CPU ms", |runs| median(runs, |run| run.cpu_s * 1e3, 0)),
            column("switches", |runs| median(runs, |run| run.switches as f64, 0)),
            column("order kept", ordered),
        ],
    )
}

fn start(measured: &Measured) -> String {
    contenders(
        measured,
        vec![
            column("first record, ms", |runs| {
                median(runs, |run| run.first_s * 1e3, 0)
            }),
            column("spread", |runs| spread(runs, |run| run.first_s * 1e3, 0)),
            column("all, ms", |runs| {
                median(runs, |run| (run.first_s + run.elapsed_s) * 1e3, 0)
            }),
            column("CPU ms", |runs| median(runs, |run| run.cpu_s * 1e3, 0)),
        ],
    )
}

fn grid(measured: &[&Measured]) -> String {
    workloads(measured, |_, runs| {
        let cpu = median(runs, |run| run.cpu_s * 1e3, 0);
        format!("{} ({cpu})", median(runs, by_ideal, 3))
    })
}

fn growth(measured: &[&Measured]) -> String {
    workloads(measured, |workload, runs| {
        let each = 1e6 / workload.records as f64;
        let cpu = median(runs, |run| run.cpu_s * each, 2);
        let memory = median(runs, |run| run.rss_mb, 0);
        format!(
            "{} ({cpu}; {memory})",
            median(runs, |run| run.elapsed_s * each, 3)
        )
    })
}

fn memory(measured: &[&Measured]) -> String {
    workloads(measured, |_, runs| {
        let thousands = median(runs, |run| a_second(run) / 1e3, 2);
        format!("{} ({thousands})", median(runs, |run| run.rss_mb, 0))
    })
}

fn instances(measured: &[&Measured]) -> String {
    let of_one = |contender: &str| {
        let of_one = measured
            .iter()
            .find(|measured| measured.workload.instances == 1)?;
        let runs = of_one
            .contenders
            .iter()
            .find(|runs| runs.contender == contender)?;
        summary(runs, a_second)
    };
    workloads(measured, |_, runs| {
        let times = summary(runs, a_second).zip(of_one(&runs.contender));
        let times = times.map_or_else(String::new, |(all, one)| {
            format!(" ({:.2}×)", all.median / one.median)
        });
        format!("{}{times}", median(runs, a_second, 0))
    })
}

/// Records a second, counted in a window.
fn a_second(run: &Report) -> f64 {
    run.handled
        .map_or(f64::NAN, |handled| handled as f64 / run.elapsed_s)
}

/// A row for each workload, a column for each contender.
fn workloads(measured: &[&Measured], cell: impl Fn(&Workload, &Runs) -> String) -> String {
    let mut names: Vec<&str> = Vec::new();
    for runs in measured.iter().flat_map(|measured| &measured.contenders) {
        if !names.contains(&runs.contender.as_str()) {
            names.push(&runs.contender);
        }
    }
    let head = std::iter::once("workload").chain(names.iter().copied());
    let rows = measured.iter().map(|measured| {
        let cells = names.iter().map(|name| {
            let runs = measured.contenders.iter().find(|runs| runs.contender == *name);
            let ran = runs.filter(|runs| !runs.runs.is_empty());
            ran.map_or_else(String::new, |runs| cell(&measured.workload, runs))
        });
        std::iter::once(measured.workload.name.clone())
            .chain(cells)
            .collect()
    });
    render(head.map(str::to_owned).collect(), rows)
}

/// A row for each contender.
fn contenders(measured: &Measured, columns: Vec<Column<'_, Runs>>) -> String {
    let head = std::iter::once("contender".to_owned()).chain(columns.iter().map(|(title, _)| title.clone()));
    let rows = measured.contenders.iter().map(|runs| {
        let cells = columns.iter().map(|(_, cell)| cell(runs));
        std::iter::once(runs.contender.clone()).chain(cells).collect()
    });
    render(head.collect(), rows)
}

fn column<'a>(title: &str, cell: impl Fn(&Runs) -> String + 'a) -> Column<'a, Runs> {
    (title.to_owned(), Box::new(cell))
}

/// The fastest of the contenders whose names begin with `prefix`.
fn fastest<'a>(measured: &'a Measured, prefix: &str) -> Option<&'a Runs> {
    let time = |runs: &&Runs| summary(runs, |run| run.elapsed_s).map_or(f64::MAX, |time| time.median);
    let named = measured
        .contenders
        .iter()
        .filter(|runs| runs.contender.starts_with(prefix));
    named.min_by(|a, b| time(a).total_cmp(&time(b)))
}

fn by_ideal(run: &Report) -> f64 {
    run.elapsed_s / run.ideal_s.unwrap_or(f64::NAN)
}

fn ordered(runs: &Runs) -> String {
    let all = runs.runs.iter().all(|run| run.ordered);
    if all { "yes" } else { "no" }.to_owned()
}

fn summary(runs: &Runs, figure: impl Fn(&Report) -> f64) -> Option<Summary> {
    Summary::of(runs.runs.iter().map(figure))
}

fn median(runs: &Runs, figure: impl Fn(&Report) -> f64, digits: usize) -> String {
    summary(runs, figure).map_or_else(String::new, |summary| format!("{:.digits$}", summary.median))
}

fn spread(runs: &Runs, figure: impl Fn(&Report) -> f64, digits: usize) -> String {
    summary(runs, figure).map_or_else(String::new, |summary| {
        format!("{:.digits$}–{:.digits$}", summary.min, summary.max)
    })
}

/// The ratio of the medians.
fn ratio(beside: Option<&Runs>, runs: &Runs, figure: fn(&Report) -> f64) -> String {
    let (own, other) = (
        summary(runs, figure),
        beside.and_then(|other| summary(other, figure)),
    );
    own.zip(other).map_or_else(String::new, |(own, other)| {
        format!("{:.2}×", own.median / other.median)
    })
}

fn render(head: Vec<String>, rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = comfy_table::Table::new();
    table
        .load_preset(presets::ASCII_MARKDOWN)
        .set_header(head)
        .add_rows(rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}
