//! `schema check / diff / register / pull / reset`: compare this binary's events with the lock and the registry.
//!
//! Each command creates one [`Report`], which is printed as text or as JSON and decides the exit code: 0 is fine, 1 is
//! incompatible, 2 is unknown. Whatever makes the result unknown is an [`Error`] before that.

use std::path::PathBuf;
use std::process::ExitCode;

use kaufmann_avro::Schema;
use kaufmann_avro::lock::{Current, Lock, LockedEvent, Version};

use crate::base::error::{Error, ErrorKind, Report as Chained};
use crate::cli::catalog;
use crate::cli::command::Command;
use crate::cli::output::{print_error, print_line, unless_closed};
use crate::cli::quietly::quietly;
use crate::cli::running_dev::point_to_dev;
use crate::cli::signals::Signals;
use crate::config::{Config, SubjectStrategy};
use crate::handler::Service;
use crate::handler::event::EventInfo;
use crate::publish::routes::subject;
use crate::schema::registry::{RegistryError, RegistryErrorKind, RestRegistry, SubjectVersion};

pub(super) mod arguments;
mod compare;
mod file;
mod live;
mod owner;
mod pull;
mod register;
#[cfg(feature = "kafka")]
pub(super) mod registered;
mod report;
mod reset;
mod screen;
#[cfg(test)]
#[cfg(feature = "dev")]
mod tests;

use file::LockFile;
use report::{EventReport, Report};

/// The arguments.
#[derive(Clone, PartialEq, Debug)]
struct Request {
    task: Task,
    /// The lock's path, if given.
    lock: Option<PathBuf>,
    json: bool,
    /// Whether to use the registry of the `dev` that runs in this folder.
    dev: bool,
}

/// The subcommand.
#[derive(Clone, PartialEq, Debug)]
enum Task {
    Check { live: bool },
    Diff { event: Option<String>, live: bool },
    Register { events: Vec<String>, all: bool },
    Pull,
    Reset { event: String, yes: bool },
}

/// An event of this binary.
struct Known {
    info: &'static EventInfo,
    schema: Schema,
    subject: String,
}

pub(super) fn entry<V: Service, S>() -> Command<S> {
    Command {
        error_code: Some(2),
        ..Command::new(arguments::command(), |matches, effective, _| {
            quietly(effective, |config| run::<V>(config, arguments::request(matches)))
        })
    }
}

/// Runs the subcommand, and prints its report.
async fn run<V: Service>(config: Config, request: Request) -> Result<ExitCode, Error> {
    // It replaces the lock's file in one step, so there is nothing to finish after a signal.
    let _signals = Signals::end_at_first()?;
    let json = request.json;
    let (name, live, dev) = (request.task.name(), request.task.is_live(), request.dev);
    let file = LockFile::find(request.lock.clone());
    let mut report = match task::<V>(config, request, &file).await {
        Ok(reports) => Report::new(name, V::NAME, &file, reports),
        Err(error) if json => Report::unknown(name, V::NAME, &file, &Chained(&error).to_string()),
        Err(error) => {
            print_error(&Chained(&error));
            return Ok(ExitCode::from(2));
        }
    };
    (report.live, report.dev) = (live, dev);
    let text = if json {
        report.to_json()
    } else {
        screen::text(&report, crate::cli::paint::Paint::stdout())
    };
    print_line(&text).or_else(unless_closed)?;
    Ok(report.exit_code())
}

async fn task<V: Service>(
    mut config: Config,
    request: Request,
    file: &LockFile,
) -> Result<Vec<EventReport>, Error> {
    point_to_dev::<V>(&mut config, request.dev)?;
    let events = known::<V>(&config)?;
    Ok(match request.task {
        Task::Check { live: false } => compare::compare(&file.read_or(built_in(&events))?, &events),
        Task::Check { live: true } => {
            let mut reports = compare::compare(&file.read_or(built_in(&events))?, &events);
            live::check(&registry(&config)?, &events, &mut reports).await?;
            reports
        }
        Task::Diff { event, live } => {
            let events = chosen::<V>(events, event.as_slice())?;
            let lock = if live {
                pull::all(&registry(&config)?, &events).await?
            } else {
                file.read_or(built_in(&events))?
            };
            let mut reports = compare::compare(&lock, &events);
            reports.retain(|report| events.iter().any(|known| known.info.name == report.event));
            reports
        }
        Task::Register { events: names, all } => {
            let registry = registry(&config)?;
            let events = chosen::<V>(events, &names)?;
            // An event that is named is registered, whoever owns it.
            let (ours, left) = match all || !names.is_empty() {
                true => (events, Vec::new()),
                false => owner::split::<V>(&config, &registry, events).await?,
            };
            let mut reports = register::register(&registry, &ours, file).await?;
            reports.extend(left);
            reports.sort_by(|one, other| one.event.cmp(&other.event));
            reports
        }
        Task::Pull => pull::pull(&registry(&config)?, &events, file).await?,
        Task::Reset { event, yes } => {
            let known = events.iter().find(|known| known.info.name == event);
            reset::reset(&event, yes, file, known)?
        }
    })
}

