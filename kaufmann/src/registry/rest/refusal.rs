//! An answer that is none: what it was, and whether asking again may help.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;

use super::tls::Certificates;
use super::transport::Credentials;
use crate::failure::Chain;
use crate::registry::error::Told;
use crate::registry::{RegistryError, RegistryErrorKind};

/// An answer that is none.
#[derive(Debug)]
pub(super) struct Refusal {
    text: String,
    told: Told,
    /// Whether the same call may succeed a moment later.
    transient: bool,
    /// Whether what answered does not speak as a registry does.
    is_foreign: bool,
    /// Whether it is we who are not let in, though there is no status that says so.
    unauthorized: bool,
    retry_after: Option<Duration>,
}

impl Refusal {
    /// An answer with a status that is no success.
    pub(super) fn status(call: &str, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Body {
            error_code: Option<u32>,
            message: Option<String>,
        }
        let body_read: Option<Body> = serde_json::from_slice(body).ok();
        let code = body_read.as_ref().and_then(|body| body.error_code);
        // Registries answer in JSON; a page or a line of text is from something else, or from a place where there is none.
        let is_foreign = body_read.is_none() && !body.trim_ascii().is_empty();
        let message = body_read
            .and_then(|body| body.message)
            .unwrap_or_else(|| summary(body))
            // What a terminal would obey is not for it.
            .replace(char::is_control, "·");
        let mut text = format!("{call}: {status}");
        if !message.is_empty() {
            text.push_str(&format!(": {message}"));
        }
        if is_foreign && status == StatusCode::NOT_FOUND {
            text.push_str(
                "; is this the registry's URL? It has the path of Confluent's API: that of Apicurio ends with /apis/ccompat/v7",
            );
        }
        if let Some(code) = code.filter(|code| *code != u32::from(status.as_u16())) {
            text.push_str(&format!(" (code {code})"));
        }
        let transient = status.is_server_error()
            || matches!(
                status,
                StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS
            );
        let wanted = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        Self {
            text,
            told: Told {
                status: Some(status.as_u16()),
                code,
                message: Some(message).filter(|message| !message.is_empty()),
                ..Told::default()
            },
            transient,
            is_foreign,
            unauthorized: false,
            retry_after: wanted.and_then(|wanted| retry_after(wanted, SystemTime::now())),
        }
    }

    /// No answer, or half of one.
    pub(super) fn unreachable(call: &str, error: reqwest::Error, certificates: &Certificates) -> Self {
        // The URL stands in front already.
        let error = error.without_url();
        let remedy = certificates.remedy(&error);
        let text = match &remedy {
            _ if error.is_timeout() => {
                format!("{call}: no answer in time; `registry.timeout` says how long that is")
            }
            Some(remedy) => format!("{call}: {}; {}", Chain(&error), remedy.text),
            None => format!("{call}: {}", Chain(&error)),
        };
        Self {
            text,
            told: Told::default(),
            // What certificates lack does not come by waiting.
            transient: remedy.is_none(),
            is_foreign: false,
            unauthorized: remedy.is_some_and(|remedy| remedy.ours),
            retry_after: None,
        }
    }

    /// An answer that no registry gives.
    pub(super) fn nonsense(call: &str, what: &str) -> Self {
        Self {
            text: format!("{call}: {what}; is this the registry's URL?"),
            told: Told::default(),
            transient: false,
            is_foreign: true,
            unauthorized: false,
            retry_after: None,
        }
    }

    /// The last of several refusals, with what all of them said.
    pub(super) fn of_all(mut refusals: Vec<Self>) -> Option<Self> {
        let texts: Vec<_> = refusals.iter().map(|refusal| refusal.text.clone()).collect();
        let soonest = refusals.iter().filter_map(|refusal| refusal.retry_after).min();
        let mut last = refusals.pop()?;
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

    /// Adds what the call was about.
    pub(super) fn about(mut self, url: &str, subject: Option<&str>) -> Self {
        self.told.url = Some(url.to_owned());
        self.told.subject = subject.map(str::to_owned);
        self
    }

    /// Adds what may be done about missing rights.
    pub(super) fn with_remedy(mut self, credentials: &Credentials) -> Self {
        let remedy = match (self.told.status, credentials) {
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
                "the registry does not allow this to everybody; set `registry.user` and `registry.password`, or \
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

    /// Whether the same call may succeed a moment later.
    pub(super) fn is_transient(&self) -> bool {
        self.transient
    }

    /// How long the registry wants to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the registry says that it does not have what was asked for. Apicurio gives no codes in some cases, so a bare 404
    /// counts; a page does not: it comes from a proxy or for a wrong path.
    pub(super) fn is_absence(&self) -> bool {
        self.told.status == Some(404) && !self.is_foreign
    }

    /// Whether it is a page that no registry has, of something that answers for good.
    #[cfg(all(feature = "cli", feature = "kafka"))]
    pub(super) fn is_page(&self) -> bool {
        self.is_foreign && self.told.status == Some(404)
    }

    /// Whether the registry does not know the route at all, as imitations of Confluent's do not know each of them.
    pub(super) fn is_missing_route(&self) -> bool {
        matches!(self.told.status, Some(405 | 501))
            || (self.told.status == Some(404) && self.told.code.is_none())
    }
}

impl From<Refusal> for RegistryError {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal.told.status {
            _ if refusal.told.code == Some(40403) => RegistryErrorKind::Unknown,
            Some(404) => RegistryErrorKind::Unknown,
            Some(409 | 422) => RegistryErrorKind::Refused,
            Some(401 | 403) => RegistryErrorKind::Unauthorized,
            None if refusal.unauthorized => RegistryErrorKind::Unauthorized,
            _ => RegistryErrorKind::Unavailable,
        };
        Self::new(kind, refusal.text).told(refusal.told)
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

/// What a body says that is not the registry's JSON: the title of a page, a proxy's for instance, or else its first line.
fn summary(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let title = text
        .split_once("<title>")
        .and_then(|(_, rest)| rest.split_once("</title>"));
    let said = match title {
        Some((title, _)) => title.trim(),
        None => {
            let mut lines = text.lines().map(str::trim);
            lines.find(|line| !line.is_empty()).unwrap_or_default()
        }
    };
    let said: String = said.chars().take(200).collect();
    match text.trim_start().starts_with('<') {
        true => format!("a web page, `{said}`"),
        false => said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_registry_says_cannot_steer_a_terminal() {
        for body in [&b"\x1b[31mred"[..], br#"{"message": "\u001b[31mred"}"#] {
            let headers = HeaderMap::new();
            let refusal = Refusal::status("GET /", StatusCode::INTERNAL_SERVER_ERROR, &headers, body);
            assert!(refusal.text.ends_with(": ·[31mred"), "{}", refusal.text);
        }
    }

    #[test]
    fn of_a_page_the_title_is_told() {
        for (body, said) in [
            (
                "<html>\n<head><title> 502 Bad Gateway </title></head>",
                "a web page, `502 Bad Gateway`",
            ),
            ("\n <!doctype html>\n<p>x", "a web page, `<!doctype html>`"),
            ("\n\n upstream failed \n at a.rs", "upstream failed"),
            ("", ""),
        ] {
            assert_eq!(summary(body.as_bytes()), said);
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
