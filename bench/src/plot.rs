//! Draws the figures as bars in SVG, one file for each kind of table.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use bench_checks::Report;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde::Deserialize;

use crate::results::Runs;
use crate::statistics::Summary;

const WIDTH: u32 = 900;
/// Heights: of a panel's title, of a bar, and of the gap below the bars.
const TITLE: u32 = 34;
const BAR: u32 = 24;
const GAP: u32 = 10;
/// Where bars begin, and the length of the longest.
const LEFT: i32 = 230;
const LENGTH: f64 = 520.0;
const OURS: RGBColor = RGBColor(0x20, 0x6a, 0x9c);
const OTHERS: RGBColor = RGBColor(0xa8, 0xb0, 0xb8);

/// The file that `bench full` writes.
#[derive(Deserialize)]
struct Figures {
    workloads: Vec<Measured>,
}

#[derive(Deserialize)]
struct Measured {
    workload: Head,
    contenders: Vec<Runs>,
}

/// The part of a workload that is drawn.
#[derive(Deserialize)]
struct Head {
    name: String,
    table: String,
    records: u64,
}

/// A title and bars below it, all of one unit.
struct Panel {
    title: String,
    bars: Vec<(String, Summary)>,
}

/// A unit, and the length of a bar in it, by the report and the number of records.
type Figure = (&'static str, fn(&Report, f64) -> f64);

/// Draws each kind of table into `NAME-TABLE.svg`, beside the figures.
pub(crate) fn of_file(figures: &Path) -> Result<()> {
    let text = std::fs::read(figures).with_context(|| format!("cannot read {}", figures.display()))?;
    let Figures { workloads } = serde_json::from_slice(&text)
        .with_context(|| format!("{} is not a file that `bench full` wrote", figures.display()))?;
    let stem = figures.file_stem().unwrap_or_default().to_string_lossy();
    for group in groups(&workloads) {
        let table = &group[0].workload.table;
        let panels = panels(&group);
        if !panels.is_empty() {
            let out = figures.with_file_name(format!("{stem}-{table}.svg"));
            draw(&out, &panels).map_err(|error| anyhow!("cannot draw {}: {error}", out.display()))?;
        }
    }
    Ok(())
}

/// Workloads grouped by table, in the order of the tables' first workloads.
fn groups(workloads: &[Measured]) -> Vec<Vec<&Measured>> {
    let mut groups: Vec<Vec<&Measured>> = Vec::new();
    for measured in workloads {
        let own = |group: &&mut Vec<&Measured>| group[0].workload.table == measured.workload.table;
        match groups.iter_mut().find(own) {
            Some(group) => group.push(measured),
            None => groups.push(vec![measured]),
        }
    }
    groups
}

fn figures_of(table: &str) -> Vec<Figure> {
    match table {
        "sleep" | "grid" => vec![("time by the ideal", |run, _| {
            run.elapsed_s / run.ideal_s.unwrap_or(f64::NAN)
        })],
        "slow" => vec![("others done, s", |run, _| run.others_s.unwrap_or(f64::NAN))],
        "live" => vec![
            ("p50 ms", |run, _| {
                run.latency.map_or(f64::NAN, |latency| latency.p50_ms)
            }),
            ("p99 ms", |run, _| {
                run.latency.map_or(f64::NAN, |latency| latency.p99_ms)
            }),
            ("CPU µs a record", |run, records| run.cpu_s * 1e6 / records),
        ],
        "start" => vec![("ms to the first record", |run, _| run.first_s * 1e3)],
        "growth" => vec![("CPU µs a record", |run, records| run.cpu_s * 1e6 / records)],
        "memory" => vec![("RSS MB", |run, _| run.rss_mb)],
        "instances" => vec![("records a second", |run, _| {
            run.handled
                .map_or(f64::NAN, |handled| handled as f64 / run.elapsed_s)
        })],
        _ => vec![
            ("thousands a second", |run, records| records / run.elapsed_s / 1e3),
            ("CPU µs a record", |run, records| run.cpu_s * 1e6 / records),
        ],
    }
}

/// A panel for each workload with a bar for each contender; for workloads that grow, a panel for each contender with a bar for
/// each workload.
fn panels(group: &[&Measured]) -> Vec<Panel> {
    let mut all: Vec<Panel> = Vec::new();
    for (unit, figure) in figures_of(&group[0].workload.table) {
        for measured in group {
            let records = measured.workload.records as f64;
            for runs in &measured.contenders {
                let figures = runs.runs.iter().map(|run| figure(run, records));
                let Some(summary) = Summary::of(figures.filter(|figure| figure.is_finite())) else {
                    continue;
                };
                let (workload, contender) = (&measured.workload.name, &runs.contender);
                let (head, bar) = match measured.workload.table.as_str() {
                    "growth" | "instances" => (contender, workload),
                    _ => (workload, contender),
                };
                let title = format!("{head}: {unit}");
                let bar = (bar.clone(), summary);
                match all.iter_mut().find(|panel| panel.title == title) {
                    Some(panel) => panel.bars.push(bar),
                    None => all.push(Panel {
                        title,
                        bars: vec![bar],
                    }),
                }
            }
        }
    }
    all
}

fn draw(out: &Path, panels: &[Panel]) -> Result<(), DrawingAreaErrorKind<std::io::Error>> {
    let height = panels.iter().map(Panel::height).sum();
    let area = SVGBackend::new(out, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut top = 0;
    for panel in panels {
        panel.draw(&area, top as i32)?;
        top += panel.height();
    }
    area.present()
}

impl Panel {
    fn height(&self) -> u32 {
        TITLE + BAR * self.bars.len() as u32 + GAP
    }

    fn draw<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, plotters::coord::Shift>,
        top: i32,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        let text = |size: u32, x: HPos| {
            let style = TextStyle::from(("sans-serif", size).into_font());
            style.pos(Pos::new(x, VPos::Center))
        };
        let title_at = (GAP as i32, top + TITLE as i32 / 2);
        area.draw(&Text::new(self.title.as_str(), title_at, text(20, HPos::Left)))?;
        let most = self.bars.iter().map(|(_, bar)| bar.max).fold(0.0, f64::max);
        let at = |value: f64| LEFT + (value / most.max(f64::MIN_POSITIVE) * LENGTH) as i32;
        for ((name, bar), row) in self.bars.iter().zip(0..) {
            let from = top + TITLE as i32 + row * BAR as i32;
            let (middle, to) = (from + BAR as i32 / 2, from + BAR as i32 - 6);
            let is_ours = name.starts_with("kaufmann") || self.title.starts_with("kaufmann");
            let color = if is_ours { OURS } else { OTHERS };
            let rectangle = [(LEFT, from + 2), (at(bar.median), to)];
            area.draw(&Rectangle::new(rectangle, color.filled()))?;
            // The spread, from minimum to maximum.
            area.draw(&PathElement::new(
                [(at(bar.min), middle), (at(bar.max), middle)],
                BLACK,
            ))?;
            area.draw(&Text::new(
                name.as_str(),
                (LEFT - 8, middle),
                text(16, HPos::Right),
            ))?;
            let value = shown(bar.median);
            area.draw(&Text::new(value, (at(bar.max) + 8, middle), text(16, HPos::Left)))?;
        }
        Ok(())
    }
}

/// Three significant digits.
fn shown(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}
