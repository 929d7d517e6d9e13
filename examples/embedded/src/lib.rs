//! Counts page views and serves the counts by HTTP: a service and an axum server in one process.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Router, routing};
use kaufmann::{BoxError, Builder, Handle};
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

kaufmann::include_events!();

mod store;
mod views;

pub use store::{Database, Store};

/// The table `[app]`: the program's own settings, from the file and from `KAUFMANN_APP_…`.
#[derive(Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Where the server listens.
    pub listen: SocketAddr,
    /// The database of the counts.
    pub database: Database,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 8080).into(),
            database: Database::default(),
        }
    }
}

/// What the handlers share.
pub struct App {
    /// The counts.
    pub store: Store,
}

kaufmann::service! {
    /// Counts the views of each page.
    pub struct Views {
        state: App,
        handlers: [views::viewed],
    }
}

/// How long running requests may take after the service has ended.
const LAST_REQUESTS: Duration = Duration::from_secs(5);

/// Runs the service and the server until `stop`. The service drains first, while the server still answers; then the server
/// finishes its requests. If one of them fails, the other one ends too.
pub async fn serve(
    service: Builder<Views>,
    store: Store,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), BoxError> {
    let handle = Handle::new();
    let (drained, over) = oneshot::channel::<()>();
    let server = axum::serve(listener, router(store)).with_graceful_shutdown(async {
        _ = over.await;
    });
    let mut server = tokio::spawn({
        let handle = handle.clone();
        async move {
            let served = server.await;
            handle.drain();
            served
        }
    });

    // This includes the shutdown deadline, the last commits and leaving the group.
    let finished = service.handle(&handle).run(stop).await;
    drop(drained);
    let Ok(served) = tokio::time::timeout(LAST_REQUESTS, &mut server).await else {
        server.abort();
        return Err("requests were cut off".into());
    };
    served??;
    let finished = finished?;
    if finished.drained {
        return Ok(());
    }
    Err(format!("the deadline passed with work unfinished: {:?}", finished.blocked).into())
}

fn router(store: Store) -> Router {
    Router::new()
        .route("/views/{page}", routing::get(count))
        .with_state(store)
}

async fn count(State(store): State<Store>, Path(page): Path<String>) -> Result<String, StatusCode> {
    match store.views(page).await {
        Ok(views) => Ok(views.to_string()),
        Err(error) => {
            tracing::error!(%error, "the views cannot be counted");
            Err(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}
