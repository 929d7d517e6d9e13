//! A failed call to a registry: why it failed, and whether a retry may help.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};

use super::classify::{self, ErrorBody, ErrorClass, Retry};
use super::credentials::Credentials;
use super::tls::Certificates;
use crate::base::bounded_text::bounded_to;
use crate::handler::failure::Chain;
use crate::schema::registry::error::ResponseDetails;
use crate::schema::registry::{RegistryError, RegistryErrorKind};

/// How many bytes of a registry's own message are shown, and of a page or another text.
const MAX_MESSAGE: usize = 1000;
const MAX_LINE: usize = 200;

/// A failed call.
#[derive(Debug)]
pub(super) struct FailedCall {
    text: String,
    details: ResponseDetails,
    class: ErrorClass,
    /// Whether the server that answered is not a registry.
    #[cfg(all(feature = "cli", feature = "kafka"))]
    is_foreign: bool,
    retry_after: Option<Duration>,
}

impl FailedCall {
    /// An answer whose status is not a success.
    pub(super) fn status(call: &str, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let error_body = ErrorBody::of(body);
        let code = error_body.code();
        let is_foreign = error_body == ErrorBody::Page && !body.trim_ascii().is_empty();
        let message = match error_body.message() {
            Some(message) => bounded_to(message, MAX_MESSAGE),
            None => summary(body),
        };
        let mut text = format!("{call}: {status}");
        if !message.is_empty() {
            text.push_str(&format!(": {message}"));
        }
        if is_foreign && status == StatusCode::NOT_FOUND {
            text.push_str(
                "; is this the registry's URL? it serves Confluent's API; for Apicurio it ends with /apis/ccompat/v7",
            );
        }
        if let Some(code) = code.filter(|code| *code != u32::from(status.as_u16())) {
            text.push_str(&format!(" (code {code})"));
        }
        let wanted = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        Self {
            text,
            details: ResponseDetails {
                status: Some(status.as_u16()),
                code,
                message: Some(message).filter(|message| !message.is_empty()),
                ..ResponseDetails::default()
            },
            class: classify::of_status(status.as_u16(), &error_body),
            #[cfg(all(feature = "cli", feature = "kafka"))]
            is_foreign,
            retry_after: wanted.and_then(|wanted| retry_after(wanted, SystemTime::now())),
        }
    }

    /// An answer that is too large to be read.
    pub(super) fn too_large(call: &str, status: StatusCode, headers: &HeaderMap) -> Self {
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        Self {
            class: classify::of_too_large(status.as_u16(), content_type),
            ..Self::invalid(call, "an answer of more than 16 MiB")
        }
    }

    /// No answer, or an incomplete one.
    pub(super) fn unreachable(call: &str, error: reqwest::Error, certificates: &Certificates) -> Self {
        // The text begins with the URL already.
        let error = error.without_url();
        let remedy = certificates.remedy(&error);
        let text = match &remedy {
            _ if error.is_timeout() => {
                format!("{call}: no answer within `registry.timeout`")
            }
            Some(remedy) => format!("{call}: {}; {}", Chain(&error), remedy.text),
            None => format!("{call}: {}", Chain(&error)),
        };
        let kind = match &remedy {
            Some(remedy) if remedy.is_about_own => RegistryErrorKind::Unauthorized,
            _ => RegistryErrorKind::Unavailable,
        };
        // Waiting does not mend certificates.
        let again = remedy.map_or(Retry::Soon, |_| Retry::Never);
        Self {
            text,
            details: ResponseDetails::default(),
            class: ErrorClass { kind, again },
            #[cfg(all(feature = "cli", feature = "kafka"))]
            is_foreign: false,
            retry_after: None,
        }
    }

    /// An answer that is not a registry's.
    pub(super) fn invalid(call: &str, what: &str) -> Self {
        Self {
            text: format!(
                "{call}: {}; is this the registry's URL?",
                bounded_to(what, MAX_MESSAGE)
            ),
            details: ResponseDetails::default(),
            class: classify::NO_ANSWER,
            #[cfg(all(feature = "cli", feature = "kafka"))]
            is_foreign: true,
            retry_after: None,
        }
    }

    /// Combines the failures at all URLs into one: the last one, with the texts of all.
    pub(super) fn of_all(mut failures: Vec<Self>) -> Option<Self> {
        let texts: Vec<_> = failures.iter().map(|failed| failed.text.clone()).collect();
        let soonest = failures.iter().filter_map(|failed| failed.retry_after).min();
        let again = failures.iter().map(|failed| failed.class.again).max();
        let mut last = failures.pop()?;
        last.class.again = again.unwrap_or(Retry::Never);
        if texts.len() > 1 {
            last.text = format!(
                "none of the registry's {} URLs answers: {}",
                texts.len(),
                texts.join("; ")
            );
            last.retry_after = soonest;
        }
        Some(last)
    }

