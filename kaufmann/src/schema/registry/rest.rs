//! The REST client for a Confluent-compatible schema registry.
//!
//! It caches nothing: the runtime does. The routes are Confluent's; compatible servers (Apicurio, Karapace, Redpanda) answer the
//! same calls.
//!
//! A registry may have several URLs: the one that answered last is tried first, then the others in turn if it does not answer, or
//! if the answer is not a registry's. Temporary failures (no connection, a time-out, 408, 429, 5xx) are retried after growing waits
//! with jitter, as often as `registry.retries` sets. What each answer means is decided in `rest/classify.rs`.

use std::sync::Arc;
#[cfg(all(feature = "cli", feature = "kafka"))]
use std::time::SystemTime;

use kaufmann_avro::Schema as AvroSchema;

use kaufmann_avro::compatibility::{Level, UnknownLevel};
use reqwest::Method;
#[cfg(all(feature = "cli", feature = "kafka"))]
use reqwest::header::DATE;
use serde::Deserialize;
use serde_json::json;
#[cfg(all(feature = "cli", feature = "kafka"))]
use serde_json::{Map, Value};

use super::{Answer, Reference, RegistryError, RegistryErrorKind, SchemaRegistry, SubjectVersion};
use crate::base::bounded_text::bounded_to;
use crate::base::error::Error;
use crate::base::serde_error;
use crate::config::RegistryConfig;

mod classify;
mod credentials;
mod failed_call;
mod references;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "rest/without_tls.rs"]
mod tls;
mod transport;

use failed_call::FailedCall;
use transport::{Call, Transport};

/// The client of a schema registry with Confluent's REST interface. Clones share their connections.
#[derive(Clone, Debug)]
pub struct RestRegistry {
    transport: Arc<Transport>,
    normalize: bool,
}

/// Whether a schema could be the next version of a subject.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Compatibility {
    /// Whether the subject's level allows it.
    pub is_compatible: bool,
    /// The registry's reasons if not; not every registry gives some.
    pub messages: Vec<String>,
}

impl RestRegistry {
    /// A client for the registry in the configuration. Connects with its first call.
    ///
    /// # Errors
    ///
    /// If the configuration has no registry, a URL or a certificate cannot be read, or it needs TLS and the feature `tls` is off.
    pub fn new(config: &RegistryConfig) -> Result<Self, Error> {
        Ok(Self {
            transport: Arc::new(Transport::new(config)?),
            normalize: config.normalize,
        })
    }

    /// The registry's URL, without credentials; of several, the one that answered last.
    #[must_use]
    pub fn url(&self) -> &str {
        self.transport.base().as_str()
    }

    /// Makes a small call, to see whether a registry answers; returns the registry's time, to the second, if the answer has one.
    /// A page, whatever its status, is not a registry's answer.
    #[cfg(all(feature = "cli", feature = "kafka"))]
    pub(crate) async fn time(&self) -> Result<Option<SystemTime>, RegistryError> {
        let call = Call {
            method: Method::GET,
            path: &["config"],
            query: &[],
            body: None,
            subject: None,
        };
        let answer = match self.transport.answer(&call).await {
            Ok(answer) if serde_json::from_slice::<Map<String, Value>>(&answer.bytes).is_err() => {
                return Err(self.not_a_registry(&call).into());
            }
            Err(failed) if failed.is_page() => return Err(self.not_a_registry(&call).into()),
            answer => answer?,
        };
        let date = answer.headers.get(DATE).and_then(|date| date.to_str().ok());
        Ok(date.and_then(|date| httpdate::parse_http_date(date).ok()))
    }

    #[cfg(all(feature = "cli", feature = "kafka"))]
    fn not_a_registry(&self, call: &Call<'_>) -> FailedCall {
        let base = self.transport.base();
        FailedCall::invalid(&call.shown(base), "the server that answers is not a registry")
            .about(base.as_str(), None)
    }

    /// The numbers of a subject's versions, the oldest first; empty if there is no such subject.
    ///
    /// # Errors
    ///
    /// If the registry does not answer, or the answer is invalid.
    pub async fn versions(&self, subject: &str) -> Result<Vec<u32>, RegistryError> {
        let path = ["subjects", subject, "versions"];
        match self.get(&path, &[], Some(subject)).await {
            Err(failed) if failed.is_absence() => Ok(Vec::new()),
            answer => Ok(answer?),
        }
    }

