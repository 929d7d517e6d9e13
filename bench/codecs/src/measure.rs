//! Runs the rounds over the contenders, and prints the table of the results.

use anyhow::Result;
use nix::time::{ClockId, clock_gettime};

/// How long a contender runs in a round, in nanoseconds of CPU.
const TURN: f64 = 1_000_000.0;

/// A named operation, repeated.
pub(crate) struct Contender<'a> {
    name: &'static str,
    work: Box<dyn FnMut() -> Result<()> + 'a>,
}

impl<'a> Contender<'a> {
    pub(crate) fn new(name: &'static str, work: impl FnMut() -> Result<()> + 'a) -> Self {
        let work = Box::new(work);
        Self { name, work }
    }

    /// Nanoseconds of this thread's CPU time for each repetition.
    fn time(&mut self, times: u64) -> Result<f64> {
        let before = cpu()?;
        for _ in 0..times {
            (self.work)()?;
        }
        Ok((cpu()? - before) / times as f64)
    }
}

/// Measures all contenders and prints a table; ratios are to the first.
pub(crate) fn measure(title: &str, rounds: usize, contenders: &mut [Contender<'_>]) -> Result<()> {
    let mut times = Vec::new();
    for contender in &mut *contenders {
        contender.time(100)?;
        times.push((TURN / contender.time(100)?).ceil() as u64);
    }
    let mut runs = vec![Vec::with_capacity(rounds); contenders.len()];
    for round in 0..rounds {
        for turn in 0..contenders.len() {
            let index = (turn + round) % contenders.len();
            runs[index].push(contenders[index].time(times[index])?);
        }
    }
    println!("### {title}\n");
    println!("| | ns, median | ns, least | ratio | its spread | allocations | bytes |");
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for (contender, own) in contenders.iter_mut().zip(&runs) {
        let ratios = own.iter().zip(&runs[0]).map(|(own, first)| own / first);
        let (ratios, own) = (sorted(ratios), sorted(own.iter().copied()));
        let mut result = Ok(());
        let used = allocation_counter::measure(|| result = (contender.work)());
        result?;
        println!(
            "| {} | {:.0} | {:.0} | {:.2} | {:.2}–{:.2} | {} | {} |",
            contender.name,
            at(&own, 0.5),
            at(&own, 0.0),
            at(&ratios, 0.5),
            at(&ratios, 0.1),
            at(&ratios, 0.9),
            used.count_total,
            used.bytes_total,
        );
    }
    println!();
    Ok(())
}

fn cpu() -> Result<f64> {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
    Ok(time.tv_sec() as f64 * 1e9 + time.tv_nsec() as f64)
}

fn sorted(figures: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sorted = figures.collect::<Vec<_>>();
    sorted.sort_by(f64::total_cmp);
    sorted
}

fn at(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}
