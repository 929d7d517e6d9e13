//! HTTP to one registry with several URLs: which one is called, what is retried, and after which wait.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, ClientBuilder, Method, Url};
use serde::de::IgnoredAny;

use super::classify::Retry;
use super::credentials::{Credentials, wrong};
use super::failed_call::FailedCall;
use super::tls::Certificates;
use crate::base::error::{Error, ErrorKind};
use crate::base::serde_error;
use crate::config::{RegistryConfig, RetryConfig, Secret, without_credentials};

const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/vnd.schemaregistry.v1+json");

/// The longest answer that is read, in bytes. A schema with all its references is far smaller.
const MAX_ANSWER: usize = 16 << 20;

/// The longest wait between two rounds. If a registry requests a longer one, the call fails.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// The client of one registry.
#[derive(Debug)]
pub(super) struct Transport {
    client: Client,
    bases: Vec<Base>,
    /// The URL that answered last.
    last_good: AtomicUsize,
    credentials: Credentials,
    certificates: Certificates,
    /// How often all URLs are tried again.
    retries: u32,
    back_off: RetryConfig,
}

/// One of the registry's URLs.
#[derive(Debug)]
struct Base {
    asked: Url,
    /// The URL without its query, which may carry a gateway's secret.
    shown: Url,
}

/// One call.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) path: &'a [&'a str],
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) body: Option<serde_json::Value>,
    pub(super) subject: Option<&'a str>,
}

/// A successful answer.
#[derive(Debug)]
pub(super) struct Answer {
    #[cfg_attr(
        not(all(feature = "cli", feature = "kafka")),
        allow(dead_code, reason = "only `doctor` asks for the time")
    )]
    pub(super) headers: HeaderMap,
    pub(super) bytes: Vec<u8>,
}

impl Transport {
    pub(super) fn new(config: &RegistryConfig) -> Result<Self, Error> {
        let mut in_url = None;
        let mut bases = Vec::with_capacity(config.url.len());
        for text in &config.url {
            let mut asked = base(text)?;
            in_url = in_url.or_else(|| take_credentials(&mut asked));
            let mut shown = asked.clone();
            shown.set_query(None);
            shown.set_fragment(None);
            bases.push(Base { asked, shown });
        }
        if bases.is_empty() {
            return Err(wrong(
                "no schema registry is configured; set `registry.url`, for example to http://localhost:8081",
            ));
        }
        let credentials = Credentials::new(config, in_url);
        let certificates = Certificates::new(config);
        let builder = certificates.trusted_by(client(&bases, config))?;
        let client = builder.build().map_err(|error| {
            let text = match certificates.remedy_at_start() {
                Some(remedy) => format!("cannot set up the registry's client; {remedy}"),
                None => "cannot set up the registry's client".to_owned(),
            };
            Error::new(ErrorKind::Start, text).caused_by(error)
        })?;
        Ok(Self {
            client,
            bases,
            last_good: AtomicUsize::new(0),
            credentials,
            certificates,
            retries: config.retries,
            back_off: RetryConfig {
                initial: Duration::from_millis(100),
                max: MAX_WAIT,
                jitter: 0.5,
                ..RetryConfig::default()
            },
        })
    }

    /// The URL that is tried first, for display.
    pub(super) fn base(&self) -> &Url {
        &self.bases[self.last_good.load(Ordering::Relaxed) % self.bases.len()].shown
    }

    /// The body of an answer; retries as [`Transport::answer`] does.
    pub(super) async fn ask(&self, call: &Call<'_>) -> Result<Vec<u8>, FailedCall> {
        Ok(self.answer(call).await?.bytes)
    }

    /// Makes a call: tries each URL in turn, from the one that answered last; if all failures are temporary, tries all of them again
    /// after a wait.
    pub(super) async fn answer(&self, call: &Call<'_>) -> Result<Answer, FailedCall> {
        let mut failures = 0;
        loop {
            let failed = match self.round(call).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            let wanted = failed.retry_after().unwrap_or_default();
            if failed.again() != Retry::Soon || failures >= self.retries || wanted > MAX_WAIT {
                return Err(failed);
            }
            failures += 1;
            let wait =
                crate::config::back_off::back_off(&self.back_off, failures, crate::base::jitter::fraction());
            tokio::time::sleep(wait.max(wanted)).await;
        }
    }