    /// One version of a subject; its schema is complete in itself.
    ///
    /// # Errors
    ///
    /// If there is no such version, the registry does not answer, or the answer is invalid.
    pub async fn version(&self, subject: &str, version: u32) -> Result<SubjectVersion, RegistryError> {
        let wanted = version.to_string();
        let path = ["subjects", subject, "versions", &wanted];
        let found: Version = self.get(&path, &[], Some(subject)).await?;
        Ok(SubjectVersion {
            subject: subject.to_owned(),
            version: found.version,
            id: found.id,
            references: found.schema.references.clone(),
            schema: self.completed(&path, found.schema).await?,
        })
    }

    /// The compatibility level of a subject: its own, else the registry's.
    ///
    /// # Errors
    ///
    /// If the registry does not answer, or with a level that Confluent's documentation does not have.
    pub async fn level(&self, subject: &str) -> Result<Level, RegistryError> {
        #[derive(Deserialize)]
        struct Body {
            #[serde(rename = "compatibilityLevel", alias = "compatibility")]
            level: String,
        }
        let own = ["config", subject];
        let own: Result<Body, FailedCall> = self
            .get(&own, &[("defaultToGlobal", "true")], Some(subject))
            .await;
        let body = match own {
            Err(failed) if failed.is_absence() || failed.is_missing_route() => {
                self.get::<Body>(&["config"], &[], Some(subject)).await?
            }
            answer => answer?,
        };
        body.level.parse().map_err(|error: UnknownLevel| {
            let text = format!("the level of the subject `{subject}`: {error}");
            RegistryError::new(RegistryErrorKind::Unavailable, text)
        })
    }

    /// Asks the registry whether a schema could be the next version of a subject. Registers nothing.
    ///
    /// # Errors
    ///
    /// If the registry does not answer, or the text is not a schema to it.
    pub async fn compatibility(&self, subject: &str, schema: &str) -> Result<Compatibility, RegistryError> {
        #[derive(Deserialize)]
        struct Body {
            is_compatible: bool,
            #[serde(default)]
            messages: Vec<String>,
        }
        let body = json!({ "schema": schema });
        let all = ["compatibility", "subjects", subject, "versions"];
        let latest = ["compatibility", "subjects", subject, "versions", "latest"];
        let answer: Result<Body, FailedCall> =
            match self.post(&all, &[("verbose", "true")], &body, subject).await {
                // Not every compatible server has the route that follows the level over all versions.
                Err(failed) if failed.is_missing_route() => {
                    self.post(&latest, &[("verbose", "true")], &body, subject).await
                }
                answer => answer,
            };
        match answer {
            // Without a version there is nothing to be incompatible with.
            Err(failed) if failed.is_absence() => Ok(Compatibility {
                is_compatible: true,
                messages: Vec::new(),
            }),
            answer => answer.map_err(RegistryError::from).map(|body| Compatibility {
                is_compatible: body.is_compatible,
                messages: body.messages,
            }),
        }
    }

    /// Registers a schema that refers to types of other subjects' schemas, if it is not there yet, and returns its id.
    ///
    /// # Errors
    ///
    /// If the registry refuses it, or does not answer.
    pub async fn register_with_references(
        &self,
        subject: &str,
        schema: &str,
        references: &[Reference],
    ) -> Result<u32, RegistryError> {
        let mut body = json!({ "schema": schema });
        if !references.is_empty() {
            body["references"] = json!(references);
        }
        let path = ["subjects", subject, "versions"];
        let answer: Result<Id, FailedCall> = self.post(&path, self.normalized(), &body, subject).await;
        Ok(answer?.id)
    }

    /// The version of a subject that has this schema, however it is split into references and whatever its docs are.
    ///
    /// # Errors
    ///
    /// If the registry does not answer, or the text is not a schema.
    pub async fn find(&self, subject: &str, schema: &str) -> Result<Option<SubjectVersion>, RegistryError> {
        self.find_by(without_docs, subject, schema).await
    }