    /// Adds the URL and the subject of the call.
    pub(super) fn about(mut self, url: &str, subject: Option<&str>) -> Self {
        self.details.url = Some(url.to_owned());
        self.details.subject = subject.map(str::to_owned);
        self
    }

    /// Adds what to do about missing rights.
    pub(super) fn with_remedy(mut self, credentials: &Credentials) -> Self {
        let remedy = match (self.details.status, credentials) {
            (Some(401), Credentials::None) => {
                "set `registry.user` and `registry.password`, or `registry.token`".to_owned()
            }
            (Some(401), Credentials::Basic { user, .. }) => format!(
                "the registry does not accept `registry.password` for the user `{user}`"
            ),
            (Some(401), Credentials::Bearer(_)) => {
                "the registry does not accept `registry.token`; it may have expired".to_owned()
            }
            (Some(403), Credentials::None) => {
                "the registry does not allow this without credentials; set `registry.user` and `registry.password`, or \
                 `registry.token`"
                    .to_owned()
            }
            (Some(403), Credentials::Basic { user, .. }) => {
                format!("the registry does not allow this to the user `{user}`")
            }
            (Some(403), Credentials::Bearer(_)) => {
                "the registry does not allow this to the bearer of `registry.token`".to_owned()
            }
            _ => return self,
        };
        self.text.push_str("; ");
        self.text.push_str(&remedy);
        self
    }

    /// Where the same call may succeed.
    pub(super) fn again(&self) -> Retry {
        self.class.again
    }

    /// How long the registry requests to wait, by `Retry-After`.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the registry answered that it does not have the id, the subject or the version.
    pub(super) fn is_absence(&self) -> bool {
        self.class.kind == RegistryErrorKind::Unknown
    }

    /// Whether it is a page of a server that is not a registry, and not a temporary failure.
    #[cfg(all(feature = "cli", feature = "kafka"))]
    pub(super) fn is_page(&self) -> bool {
        self.is_foreign && matches!(self.details.status, None | Some(404))
    }

    /// Whether the registry does not have the route: compatible servers do not have all of them.
    pub(super) fn is_missing_route(&self) -> bool {
        matches!(self.details.status, Some(405 | 501))
            || (self.details.status == Some(404) && !self.is_absence())
    }
}

impl From<FailedCall> for RegistryError {
    fn from(failed: FailedCall) -> Self {
        Self::new(failed.class.kind, failed.text).with_details(failed.details)
    }
}

/// The header `Retry-After` (RFC 9110, section 10.2.3): a number of seconds, or a date.
fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// A summary of a body that is not the registry's JSON: the title of a page, such as a proxy's, else the first line.
fn summary(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let title = text
        .split_once("<title>")
        .and_then(|(_, rest)| rest.split_once("</title>"));
    let line = match title {
        Some((title, _)) => title.trim(),
        None => {
            let mut lines = text.lines().map(str::trim);
            lines.find(|line| !line.is_empty()).unwrap_or_default()
        }
    };
    let line = bounded_to(line, MAX_LINE);
    match text.trim_start().starts_with('<') {
        true => format!("a web page, `{line}`"),
        false => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registrys_message_cannot_control_a_terminal() {
        for body in [&b"\x1b[31mred"[..], br#"{"message": "\u001b[31mred"}"#] {
            let headers = HeaderMap::new();
            let failed = FailedCall::status("GET /", StatusCode::INTERNAL_SERVER_ERROR, &headers, body);
            assert!(failed.text.ends_with(": ·[31mred"), "{}", failed.text);
        }
    }

    #[test]
    fn the_summary_of_a_page_is_its_title() {
        for (body, expected) in [
            (
                "<html>\n<head><title> 502 Bad Gateway </title></head>",
                "a web page, `502 Bad Gateway`",
            ),
            ("\n <!doctype html>\n<p>x", "a web page, `<!doctype html>`"),
            ("\n\n upstream failed \n at a.rs", "upstream failed"),
            ("", ""),
        ] {
            assert_eq!(summary(body.as_bytes()), expected);
        }
    }

    #[test]
    fn retry_after_is_a_number_of_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        for (value, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("soon", None),
            ("-1", None),
        ] {
            assert_eq!(
                retry_after(value, now),
                seconds.map(Duration::from_secs),
                "{value}"
            );
        }
    }
}
