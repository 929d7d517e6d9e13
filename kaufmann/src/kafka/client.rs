//! The client behind the commands: it keeps the last error that librdkafka reported besides, which says why nothing answers.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::base::error::{Error, ErrorKind};
use crate::config::Config;
use crate::kafka::ffi;
use crate::kafka::{self, explain};

/// A consumer that is a member of no group.
pub(super) type Client = BaseConsumer<ErrorContext>;

/// A client for the brokers of `config`, with the offsets of `group`.
pub(super) fn client(config: &Config, group: &str) -> Result<Client, Error> {
    let refused = |text: String| Error::new(ErrorKind::Configuration, text);
    kafka::reader_settings(config, group)
        .map_err(refused)?
        .create_with_context(ErrorContext::default())
        .map_err(|error| refused(explain::creation(&error)))
}

/// Keeps what is reported.
#[derive(Default)]
pub(super) struct ErrorContext {
    reports: Mutex<Reports>,
}

#[derive(Default)]
struct Reports {
    last: Option<(Code, String)>,
    /// The brokers that failed and had told their ids, with the addresses that they call themselves by.
    advertised: BTreeMap<i32, String>,
}

impl ErrorContext {
    fn reports(&self) -> MutexGuard<'_, Reports> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for ErrorContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        kafka::log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
        let mut reports = self.reports();
        if let Some((id, address)) = explain::advertised(reason) {
            reports.advertised.insert(id, address.to_owned());
        }
        // That all are down is said after why one is.
        if code != Code::AllBrokersDown || reports.last.is_none() {
            reports.last = Some((code, explain::discreet(reason)));
        }
    }
}

impl ConsumerContext for ErrorContext {}

/// Asks, and asks again where nobody said no: a broker that is slow is not one that is away.
pub(super) fn with_patience<T>(client: &Client, ask: impl Fn(&Client) -> KafkaResult<T>) -> KafkaResult<T> {
    for _ in 0..2 {
        match ask(client) {
            Err(error)
                if error.rdkafka_error_code() == Some(Code::OperationTimedOut) && !is_reported(client) => {}
            answered => return answered,
        }
    }
    ask(client)
}

/// How many events are served at once.
const EVENTS: usize = 10_000;

/// Lets what was reported come: one poll serves one event, and log lines are events, too.
fn serve(client: &Client) {
    for _ in 0..EVENTS {
        if !ffi::has_events(client) {
            return;
        }
        _ = client.poll(std::time::Duration::ZERO);
    }
}

/// Whether something was reported.
fn is_reported(client: &Client) -> bool {
    serve(client);
    client.client().context().reports().last.is_some()
}

/// What was reported last, and forgets it.
fn reported(client: &Client) -> Option<(Code, String)> {
    serve(client);
    client.client().context().reports().last.take()
}

/// The brokers that are known by their ids and could not be reached, with the addresses that they call themselves by.
pub(super) fn unreachable(client: &Client) -> BTreeMap<i32, String> {
    serve(client);
    client.client().context().reports().advertised.clone()
}

/// Why something could not be asked; `what` is what it was, such as `the topics could not be listed`.
pub(super) fn failed(client: &Client, config: &Config, what: &str, error: &KafkaError) -> Error {
    let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
    failed_with(reported(client).as_ref(), config, what, code, &error.to_string())
}

/// Whether this is no answer at all.
pub(super) fn is_unanswered(code: Code) -> bool {
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::OperationTimedOut
            | Code::Resolve
            | Code::TimedOutQueue
    )
}

/// The same for a code and its text. Pure.
pub(super) fn failed_with(
    reported: Option<&(Code, String)>,
    config: &Config,
    what: &str,
    code: Code,
    text: &str,
) -> Error {
    let is_unanswered = is_unanswered(code);
    let text = match (code, reported) {
        (Code::Authentication | Code::SaslAuthenticationFailed, _) => explain::not_authenticated(text),
        (_, Some((Code::Authentication | Code::SaslAuthenticationFailed, reason))) if is_unanswered => {
            explain::not_authenticated(reason)
        }
        (Code::GroupAuthorizationFailed, _) => explain::group_not_allowed(&config.group),
        // Who may not know its coordinator waits for it in vain.
        (_, Some((Code::GroupAuthorizationFailed, _))) if is_unanswered => {
            explain::group_not_allowed(&config.group)
        }
        (Code::ClusterAuthorizationFailed, _) => format!(
            "{what}: the broker does not let us; allow it with kafka-acls.sh --add --allow-principal USER --cluster"
        ),
        (Code::UnsupportedFeature | Code::UnsupportedVersion, _) => {
            format!("{what}: the broker does not offer that; `dev`'s broker has no admin API, use a real one")
        }
        (_, reported) if is_unanswered => {
            explain::brokers_down(config, reported.map(|(_, reason)| reason.as_str()))
        }
        _ => format!("{what}: {text}"),
    };
    Error::new(ErrorKind::Start, text)
}
