//! The program: its own main sets up settings and logs, and starts the service.

use embedded::{App, Settings, Store, Views, serve};
use kaufmann::config::Loader;
use kaufmann::publish::KafkaPublisher;
use kaufmann::registry::RestRegistry;
use kaufmann::source::KafkaSource;
use kaufmann::{BoxError, Runtime};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    // The program's own subscriber: kaufmann keeps it.
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    // kaufmann.toml, then KAUFMANN_*; the group and the topics follow from the service.
    let effective = Loader::new().service::<Views>().process_environment().load()?;
    let config = effective.config;
    let settings: Settings = config.app()?;
    let store = Store::open(&settings.database)?;
    let service = Runtime::<Views>::builder(App { store: store.clone() })
        .config(&config)
        .source(KafkaSource::new(&config)?)
        .publisher(KafkaPublisher::new(&config)?)
        .registry(RestRegistry::new(&config.registry)?);
    let listener = tokio::net::TcpListener::bind(settings.listen).await?;
    serve(service, store, listener, stop()?).await
}

/// Completes when a supervisor or a user ends the program.
fn stop() -> std::io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        #[cfg(not(unix))]
        {
            _ = tokio::signal::ctrl_c().await;
        }
    })
}