    /// The version that the registry finds for this text, else the newest one whose `form` is the same.
    async fn find_by(
        &self,
        form: fn(&str) -> Option<String>,
        subject: &str,
        schema: &str,
    ) -> Result<Option<SubjectVersion>, RegistryError> {
        let body = json!({ "schema": schema });
        let exact: Result<Version, FailedCall> = self
            .post(&["subjects", subject], self.normalized(), &body, subject)
            .await;
        match exact {
            Ok(found) => {
                return Ok(Some(SubjectVersion {
                    subject: subject.to_owned(),
                    version: found.version,
                    id: found.id,
                    schema: schema.to_owned(),
                    references: Vec::new(),
                }));
            }
            Err(failed) if failed.is_absence() => {}
            Err(failed) => return Err(failed.into()),
        }
        let Some(wanted) = form(schema) else {
            return Ok(None);
        };
        for version in self.versions(subject).await?.into_iter().rev() {
            let found = match self.version(subject, version).await {
                Ok(found) => found,
                // A version in another schema language is not the one.
                Err(error) if error.kind() == RegistryErrorKind::Refused => continue,
                Err(error) => return Err(error),
            };
            if form(&found.schema).is_some_and(|form| form == wanted) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn normalized(&self) -> &'static [(&'static str, &'static str)] {
        if self.normalize {
            &[("normalize", "true")]
        } else {
            &[]
        }
    }

    async fn get<T: for<'de> Deserialize<'de>>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        subject: Option<&str>,
    ) -> Result<T, FailedCall> {
        self.call(Call {
            method: Method::GET,
            path,
            query,
            body: None,
            subject,
        })
        .await
    }

    async fn post<T: for<'de> Deserialize<'de>>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        body: &serde_json::Value,
        subject: &str,
    ) -> Result<T, FailedCall> {
        self.call(Call {
            method: Method::POST,
            path,
            query,
            body: Some(body.clone()),
            subject: Some(subject),
        })
        .await
    }

    async fn call<T: for<'de> Deserialize<'de>>(&self, call: Call<'_>) -> Result<T, FailedCall> {
        let bytes = self.transport.ask(&call).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let what = format!(
                "an answer that cannot be read: {}",
                serde_error::describe(&error, "an object")
            );
            let base = self.transport.base();
            FailedCall::invalid(&call.shown(base), &what).about(base.as_str(), call.subject)
        })
    }

    /// The schema's text, with its references inlined.
    async fn complete(&self, path: &[&str]) -> Result<String, RegistryError> {
        let found: Schema = self.get(path, &[], None).await?;
        self.completed(path, found).await
    }

    async fn completed(&self, path: &[&str], found: Schema) -> Result<String, RegistryError> {
        let what = format!("GET {}/{}", self.url().trim_end_matches('/'), path.join("/"));
        if !classify::is_avro(found.schema_type.as_deref()) {
            let other = found.schema_type.unwrap_or_default();
            let text = format!("{what}: the schema is {}, expected AVRO", bounded_to(&other, 40));
            return Err(RegistryError::new(RegistryErrorKind::Refused, text));
        }
        if found.references.is_empty() {
            return Ok(found.schema);
        }
        references::inline(self, &what, &found.schema, found.references).await
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
            let found = self.find_by(identity, subject, schema).await?;
            Ok(found.map(|found| found.id))
        })
    }

    fn register<'a>(&'a self, subject: &'a str, schema: &'a str) -> Answer<'a, u32> {
        Box::pin(async move { self.register_with_references(subject, schema, &[]).await })
    }
}

/// A schema without its docs.
fn without_docs(schema: &str) -> Option<String> {
    let version = kaufmann_avro::lock::Version::new(1, 0, schema).ok()?;
    Some(version.text().to_owned())
}

/// All of a schema that matters to readers of its records.
fn identity(schema: &str) -> Option<String> {
    AvroSchema::parse(schema).ok().map(|schema| schema.identity())
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
struct Version {
    version: u32,
    id: u32,
    #[serde(flatten)]
    schema: Schema,
}

#[derive(Deserialize)]
struct Id {
    id: u32,
}

#[cfg(test)]
#[cfg(feature = "dev")]
mod tests;
