//! A registry with a bad day: forwards to the real one, or answers as told.

use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use tokio::runtime::Runtime;

use super::registry::{confluent_api, http};
use super::{TcpProxy, block_on};

/// What the proxy does with a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Hands it on to the real server.
    Forward,
    /// Answers with this status.
    Status(u16),
    /// Answers with this status and a page, as a proxy does that has lost its server.
    Page(u16),
}

/// An HTTP proxy on loopback in front of a server. It ends on drop.
pub struct FaultProxy {
    runtime: Option<Runtime>,
    shared: Arc<Shared>,
    port: u16,
}

struct Shared {
    upstream: String,
    client: reqwest::Client,
    /// The status to answer with; 0 forwards.
    status: AtomicU16,
    /// Whether it answers with a page.
    is_page: AtomicBool,
    /// What it answers to requests whose path ends so, whatever it does otherwise.
    scripted: Mutex<Vec<(String, u16, String)>>,
    refused: AtomicUsize,
    forwarded: AtomicUsize,
}

impl FaultProxy {
    /// Starts a proxy in front of `upstream`, such as `http://127.0.0.1:8081`.
    ///
    /// # Errors
    ///
    /// If there is no port for it.
    pub fn start(upstream: &str, fault: Fault) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            client: http()?,
            status: AtomicU16::new(0),
            is_page: AtomicBool::new(false),
            scripted: Mutex::default(),
            refused: AtomicUsize::new(0),
            forwarded: AtomicUsize::new(0),
        });
        let listener = runtime.block_on(tokio::net::TcpListener::bind(("127.0.0.1", 0)))?;
        let port = listener.local_addr()?.port();
        let app = axum::Router::new().fallback(answer).with_state(shared.clone());
        runtime.spawn(async move { axum::serve(listener, app).await });
        let proxy = Self {
            runtime: Some(runtime),
            shared,
            port,
        };
        proxy.set(fault);
        Ok(proxy)
    }

    /// The URL of the Confluent API behind the proxy.
    #[must_use]
    pub fn url(&self) -> String {
        confluent_api(&format!("http://127.0.0.1:{}", self.port))
    }

    /// The same by way of a network that may be disturbed, which must lead to [`FaultProxy::port`].
    #[must_use]
    pub fn url_behind(&self, network: &TcpProxy) -> String {
        confluent_api(&format!("http://127.0.0.1:{}", network.port()))
    }

    /// The port on loopback where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What becomes of requests from now on.
    pub fn set(&self, fault: Fault) {
        let status = match fault {
            Fault::Forward => 0,
            Fault::Status(status) | Fault::Page(status) => status,
        };
        self.shared
            .is_page
            .store(matches!(fault, Fault::Page(_)), Ordering::SeqCst);
        self.shared.status.store(status, Ordering::SeqCst);
    }

    /// Answers requests whose path ends so with this status and JSON from now on.
    pub fn script(&self, path: &str, status: u16, body: &str) {
        let mut scripted = self
            .shared
            .scripted
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        scripted.push((path.to_owned(), status, body.to_owned()));
    }

    /// One request by its full URL: the status and the body.
    ///
    /// # Errors
    ///
    /// If there is no answer.
    pub fn get(&self, url: &str) -> Result<(u16, String)> {
        block_on(async {
            let answer = http()?.get(url).send().await?;
            Ok((answer.status().as_u16(), answer.text().await?))
        })
    }

    /// How many requests were answered by a fault.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.shared.refused.load(Ordering::SeqCst)
    }

    /// How many requests were handed on.
    #[must_use]
    pub fn forwarded(&self) -> usize {
        self.shared.forwarded.load(Ordering::SeqCst)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let scripted = shared
        .scripted
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    if let Some((_, status, body)) = scripted.into_iter().find(|(path, ..)| uri.path().ends_with(path)) {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        return (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
    }
    let status = shared.status.load(Ordering::SeqCst);
    if let Some(status) = StatusCode::from_u16(status).ok().filter(|_| status != 0) {
        shared.refused.fetch_add(1, Ordering::SeqCst);
        if shared.is_page.load(Ordering::SeqCst) {
            return (status, Html("<html><title>Not here</title></html>")).into_response();
        }
        return (
            status,
            r#"{"error_code":50001,"message":"the registry has a bad day"}"#,
        )
            .into_response();
    }
    shared.forwarded.fetch_add(1, Ordering::SeqCst);
    match forward(&shared, method, &uri, &headers, body).await {
        Ok(response) => response,
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

async fn forward(
    shared: &Shared,
    method: Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let mut request = shared
        .client
        .request(method, format!("{}{uri}", shared.upstream))
        .body(body);
    for name in [header::ACCEPT, header::CONTENT_TYPE, header::AUTHORIZATION] {
        if let Some(value) = headers.get(&name) {
            request = request.header(name, value);
        }
    }
    let response = request.send().await?;
    let status = response.status();
    let content_type = response.headers().get(header::CONTENT_TYPE).cloned();
    let mut answer = (status, response.bytes().await?).into_response();
    if let Some(value) = content_type {
        answer.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    Ok(answer)
}
