//! The REST client for a Confluent-compatible schema registry.
//!
//! It asks once per call and keeps nothing: repetition and caches stand above it. The routes are Confluent's; servers
//! that imitate them (Apicurio, Karapace, Redpanda) answer the same calls.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, StatusCode, Url};
use serde::Deserialize;
use serde_json::json;

use super::{Answer, RegistryError, RegistryErrorKind, SchemaRegistry};
use crate::config::{RegistryConfig, Secret};
use crate::error::{Error, ErrorKind};
use crate::failure::Chain;

mod references;

use references::Reference;

const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/vnd.schemaregistry.v1+json");

/// The longest answer that is read. A schema with all it refers to is far smaller.
const MAX_ANSWER: usize = 16 << 20;

/// The client of a schema registry with Confluent's REST interface.
#[derive(Clone, Debug)]
pub struct RestRegistry {
    client: Client,
    base: Url,
    credentials: Credentials,
}

#[derive(Clone, Debug)]
enum Credentials {
    None,
    Basic { user: String, password: Secret },
    Bearer(Secret),
}

impl RestRegistry {
    /// A client for the registry that the configuration names. Connects when it is first asked.
    ///
    /// # Errors
    ///
    /// If the configuration names no registry, its URL cannot be read, or it is an `https` URL and the feature `tls` is off.
    pub fn new(config: &RegistryConfig) -> Result<Self, Error> {
        let wrong = |text: String| Error::new(ErrorKind::Configuration, text);
        let text = config.url.as_deref().ok_or_else(|| {
            wrong(
                "no schema registry is configured; set `registry.url`, for example to http://localhost:8081"
                    .to_owned(),
            )
        })?;
        let mut base = Url::parse(text).map_err(|error| {
            let shown = crate::config::without_credentials(text);
            wrong(format!(
                "`registry.url` is `{shown}`, expected a URL such as http://localhost:8081"
            ))
            .caused_by(error)
        })?;
        if base.scheme() == "https" && cfg!(not(feature = "tls")) {
            return Err(wrong(format!(
                "`registry.url` is `{}`, but this program is built without TLS; build it with kaufmann's feature `tls`",
                crate::config::without_credentials(text)
            )));
        }
        let credentials = Credentials::new(config, &mut base);
        let client = client(&base, config.timeout).map_err(|error| {
            Error::new(ErrorKind::Start, "cannot set up the registry's client").caused_by(error)
        })?;
        Ok(Self {
            client,
            base,
            credentials,
        })
    }

    /// The registry's URL, without credentials.
    #[must_use]
    pub fn url(&self) -> &str {
        self.base.as_str()
    }

    fn at(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        // Only URLs without a host, such as `mailto:`, have no path; the configuration refuses those.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    async fn ask(
        &self,
        method: Method,
        path: &[&str],
        body: Option<serde_json::Value>,
    ) -> Result<Vec<u8>, Refusal> {
        let url = self.at(path);
        let call = format!("{method} {url}");
        let mut request = self.client.request(method, url).header(ACCEPT, MEDIA_TYPE);
        request = match &self.credentials {
            Credentials::None => request,
            Credentials::Basic { user, password } => request.basic_auth(user, Some(password.expose())),
            Credentials::Bearer(token) => request.bearer_auth(token.expose()),
        };
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, MEDIA_TYPE).body(body.to_string());
        }
        let mut answer = request
            .send()
            .await
            .map_err(|error| Refusal::unreachable(&call, error))?;
        let status = answer.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|error| Refusal::unreachable(&call, error))?
        {
            if bytes.len() + chunk.len() > MAX_ANSWER {
                return Err(Refusal::nonsense(&call, "an answer of more than 16 MiB"));
            }
            bytes.extend_from_slice(&chunk);
        }
        if status.is_success() {
            Ok(bytes)
        } else {
            Err(Refusal::new(&call, status, &bytes))
        }
    }

    async fn get<T: for<'de> Deserialize<'de>>(&self, path: &[&str]) -> Result<T, Refusal> {
        let bytes = self.ask(Method::GET, path, None).await?;
        parse(&format!("GET {}", self.at(path)), &bytes)
    }

    async fn post(&self, path: &[&str], schema: &str) -> Result<u32, Refusal> {
        let bytes = self
            .ask(Method::POST, path, Some(json!({ "schema": schema })))
            .await?;
        parse::<Id>(&format!("POST {}", self.at(path)), &bytes).map(|answer| answer.id)
    }

    /// The schema's text; with what it refers to put in its place.
    async fn complete(&self, path: &[&str]) -> Result<String, RegistryError> {
        let found: Schema = self.get(path).await?;
        if let Some(other) = found.schema_type.filter(|kind| kind != "AVRO") {
            let text = format!("GET {}: the schema is {other}, expected AVRO", self.at(path));
            return Err(RegistryError::new(RegistryErrorKind::Refused, text));
        }
        if found.references.is_empty() {
            return Ok(found.schema);
        }
        references::inline(self, &self.at(path), &found.schema, found.references).await
    }
}

