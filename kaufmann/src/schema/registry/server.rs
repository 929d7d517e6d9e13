//! Serves an embedded registry on loopback with Confluent's REST interface, so that other processes, and `dev` itself, use it like
//! a real one.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::{EmbeddedRegistry, SubjectVersion};
use crate::base::error::{Error, ErrorKind};
use crate::base::serde_error;

/// A registry that answers on loopback until it is dropped.
#[derive(Debug)]
pub(crate) struct RegistryServer {
    address: SocketAddr,
    stop: CancellationToken,
    _task: AbortOnDropHandle<()>,
}

impl RegistryServer {
    /// Serves `registry` on a free port of 127.0.0.1.
    pub(crate) async fn start(registry: EmbeddedRegistry) -> Result<Self, Error> {
        let failed = |error| {
            Error::new(
                ErrorKind::Start,
                "cannot serve the embedded registry on 127.0.0.1",
            )
            .caused_by(error)
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let server = axum::serve(listener, router(registry)).with_graceful_shutdown(stopped);
        let task = tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "the embedded registry ended");
            }
        });
        Ok(Self {
            address,
            stop,
            _task: AbortOnDropHandle::new(task),
        })
    }

    /// Its base URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for RegistryServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(super) fn router(registry: EmbeddedRegistry) -> Router {
    Router::new()
        .route("/", get(async || json_response(StatusCode::OK, &json!({}))))
        .route(
            "/schemas/types",
            get(async || json_response(StatusCode::OK, &json!(["AVRO"]))),
        )
        .route("/schemas/ids/{id}", get(by_id))
        .route("/schemas/guids/{guid}", get(by_guid))
        .route("/subjects", get(subjects))
        .route("/subjects/{subject}", post(look_up))
        .route("/subjects/{subject}/versions", get(versions).post(register))
        .route("/subjects/{subject}/versions/{version}", get(version))
        .route("/config", get(level))
        .route("/config/{subject}", get(level))
        .route("/compatibility/subjects/{subject}/versions", post(compatibility))
        .with_state(registry)
}

type Registry = State<EmbeddedRegistry>;

async fn by_id(State(registry): Registry, Path(id): Path<String>) -> Result<Response, ErrorResponse> {
    let text = id.parse().ok().and_then(|id| registry.text(id));
    text.map(|schema| ok(&json!({ "schema": schema })))
        .ok_or_else(|| schema_not_found(&id))
}

async fn by_guid(State(registry): Registry, Path(guid): Path<String>) -> Result<Response, ErrorResponse> {
    let text = guid
        .parse::<uuid::Uuid>()
        .ok()
        .and_then(|guid| registry.text_by_guid(guid.into_bytes()));
    text.map(|schema| ok(&json!({ "schema": schema })))
        .ok_or_else(|| schema_not_found(&guid))
}

async fn subjects(State(registry): Registry) -> Response {
    ok(&json!(registry.subjects()))
}

async fn versions(State(registry): Registry, Path(subject): Path<String>) -> Result<Response, ErrorResponse> {
    let versions: Vec<_> = registry
        .versions(&subject)
        .iter()
        .map(|version| version.version)
        .collect();
    if versions.is_empty() {
        Err(subject_not_found(&subject))
    } else {
        Ok(ok(&json!(versions)))
    }
}

async fn version(
    State(registry): Registry,
    Path((subject, wanted)): Path<(String, String)>,
) -> Result<Response, ErrorResponse> {
    let versions = registry.versions(&subject);
    let latest = versions.last().ok_or_else(|| subject_not_found(&subject))?;
    let found = match wanted.as_str() {
        "latest" | "-1" => Some(latest),
        wanted => wanted
            .parse()
            .ok()
            .and_then(|wanted: u32| versions.iter().find(|known| known.version == wanted)),
    };
    found.map(|found| ok(&describe(found))).ok_or_else(|| {
        ErrorResponse(
            StatusCode::NOT_FOUND,
            40402,
            format!("Version {wanted} not found."),
        )
    })
}

