//! The client of the commands. It keeps the last error that librdkafka reported, which explains why a request was not answered.

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

/// A consumer that joins no group.
pub(super) type Client = BaseConsumer<ErrorContext>;

/// A client for the brokers of `config` that reads and commits the offsets of `group`.
pub(super) fn client(config: &Config, group: &str) -> Result<Client, Error> {
    let refused = |text: String| Error::new(ErrorKind::Configuration, text);
    kafka::reader_settings(config, group)
        .map_err(refused)?
        .create_with_context(ErrorContext::default())
        .map_err(|error| refused(explain::creation(&error)))
}

/// Keeps the errors that librdkafka reports.
#[derive(Default)]
pub(super) struct ErrorContext {
    reports: Mutex<Reports>,
}

#[derive(Default)]
struct Reports {
    last: Option<(Code, String)>,
    /// The brokers that failed and whose ids are known, with their advertised addresses.
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
        // `AllBrokersDown` follows the error that tells why one is down.
        if code != Code::AllBrokersDown || reports.last.is_none() {
            reports.last = Some((code, explain::discreet(reason)));
        }
    }
}

impl ConsumerContext for ErrorContext {}

/// Makes a request, up to three times if it times out and librdkafka reports no error: the broker may just be slow.
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

/// Serves pending events, so that errors arrive. One poll serves one event, and log lines are events, too.
fn serve(client: &Client) {
    for _ in 0..EVENTS {
        if !ffi::has_events(client) {
            return;
        }
        _ = client.poll(std::time::Duration::ZERO);
    }
}

/// Whether an error was reported.
fn is_reported(client: &Client) -> bool {
    serve(client);
    client.client().context().reports().last.is_some()
}

/// Takes the error that was reported last.
fn reported(client: &Client) -> Option<(Code, String)> {
    serve(client);
    client.client().context().reports().last.take()
}

/// The brokers with known ids that could not be reached, with their advertised addresses.
pub(super) fn unreachable(client: &Client) -> BTreeMap<i32, String> {
    serve(client);
    client.client().context().reports().advertised.clone()
}

/// The error of a failed request; `what` failed, such as `the topics could not be listed`.
pub(super) fn failed(client: &Client, config: &Config, what: &str, error: &KafkaError) -> Error {
    let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
    failed_with(reported(client).as_ref(), config, what, code, &error.to_string())
}

/// Whether the code means that no broker answered.
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

/// Like [`failed`], for a code and its text. Pure.
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
        // Without the right to find the coordinator a request times out.
        (_, Some((Code::GroupAuthorizationFailed, _))) if is_unanswered => {
            explain::group_not_allowed(&config.group)
        }
        (Code::ClusterAuthorizationFailed, _) => format!(
            "{what}: the service's principal lacks a right on the cluster; allow it with kafka-acls.sh --add --allow-principal USER --cluster"
        ),
        (Code::UnsupportedFeature | Code::UnsupportedVersion, _) => {
            format!(
                "{what}: this broker does not support the request: `dev`'s broker has no admin API, and a real one may be too old"
            )
        }
        (_, reported) if is_unanswered => {
            explain::brokers_down(config, reported.map(|(_, reason)| reason.as_str()))
        }
        _ => format!("{what}: {text}"),
    };
    Error::new(ErrorKind::Start, text)
}