    async fn round(&self, call: &Call<'_>) -> Result<Answer, FailedCall> {
        let first = self.last_good.load(Ordering::Relaxed);
        let mut failures = Vec::new();
        for step in 0..self.bases.len() {
            let at = (first + step) % self.bases.len();
            match self.once(&self.bases[at], call).await {
                Err(failed) if failed.again() != Retry::Never => failures.push(failed),
                answer => {
                    self.last_good.store(at, Ordering::Relaxed);
                    return answer;
                }
            }
        }
        let failed = FailedCall::of_all(failures);
        Err(failed.unwrap_or_else(|| FailedCall::invalid("", "no URL")))
    }

    async fn once(&self, base: &Base, call: &Call<'_>) -> Result<Answer, FailedCall> {
        let url = call.url(&base.asked);
        let shown = call.shown(&base.shown);
        let about = |failed: FailedCall| failed.about(call.url(&base.shown).as_str(), call.subject);
        let mut request = self
            .client
            .request(call.method.clone(), url)
            .header(ACCEPT, MEDIA_TYPE);
        request = match &self.credentials {
            Credentials::None => request,
            Credentials::Basic { user, password } => request.basic_auth(user, Some(password.expose())),
            Credentials::Bearer(token) => request.bearer_auth(token.expose()),
        };
        if let Some(body) = &call.body {
            request = request.header(CONTENT_TYPE, MEDIA_TYPE).body(body.to_string());
        }
        let broken = |error| about(FailedCall::unreachable(&shown, error, &self.certificates));
        let mut answer = request.send().await.map_err(broken)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(broken)? {
            if bytes.len() + chunk.len() > MAX_ANSWER {
                return Err(about(FailedCall::too_large(&shown, status, &headers)));
            }
            bytes.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return match serde_json::from_slice::<IgnoredAny>(&bytes) {
                Ok(_) => Ok(Answer { headers, bytes }),
                Err(error) => {
                    let what = format!(
                        "an answer that cannot be read: {}",
                        serde_error::describe(&error, "an object")
                    );
                    Err(about(FailedCall::invalid(&shown, &what)))
                }
            };
        }
        let failed = FailedCall::status(&shown, status, &headers, &bytes);
        Err(about(failed.with_remedy(&self.credentials)))
    }
}

impl Call<'_> {
    fn url(&self, base: &Url) -> Url {
        let mut url = base.clone();
        // Only URLs without a host, such as `mailto:`, have no path; the configuration refuses those.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(self.path);
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(self.query);
        }
        url
    }

    /// The call for errors: method and URL.
    pub(super) fn shown(&self, base: &Url) -> String {
        format!("{} {}", self.method, self.url(base))
    }
}

fn base(text: &str) -> Result<Url, Error> {
    let shown = without_credentials(text);
    let base = Url::parse(text).map_err(|error| {
        wrong(format!(
            "`registry.url` is `{shown}`, expected a URL such as http://localhost:8081"
        ))
        .caused_by(error)
    })?;
    if base.scheme() == "https" && cfg!(not(feature = "tls")) {
        return Err(wrong(format!(
            "`registry.url` is `{shown}`, but this program is built without TLS; build it with kaufmann's feature `tls`"
        )));
    }
    Ok(base)
}

/// Removes user and password from a URL, so that no error shows them.
fn take_credentials(base: &mut Url) -> Option<(String, Secret)> {
    let found = (!base.username().is_empty())
        .then(|| (base.username().to_owned(), base.password().unwrap_or("").into()));
    // Fails only for URLs without a host.
    _ = base.set_username("");
    _ = base.set_password(None);
    found
}

fn client(bases: &[Base], config: &RegistryConfig) -> ClientBuilder {
    let builder = Client::builder()
        .timeout(config.timeout)
        .connect_timeout(config.timeout.min(Duration::from_secs(5)))
        .user_agent(concat!("kaufmann/", env!("CARGO_PKG_VERSION")));
    // Calls within this machine must not go to a proxy from the environment.
    let is_local = |base: &Base| matches!(base.asked.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if bases.iter().all(is_local) {
        builder.no_proxy()
    } else {
        builder
    }
}