async fn look_up(
    State(registry): Registry,
    Path(subject): Path<String>,
    body: Bytes,
) -> Result<Response, ErrorResponse> {
    let schema = read(&registry, &body)?;
    let id = registry
        .find(&subject, &schema)
        .map_err(|error| invalid(&error.to_string()))?;
    let versions = registry.versions(&subject);
    if versions.is_empty() {
        return Err(subject_not_found(&subject));
    }
    let found = versions.iter().find(|version| Some(version.id) == id);
    found
        .map(|found| ok(&describe(found)))
        .ok_or_else(|| schema_not_found(&subject))
}

async fn register(
    State(registry): Registry,
    Path(subject): Path<String>,
    body: Bytes,
) -> Result<Response, ErrorResponse> {
    let schema = read(&registry, &body)?;
    let id = registry
        .add(&subject, &schema)
        .map_err(|error| invalid(&error.to_string()))?;
    Ok(ok(&json!({ "id": id })))
}

async fn level() -> Response {
    ok(&json!({ "compatibilityLevel": "NONE" }))
}

/// Any valid schema is compatible.
async fn compatibility(State(registry): Registry, body: Bytes) -> Result<Response, ErrorResponse> {
    let schema = read(&registry, &body)?;
    match kaufmann_avro::Schema::parse(&schema) {
        Ok(_) => Ok(ok(&json!({ "is_compatible": true, "messages": [] }))),
        Err(errors) => Err(invalid(
            &errors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; "),
        )),
    }
}

/// The schema in a request's body, complete in itself.
fn read(registry: &EmbeddedRegistry, body: &[u8]) -> Result<String, ErrorResponse> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Request {
        schema: String,
        #[serde(default)]
        schema_type: Option<String>,
        #[serde(default)]
        references: Vec<Value>,
    }
    let request: Request =
        serde_json::from_slice(body).map_err(|error| invalid(&serde_error::describe(&error, "an object")))?;
    match request.schema_type.as_deref() {
        None | Some("AVRO") => {}
        Some(other) => return Err(invalid(&format!("{other} schemas are not supported"))),
    }
    if request.references.is_empty() {
        Ok(request.schema)
    } else {
        inline(registry, &request.schema, &request.references)
    }
}

/// The schema with its references inlined. Registered schemas are complete already, so one step is enough.
fn inline(registry: &EmbeddedRegistry, schema: &str, references: &[Value]) -> Result<String, ErrorResponse> {
    let mut texts = Vec::new();
    for reference in references {
        let subject = reference["subject"].as_str().unwrap_or_default();
        let wanted = reference["version"].as_u64().unwrap_or_default();
        let found = registry
            .versions(subject)
            .into_iter()
            .find(|known| u64::from(known.version) == wanted);
        let found = found.ok_or_else(|| invalid(&format!("no version {wanted} of the subject {subject}")))?;
        texts.push((subject.to_owned(), found.schema));
    }
    let sources: Vec<_> = texts
        .iter()
        .map(|(path, text)| kaufmann_avro::Source { path, text })
        .collect();
    match kaufmann_avro::Schema::parse_with(schema, &sources) {
        Ok(schema) => Ok(schema.model.to_json(&schema.root)),
        Err(errors) => Err(invalid(
            &errors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; "),
        )),
    }
}

fn describe(version: &SubjectVersion) -> Value {
    json!({
        "subject": version.subject,
        "version": version.version,
        "id": version.id,
        "schema": version.schema,
    })
}

/// Status, Confluent's code, and message.
struct ErrorResponse(StatusCode, u32, String);

impl IntoResponse for ErrorResponse {
    fn into_response(self) -> Response {
        json_response(self.0, &json!({ "error_code": self.1, "message": self.2 }))
    }
}

fn schema_not_found(what: &str) -> ErrorResponse {
    ErrorResponse(StatusCode::NOT_FOUND, 40403, format!("Schema {what} not found."))
}

fn subject_not_found(subject: &str) -> ErrorResponse {
    ErrorResponse(
        StatusCode::NOT_FOUND,
        40401,
        format!("Subject '{subject}' not found."),
    )
}

fn invalid(why: &str) -> ErrorResponse {
    ErrorResponse(StatusCode::UNPROCESSABLE_ENTITY, 42201, why.to_owned())
}

fn ok(body: &Value) -> Response {
    json_response(StatusCode::OK, body)
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/vnd.schemaregistry.v1+json")];
    (status, kind, body.to_string()).into_response()
}
