//! `publish EVENT JSON`: one event, checked against its schema, to a topic.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::catalog;
use super::payload::Payload;
use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::event::EventInfo;
use crate::handler::Service;
use crate::publish::envelope::Envelope;
use crate::publish::routes::Routes;
use crate::publish::{KafkaPublisher, Message, PublishError, PublishErrorKind, Publisher};
use crate::registry::SchemaRegistry;
use crate::schemas::Schemas;
use crate::wire::framed;

/// How long the broker may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is to be published.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Request {
    pub(super) event: String,
    /// JSON, `@file` or `-`.
    pub(super) payload: String,
    pub(super) key: Option<String>,
    pub(super) topic: Option<String>,
    /// To the `dev` that runs in this folder.
    pub(super) dev: bool,
}

pub(super) async fn publish<V: Service>(mut config: Config, request: Request) -> Result<(), Error> {
    let info = catalog::find::<V>(&request.event)?;
    let payload = Payload::read(info, &request.payload)?;
    super::turn_to_dev::<V>(&mut config, request.dev)?;
    config.check_brokers()?;
    let topic = match request.topic {
        Some(topic) => topic,
        None => catalog::topic::<V>(&config, info)?,
    };
    config.publish.topics.insert(info.name.to_owned(), topic.clone());
    let key = request.key.map(String::into_bytes).or(payload.key);
    let (registry, publisher) = connect(&config)?;
    let schemas = Arc::new(Schemas::new(registry, V::HANDLERS));
    let message = message(
        &config,
        &Routes::new(&config, schemas),
        info,
        &payload.datum,
        key,
        Uuid::now_v7(),
    )
    .await?;
    match tokio::time::timeout(PATIENCE, deliver(&publisher, message)).await {
        Ok(delivered) => delivered?,
        Err(_) => {
            let text = format!(
                "`{}` was not delivered to topic `{topic}` within {PATIENCE:?}; is {} up?",
                info.name,
                config.brokers.join(", ")
            );
            return Err(Error::new(ErrorKind::Publish, text));
        }
    }
    super::say(&format_args!("published {} to {topic}", info.name)).or_else(super::unread)
}

/// An event as a message, as the service itself would publish it.
pub(crate) async fn message(
    config: &Config,
    routes: &Routes,
    info: &'static EventInfo,
    datum: &[u8],
    key: Option<Vec<u8>>,
    id: Uuid,
) -> Result<Message, Error> {
    let route = routes.of(info).map_err(|error| failed(&error))?;
    let schema = routes.id(&route).await.map_err(|error| failed(&error))?;
    let source = config
        .publish
        .source
        .clone()
        .unwrap_or_else(|| format!("/{}", config.group));
    let envelope = Envelope {
        id,
        event: info.name,
        source: &source,
        time: SystemTime::now(),
        cause: None,
    };
    Ok(Message {
        topic: Arc::clone(&route.topic),
        key,
        payload: Some(framed(schema, datum)),
        headers: envelope.headers(),
    })
}

/// Waits until the broker has a message.
pub(crate) async fn deliver(publisher: &dyn Publisher, mut message: Message) -> Result<(), Error> {
    loop {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let done = Box::new(move |result: Result<(), crate::publish::Undelivered>| {
            _ = sender.send(result.map_err(|undelivered| undelivered.error));
        });
        match publisher.send(message, done) {
            Ok(()) => {
                let closed = || {
                    Err(PublishError::new(
                        PublishErrorKind::Broker,
                        "the publisher was closed",
                    ))
                };
                return receiver
                    .await
                    .unwrap_or_else(|_| closed())
                    .map_err(|error| failed(&error));
            }
            Err(rejected) => {
                message = rejected.message;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    }
}

/// The clients of the broker and the registry. Without one in the configuration the registry is asked for by name.
fn connect(config: &Config) -> Result<(Arc<dyn SchemaRegistry>, KafkaPublisher), Error> {
    #[cfg(feature = "registry")]
    let registry = crate::registry::RestRegistry::new(&config.registry)?;
    #[cfg(not(feature = "registry"))]
    let registry = crate::registry::EmbeddedRegistry::new();
    let publisher = KafkaPublisher::new(config)
        .map_err(|error| Error::new(ErrorKind::Configuration, error.to_string()))?;
    Ok((Arc::new(registry), publisher))
}

fn failed(error: &PublishError) -> Error {
    let kind = match error.kind() {
        PublishErrorKind::NoTopic => ErrorKind::Configuration,
        PublishErrorKind::Schema | PublishErrorKind::Registry => ErrorKind::Schema,
        _ => ErrorKind::Publish,
    };
    Error::new(kind, error.to_string())
}
