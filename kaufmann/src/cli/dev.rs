//! `dev`: runs the service on an embedded broker and registry, and publishes the samples beside its schemas.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::Runtime;
use crate::base::error::{Error, ErrorKind};
use crate::cli::catalog;
use crate::cli::cluster::ending::{at_start, verdict};
use crate::cli::command::Command;
use crate::cli::output::{print_error, print_line, unless_closed};
use crate::cli::payload::Payload;
use crate::cli::publish::message;
use crate::cli::quietly::quietly;
use crate::cli::running_dev::Running;
use crate::cli::signals::Signals;
use crate::cli::start::state;
use crate::config::kind::LONGEST;
use crate::config::{Config, Delivery, Mode};
use crate::engine::runtime::Finished;
use crate::handler::Service;
use crate::handler::start::Started;
use crate::publish::envelope;
use crate::publish::routes::Routes;
use crate::publish::{KafkaPublisher, Message};
use crate::schema::registry::RestRegistry;
use crate::schema::writers::Schemas;
use crate::source::KafkaSource;

mod deliver;
mod embedded;
mod screen;
mod tally;

use crate::handler::record_event::{RecordEvent, Reporter};
use deliver::deliver;
use embedded::Embedded;
use screen::Screen;
use tally::Tally;

/// How long `--once` waits for the samples.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The arguments.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Options {
    /// Whether to end when the samples are settled.
    once: bool,
    /// How long to wait for that.
    timeout: Duration,
}

pub(super) fn entry<V: Service, R: Started<V::State>, S: AsyncFnOnce(&Config) -> R>() -> Command<S> {
    Command::new(command(), |matches, effective, start| {
        quietly(effective, |config| dev::<V, R>(config, options(matches), start))
    })
}

fn command() -> clap::Command {
    let timeout = |text: &str| match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("the timeout must be more than zero, such as 30s".to_owned()),
        Ok(timeout) if timeout > LONGEST => Err("the timeout must be at most 365days".to_owned()),
        Ok(timeout) => Ok(timeout),
        Err(error) => Err(error.to_string()),
    };
    clap::Command::new("dev")
        .about("Runs the service on an embedded broker and registry, and publishes the sample events")
        .long_about(
            "Starts a broker and a schema registry in this process, creates the topics, registers the schemas, runs the \
             service, publishes the samples beside the schemas of the handled events, and prints the result of each event. \
             `publish --dev` in the same folder publishes to it.\n\nThe configuration applies, except for brokers, \
             registry and security. The broker is in memory: it keeps 5 MiB or 100,000 batches per partition and drops the \
             oldest, and it has no transactions.",
        )
        .arg(
            Arg::new("once")
                .long("once")
                .action(ArgAction::SetTrue)
                .help("End when all samples and their replies are settled; fails if one is not handled, with 130 if a signal comes first"),
        )
        .arg(
            Arg::new("timeout")
                .long("timeout")
                .value_name("DURATION")
                .value_parser(timeout)
                .requires("once")
                .help("How long --once waits for that [default: 30s]"),
        )
}

fn options(matches: &ArgMatches) -> Options {
    Options {
        once: matches.get_flag("once"),
        timeout: matches.get_one("timeout").copied().unwrap_or(TIMEOUT),
    }
}

/// Runs the command.
async fn dev<V: Service, R: Started<V::State>>(
    mut config: Config,
    options: Options,
    start: impl AsyncFnOnce(&Config) -> R,
) -> Result<ExitCode, Error> {
    let signals = Signals::listen(config.shutdown_deadline)?;
    if config.delivery == Delivery::ExactlyOnce {
        tracing::info!("the embedded broker has no transactions: `delivery` is \"at_least_once\" here");
        config.delivery = Delivery::AtLeastOnce;
    }
    config = config.with_mode(Mode::Dev);
    let embedded = Embedded::start::<V>(&mut config).await?;
    let samples = Samples::read::<V>(&config)?;
    // Wrong settings are reported before the state is created and anything is printed.
    let source = KafkaSource::new(&config).map_err(|error| refused(&error))?;
    let publisher = publisher(&config)?;
    let registry = RestRegistry::new(&config.registry)?;
    let state = state::<V, R>(&config, start, &signals).await?;
    // Only now: `publish --dev` must find a service that has started.
    let _note = Running::announce::<V>(&config);

    let (reporter, record_events) = Reporter::new();
    let screen = Screen::new(catalog::events::<V>().iter().map(|info| info.name));
    let mut session = Session {
        printed: Ok(()),
        screen,
        tally: Tally::new(embedded::returning::<V>(&config)),
        record_events,
        is_published: false,
    };
    session.print(&session.screen.welcome(V::NAME, &config, embedded.partitions()));
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let runtime = Runtime::<V>::builder(state)
        .config(&config)
        .source(source)
        .publisher(publisher)
        .registry(registry)
        .observer(reporter)
        .run(async move { _ = stopped.await });
    let service = tokio::spawn(runtime);

    let watched = session
        .watch::<V>(&config, samples, options, &signals, service, stop)
        .await;
    let finished = watched.map_err(at_start::<V>)?;
    let is_settled = session.is_published && session.tally.is_complete();
    let is_interrupted = options.once && signals.received() && !is_settled;
    if is_interrupted {
        session.print(&session.screen.summary(&session.tally));
    } else if options.once {
        session.conclude()?;
    }
    session.printed.or_else(unless_closed)?;
    verdict(&config, &finished)?;
    if is_interrupted {
        print_error(&"interrupted before every sample and its replies were settled");
        return Ok(signals.exit_code());
    }
    Ok(ExitCode::SUCCESS)
}