impl Task {
    fn name(&self) -> &'static str {
        match self {
            Self::Check { .. } => "check",
            Self::Diff { .. } => "diff",
            Self::Register { .. } => "register",
            Self::Pull => "pull",
            Self::Reset { .. } => "reset",
        }
    }

    /// Whether it uses the registry.
    fn is_live(&self) -> bool {
        match self {
            Self::Check { live } | Self::Diff { live, .. } => *live,
            Self::Register { .. } | Self::Pull => true,
            Self::Reset { .. } => false,
        }
    }
}

impl Known {
    fn current(&self) -> Current<'_> {
        Current {
            event: self.info.name,
            schema: (&self.schema).into(),
        }
    }
}

/// The events of this binary, each with its subject.
fn known<V: Service>(config: &Config) -> Result<Vec<Known>, Error> {
    let mut events = Vec::new();
    for info in catalog::events::<V>() {
        let topic = match config.registry.subject {
            SubjectStrategy::Record => String::new(),
            SubjectStrategy::Topic | SubjectStrategy::TopicRecord => catalog::topic::<V>(config, info)?,
        };
        let schema = Schema::parse(info.schema).map_err(|errors| {
            let first = errors.first().map(ToString::to_string).unwrap_or_default();
            Error::new(
                ErrorKind::Internal,
                format!(
                    "the schema of `{}` in this program is invalid: {first}",
                    info.name
                ),
            )
        })?;
        events.push(Known {
            info,
            schema,
            subject: subject(config.registry.subject, &topic, info.full_name),
        });
    }
    Ok(events)
}

/// The lock at build time; `None` if it had none of these events.
fn built_in(events: &[Known]) -> Option<Lock> {
    let mut lock = Lock::default();
    for known in events {
        let Some(had) = known.info.lock else { continue };
        let mut event = LockedEvent::new(had.subject, had.compatibility.parse().unwrap_or_default());
        // The build has parsed these schemas, so they are valid.
        let versions = had
            .versions
            .iter()
            .filter_map(|version| Version::new(version.number, version.id, version.schema).ok());
        versions.for_each(|version| drop(event.insert(version)));
        lock.insert(known.info.name, event);
    }
    let is_empty = lock.events().next().is_none();
    (!is_empty).then_some(lock)
}

/// The events with these names; all if there are no names.
fn chosen<V: Service>(events: Vec<Known>, names: &[String]) -> Result<Vec<Known>, Error> {
    let mut wanted = Vec::new();
    for name in names {
        wanted.push(catalog::find::<V>(name)?.name);
    }
    let is_wanted = |known: &Known| wanted.is_empty() || wanted.contains(&known.info.name);
    Ok(events.into_iter().filter(is_wanted).collect())
}

fn registry(config: &Config) -> Result<RestRegistry, Error> {
    RestRegistry::new(&config.registry)
}

/// Converts a registry's failure into an error of the command.
fn unanswered(error: RegistryError) -> Error {
    let text = if error.kind() == RegistryErrorKind::Unavailable && error.status().is_none() {
        "the registry is unavailable; set `registry.url`, or use --dev for that of a running `dev`"
    } else {
        "the registry refused the request"
    };
    Error::new(ErrorKind::Schema, text).caused_by(error)
}

/// A version in the lock's form; the error says why it is not an Avro schema.
fn locked(found: &SubjectVersion) -> Result<Version, String> {
    let version = Version::new(found.version, found.id, &found.schema).map_err(|errors| {
        let first = errors.first().map(ToString::to_string).unwrap_or_default();
        format!(
            "version {} (id {}) is left out: it is not an Avro schema: {first}",
            found.version, found.id
        )
    })?;
    let reference = |reference: &crate::schema::registry::Reference| kaufmann_avro::lock::Reference {
        name: reference.name.clone(),
        subject: reference.subject.clone(),
        version: reference.version,
    };
    Ok(version.with_references(found.references.iter().map(reference)))
}

/// A subject's versions in the registry, from `since` on, and why some of them cannot be locked.
async fn fetch(
    registry: &RestRegistry,
    subject: &str,
    since: u32,
) -> Result<(LockedEvent, Vec<String>), RegistryError> {
    let mut event = LockedEvent::new(subject, registry.level(subject).await?);
    event.since = since;
    let mut left_out = Vec::new();
    for number in registry.versions(subject).await? {
        if number < since {
            continue;
        }
        match registry.version(subject, number).await {
            Ok(found) => match locked(&found) {
                Ok(version) => drop(event.insert(version)),
                Err(why) => left_out.push(why),
            },
            Err(error) if error.kind() == RegistryErrorKind::Refused => {
                left_out.push(format!("version {number} is left out: {error}"));
            }
            Err(error) => return Err(error),
        }
    }
    Ok((event, left_out))
}
