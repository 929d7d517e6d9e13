//! The route of an event: its topic, its subject, and the schema id in its frame.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use foldhash::fast::RandomState;

use crate::config::{Config, Partitioning, PublishConfig, SubjectStrategy};
use crate::handler::event::EventInfo;
use crate::publish::{PublishError, PublishErrorKind};
use crate::schema::registry::RegistryErrorKind;
use crate::schema::writers::Schemas;

/// The routes of the events that this service publishes.
#[derive(Debug)]
pub(crate) struct Routes {
    schemas: Arc<Schemas>,
    config: PublishConfig,
    subject: SubjectStrategy,
    register: bool,
    known: RwLock<HashMap<&'static str, Arc<Route>, RandomState>>,
}

/// The route of one event.
#[derive(Debug)]
pub(crate) struct Route {
    info: &'static EventInfo,
    /// Its topic.
    pub(crate) topic: Arc<str>,
    /// How its partition is chosen.
    pub(crate) partitioning: Partitioning,
    subject: String,
    /// Its schema's id, once requested.
    id: OnceLock<u32>,
}

impl Routes {
    pub(crate) fn new(config: &Config, schemas: Arc<Schemas>) -> Self {
        Self {
            schemas,
            config: config.publish.clone(),
            subject: config.registry.subject,
            register: config.registry.register,
            known: RwLock::default(),
        }
    }

    /// The route of an event.
    ///
    /// # Errors
    ///
    /// If no topic is set for it.
    pub(crate) fn of(&self, info: &'static EventInfo) -> Result<Arc<Route>, PublishError> {
        if let Some(route) = self.known(info) {
            return Ok(route);
        }
        let topic = self.topic_of(info)?;
        let subject = subject(self.subject, topic, info.full_name);
        let route = Arc::new(Route {
            info,
            topic: topic.into(),
            partitioning: self
                .config
                .partitionings
                .get(info.name)
                .copied()
                .unwrap_or(self.config.partitioning),
            subject,
            id: OnceLock::new(),
        });
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(known.entry(info.name).or_insert(route)))
    }

    /// The route of an event and the schema id in its frame, if both are known already, as for most events.
    pub(crate) fn found(&self, info: &'static EventInfo) -> Option<(Arc<Route>, u32)> {
        let route = self.known(info)?;
        let id = *route.id.get()?;
        Some((route, id))
    }

    /// The route of an event, and the schema id in its frame.
    ///
    /// # Errors
    ///
    /// If no topic is set for it, or the registry does not have its schema or does not answer.
    pub(crate) async fn find(&self, info: &'static EventInfo) -> Result<(Arc<Route>, u32), PublishError> {
        if let Some(found) = self.found(info) {
            return Ok(found);
        }
        let route = self.of(info)?;
        let id = self.id(&route).await?;
        Ok((route, id))
    }

    /// The schema id in the frame of an event.
    ///
    /// # Errors
    ///
    /// If the registry does not have the schema, or does not answer.
    pub(crate) async fn id(&self, route: &Route) -> Result<u32, PublishError> {
        let found = self
            .schemas
            .id_of(route.info, &route.subject, self.register)
            .await;
        let (name, subject) = (route.info.name, &route.subject);
        match found {
            Ok(Some(id)) => Ok(*route.id.get_or_init(|| id)),
            Ok(None) => Err(PublishError::new(
                PublishErrorKind::Schema,
                format!(
                    "the registry has no schema of `{name}` under the subject `{subject}` that equals the one in {}; {}, or set \
                     `registry.register = true`",
                    route.info.defined_at,
                    route.info.owner().map_or_else(
                        || "register it".to_owned(),
                        |owner| format!("its owner, `{owner}`, registers it with `schema register`")
                    )
                ),
            )),
            Err(error) => {
                // Another request would be refused, too.
                let kind = match error.kind() {
                    RegistryErrorKind::Refused => PublishErrorKind::Schema,
                    _ => PublishErrorKind::Registry,
                };
                let text = format!(
                    "the schema id of `{name}` under the subject `{subject}` is unavailable: {error}"
                );
                Err(PublishError::new(kind, text))
            }
        }
    }

    fn known(&self, info: &'static EventInfo) -> Option<Arc<Route>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(info.name).map(Arc::clone)
    }

    fn topic_of(&self, info: &'static EventInfo) -> Result<&str, PublishError> {
        self.config.topic_of(info.name, info.topic).ok_or_else(|| {
            PublishError::new(
                PublishErrorKind::NoTopic,
                format!(
                    "no topic is set for `{0}`; give its schema ({1}) the attribute `\"topic\"`, or set \
                     `publish.topics.\"{0}\"` or `publish.topic`",
                    info.name, info.defined_at
                ),
            )
        })
    }
}

/// The subject of an event's schema.
pub(crate) fn subject(strategy: SubjectStrategy, topic: &str, full_name: &str) -> String {
    match strategy {
        SubjectStrategy::Record => full_name.to_owned(),
        SubjectStrategy::Topic => format!("{topic}-value"),
        SubjectStrategy::TopicRecord => format!("{topic}-{full_name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_called_as_confluents_strategies_call_those_of_values() {
        let called = |strategy| subject(strategy, "orders", "shop.Placed");
        assert_eq!(called(SubjectStrategy::Record), "shop.Placed");
        assert_eq!(called(SubjectStrategy::Topic), "orders-value");
        assert_eq!(called(SubjectStrategy::TopicRecord), "orders-shop.Placed");
    }
}
