//! `dlq list / show / replay / discard`: the service's dead letters.

use std::process::ExitCode;

use super::decoder::Decoder;
use crate::base::error::{Error, ErrorKind};
use crate::cli::catalog;
use crate::cli::output::{print_line, unless_closed};
use crate::cli::paint::Paint;
use crate::cli::running_dev::point_to_dev;
use crate::cli::signals::Signals;
use crate::config::Config;
use crate::handler::Service;
use crate::kafka::sender::Sender;

pub(super) mod act;
mod alike;
pub(super) mod arguments;
pub(super) mod dead_letters;
pub(super) mod ledger;
mod named;
mod report;
mod screen;
pub(super) mod select;
mod show;
#[cfg(test)]
mod tests;

use act::Act;
use dead_letters::{DeadLetters, Found};
use ledger::Ledger;
use report::Groups;
use select::Selection;
use show::Shown;

/// The arguments.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Request {
    task: Task,
    selection: Selection,
    max: Option<u64>,
    dry_run: bool,
    json: bool,
    dev: bool,
}

/// The subcommand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Task {
    List,
    Show { raw: bool },
    Replay,
    Discard,
}

pub(super) async fn run<V: Service>(mut config: Config, request: Request) -> Result<ExitCode, Error> {
    if matches!(request.task, Task::Replay | Task::Discard) && request.selection.is_empty() {
        let text = "select dead letters: by positions as `dlq list` and `dlq show` print them, by --event, --handler, --key or \
                    --error, or --all";
        return Err(Error::new(ErrorKind::Usage, text));
    }
    point_to_dev::<V>(&mut config, request.dev)?;
    config.check_brokers()?;
    let signals = Signals::end_at_first()?;
    let mut ledger = Ledger::open(&config)?;
    named::check(&config, &ledger, &request.selection.ids)?;
    let mut dead_letters = DeadLetters::open(&config, &ledger)?;
    match request.task {
        Task::List => list(V::NAME, &mut ledger, &mut dead_letters, &request),
        Task::Show { raw } => {
            let decoder = match raw {
                true => None,
                false => Some(Decoder::new(&config, &catalog::events::<V>())?),
            };
            show(&mut ledger, &mut dead_letters, &request, decoder).await
        }
        Task::Replay | Task::Discard => {
            let sender = match request.task {
                Task::Replay => Some(Sender::new(&config)?),
                _ => None,
            };
            signals.finish_first();
            act(&mut ledger, &mut dead_letters, &request, sender, &signals).await
        }
    }
}

fn list(
    service: &str,
    ledger: &mut Ledger,
    dead_letters: &mut DeadLetters,
    request: &Request,
) -> Result<ExitCode, Error> {
    let mut groups = Groups::default();
    while let Some(found) = dead_letters.next(ledger, || false)? {
        match found {
            Found::DeadLetter(record, dead_letter) => {
                groups.add(
                    &format!("{}@{}", record.partition(), record.offset()),
                    &dead_letter,
                );
            }
            Found::Foreign(_) => groups.add_foreign(),
        }
    }
    let report = groups.report(service, ledger.topic());
    let text = match request.json {
        true => serde_json::to_string_pretty(&report).unwrap_or_default(),
        false => screen::list(&report, Paint::stdout()),
    };
    print_line(&text).or_else(unless_closed)?;
    Ok(ExitCode::SUCCESS)
}

async fn show(
    ledger: &mut Ledger,
    dead_letters: &mut DeadLetters,
    request: &Request,
    mut decoder: Option<Decoder>,
) -> Result<ExitCode, Error> {
    let mut shown = 0;
    while let Some(found) = dead_letters.next(ledger, || false)? {
        if request.max.is_some_and(|max| shown >= max) {
            break;
        }
        let Found::DeadLetter(record, dead_letter) = found else {
            continue;
        };
        let key = record.key().map(super::shown::printable);
        if !request
            .selection
            .has(record.partition(), record.offset(), key.as_deref(), &dead_letter)
        {
            continue;
        }
        shown += 1;
        let one = Shown::new(&record, *dead_letter, decoder.as_mut()).await?;
        let text = match request.json {
            true => serde_json::to_string(&one).unwrap_or_default(),
            false => screen::show(&one, Paint::stdout()),
        };
        if let Err(error) = print_line(&text) {
            return unless_closed(error).map(|()| ExitCode::SUCCESS);
        }
    }
    if shown == 0 && !request.json {
        let none = format!("no matching open dead letter in {}", ledger.topic());
        print_line(&none).or_else(unless_closed)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn act(
    ledger: &mut Ledger,
    dead_letters: &mut DeadLetters,
    request: &Request,
    sender: Option<Sender>,
    signals: &Signals,
) -> Result<ExitCode, Error> {
    let act = Act {
        command: match request.task {
            Task::Discard => "discard",
            _ => "replay",
        },
        selection: &request.selection,
        max: request.max,
        sender,
        to: None,
        dry_run: request.dry_run,
        signals,
    };
    let summary = act.run(ledger, dead_letters).await?;
    let text = match request.json {
        true => serde_json::to_string_pretty(&summary).unwrap_or_default(),
        false => screen::summary(&summary, Paint::stdout()),
    };
    print_line(&text).or_else(unless_closed)?;
    Ok(match (summary.interrupted, summary.left.is_empty()) {
        (true, _) => signals.exit_code(),
        (false, true) => ExitCode::SUCCESS,
        (false, false) => ExitCode::from(1),
    })
}