/// The run of `dev`, from the service's start to its end.
struct Session {
    /// The error of the first line that could not be printed; after it, nothing is printed.
    printed: io::Result<()>,
    screen: Screen,
    tally: Tally,
    record_events: mpsc::UnboundedReceiver<RecordEvent>,
    /// Whether the broker has all samples.
    is_published: bool,
}

impl Session {
    async fn watch<V: Service>(
        &mut self,
        config: &Config,
        samples: Samples,
        options: Options,
        signals: &Signals,
        mut service: tokio::task::JoinHandle<Result<Finished, Error>>,
        stop: tokio::sync::oneshot::Sender<()>,
    ) -> Result<Finished, Error> {
        if samples.0.is_empty() {
            self.print("no samples: put `create.samples.json`, an array of payloads, beside `create.avsc`");
        }
        tokio::select! {
            published = self.publish::<V>(config, samples) => {
                published?;
                self.is_published = true;
            }
            () = signals.first() => {}
        }
        let deadline = tokio::time::Instant::now() + options.timeout;
        loop {
            // Once its output is closed, `dev` ends; `--once` continues, for its exit code.
            let is_over = if options.once {
                self.tally.is_complete()
            } else {
                self.printed.is_err()
            };
            if is_over {
                break;
            }
            tokio::select! {
                Some(record_event) = self.record_events.recv() => self.show(&record_event),
                () = signals.first() => break,
                () = tokio::time::sleep_until(deadline), if options.once => break,
                // Without a signal the service ends only with an error.
                ended = &mut service => return joined(ended),
            }
        }
        drop(stop);
        let finished = joined(service.await)?;
        while let Ok(record_event) = self.record_events.try_recv() {
            self.show(&record_event);
        }
        Ok(finished)
    }

    fn show(&mut self, record_event: &RecordEvent) {
        self.tally.note(record_event);
        self.print(&self.screen.line(record_event));
    }

    fn print(&mut self, line: &str) {
        if self.printed.is_ok() {
            self.printed = print_line(&line);
        }
    }

    async fn publish<V: Service>(&mut self, config: &Config, samples: Samples) -> Result<(), Error> {
        let registry = Arc::new(RestRegistry::new(&config.registry)?);
        let mut config = config.clone();
        for sample in &samples.0 {
            config
                .publish
                .topics
                .insert(sample.info.name.to_owned(), sample.topic.clone());
        }
        let routes = Routes::new(&config, Arc::new(Schemas::new(registry, V::HANDLERS)));
        let source = envelope::source(&config);
        let publisher = publisher(&config)?;
        for sample in samples.0 {
            let id = Uuid::now_v7();
            let Payload { datum, key } = sample.payload;
            let message: Message = message(&source, &routes, sample.info, datum, key, id).await?;
            self.tally.expect(id.to_string(), sample.info.name);
            deliver(&publisher, message).await?;
        }
        Ok(())
    }

    /// Prints the summary of `--once`. Returns an error if a sample was not handled.
    fn conclude(&mut self) -> Result<(), Error> {
        self.print(&self.screen.summary(&self.tally));
        let complaints = self.tally.complaints();
        if complaints.is_empty() {
            return Ok(());
        }
        let text = format!("not every sample was handled:\n  {}", complaints.join("\n  "));
        Err(Error::new(ErrorKind::Handler, text))
    }
}

/// The samples of the handled events.
struct Samples(Vec<Sample>);

struct Sample {
    info: &'static crate::EventInfo,
    topic: String,
    payload: Payload,
}

impl Samples {
    fn read<V: Service>(config: &Config) -> Result<Self, Error> {
        let mut samples = Vec::new();
        for info in handled::<V>().filter(|info| !info.samples.is_empty()) {
            let topic = embedded::consumed_topic::<V>(config, info)?;
            for text in info.samples {
                samples.push(Sample {
                    info,
                    topic: topic.clone(),
                    payload: Payload::parse(info, text)?,
                });
            }
        }
        Ok(Self(samples))
    }
}

/// The events that a service handles, in the order of its list.
fn handled<V: Service>() -> impl Iterator<Item = &'static crate::EventInfo> {
    let entries = V::HANDLERS.iter().filter(|entry| !entry.tombstone);
    entries.filter_map(|entry| entry.event)
}

fn publisher(config: &Config) -> Result<KafkaPublisher, Error> {
    KafkaPublisher::new(config).map_err(|error| refused(&error))
}

/// An error of librdkafka before any connection concerns its settings.
fn refused(error: &dyn std::fmt::Display) -> Error {
    Error::new(ErrorKind::Configuration, error.to_string())
}

fn joined(ended: Result<Result<Finished, Error>, tokio::task::JoinError>) -> Result<Finished, Error> {
    ended.unwrap_or_else(|error| {
        Err(Error::new(ErrorKind::Internal, "the runtime's task ended").caused_by(error))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dev_runs_on_or_once_with_a_time_limit() {
        let options = |arguments: &[&str]| {
            let matches = command().try_get_matches_from([&["dev"], arguments].concat());
            matches
                .map(|matches| options(&matches))
                .map(|options| (options.once, options.timeout.as_secs()))
        };
        assert_eq!(options(&[]).unwrap(), (false, 30));
        assert_eq!(options(&["--once", "--timeout", "2m"]).unwrap(), (true, 120));
        assert_eq!(options(&["--timeout", "2m"]).unwrap_err().exit_code(), 2);
    }
}