impl SchemaRegistry for RestRegistry {
    fn schema(&self, id: u32) -> Answer<'_, String> {
        Box::pin(async move { self.complete(&["schemas", "ids", &id.to_string()]).await })
    }

    fn schema_by_guid(&self, guid: [u8; 16]) -> Answer<'_, String> {
        Box::pin(async move {
            let guid = uuid::Uuid::from_bytes(guid).to_string();
            self.complete(&["schemas", "guids", &guid]).await
        })
    }

    fn lookup<'a>(&'a self, subject: &'a str, schema: &'a str) -> Answer<'a, Option<u32>> {
        Box::pin(async move {
            match self.post(&["subjects", subject], schema).await {
                Ok(id) => Ok(Some(id)),
                Err(refusal) if refusal.is_absence() => Ok(None),
                Err(refusal) => Err(refusal.into()),
            }
        })
    }

    fn register<'a>(&'a self, subject: &'a str, schema: &'a str) -> Answer<'a, u32> {
        Box::pin(async move { Ok(self.post(&["subjects", subject, "versions"], schema).await?) })
    }
}

impl Credentials {
    /// Those of the configuration; else those in the URL, which loses them so that no message shows them.
    fn new(config: &RegistryConfig, base: &mut Url) -> Self {
        let in_url = (!base.username().is_empty())
            .then(|| (base.username().to_owned(), base.password().unwrap_or("").into()));
        // Fails only for URLs without a host.
        let _ = base.set_username("");
        let _ = base.set_password(None);
        let configured = config.user.clone().zip(config.password.clone());
        match (&config.token, configured.or(in_url)) {
            (Some(token), _) => Self::Bearer(token.clone()),
            (None, Some((user, password))) => Self::Basic { user, password },
            (None, None) => Self::None,
        }
    }
}

fn client(base: &Url, timeout: Duration) -> Result<Client, reqwest::Error> {
    let builder = Client::builder()
        .timeout(timeout)
        .connect_timeout(timeout.min(Duration::from_secs(5)));
    let builder = builder.user_agent(concat!("kaufmann/", env!("CARGO_PKG_VERSION")));
    // A proxy from the environment must not see what stays on this machine.
    let local = matches!(base.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if local { builder.no_proxy() } else { builder }.build()
}

#[derive(Deserialize)]
struct Schema {
    schema: String,
    #[serde(rename = "schemaType")]
    schema_type: Option<String>,
    #[serde(default)]
    references: Vec<Reference>,
}

#[derive(Deserialize)]
struct Id {
    id: u32,
}

fn parse<T: for<'de> Deserialize<'de>>(call: &str, bytes: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(bytes)
        .map_err(|error| Refusal::nonsense(call, &format!("an answer that cannot be read: {error}")))
}

/// An answer that is none.
#[derive(Debug)]
struct Refusal {
    status: Option<StatusCode>,
    /// Confluent's error code: the status and two more digits.
    code: Option<u32>,
    text: String,
}

impl Refusal {
    fn new(call: &str, status: StatusCode, body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Told {
            error_code: Option<u32>,
            message: Option<String>,
        }
        let told: Option<Told> = serde_json::from_slice(body).ok();
        let code = told.as_ref().and_then(|told| told.error_code);
        let message = told
            .and_then(|told| told.message)
            .unwrap_or_else(|| first_line(body));
        let mut text = format!("{call}: {status}");
        if !message.is_empty() {
            text.push_str(&format!(": {message}"));
        }
        if let Some(code) = code.filter(|code| *code != u32::from(status.as_u16())) {
            text.push_str(&format!(" (code {code})"));
        }
        Self {
            status: Some(status),
            code,
            text,
        }
    }

    fn unreachable(call: &str, error: reqwest::Error) -> Self {
        // The URL stands in front already.
        let error = error.without_url();
        let text = if error.is_timeout() {
            format!("{call}: no answer in time; `registry.timeout` says how long that is")
        } else {
            format!("{call}: {}", Chain(&error))
        };
        Self {
            status: None,
            code: None,
            text,
        }
    }

    fn nonsense(call: &str, what: &str) -> Self {
        Self {
            status: None,
            code: None,
            text: format!("{call}: {what}; is this the registry's URL?"),
        }
    }

    /// Whether the registry says that it does not have what was asked for. A bare 404 may come from a proxy or a wrong
    /// path, but Apicurio gives no codes in some cases, so it counts.
    fn is_absence(&self) -> bool {
        self.status == Some(StatusCode::NOT_FOUND)
    }
}

impl From<Refusal> for RegistryError {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal.status.map(|status| status.as_u16()) {
            _ if refusal.code == Some(40403) => RegistryErrorKind::Unknown,
            Some(404) => RegistryErrorKind::Unknown,
            Some(409 | 422) => RegistryErrorKind::Refused,
            _ => RegistryErrorKind::Unavailable,
        };
        Self::new(kind, refusal.text)
    }
}

/// The beginning of a body that is not the registry's JSON, a proxy's page for instance.
fn first_line(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    text.lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default()
        .chars()
        .take(200)
        .collect()
}

#[cfg(test)]
#[cfg(feature = "dev")]
mod tests;
