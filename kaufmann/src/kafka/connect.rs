//! A producer on Kafka, from configuration alone.

use crate::config::Config;
use crate::kafka::KafkaPublisher;
use crate::publish::{Producer, PublishError, PublishErrorKind};
use crate::schema::registry::RestRegistry;

impl Producer {
    /// A producer on Kafka, with the brokers, the registry and the topics of `config`. An event that the brokers have not acknowledged
    /// after 30 seconds has failed; `message.timeout.ms` in `[kafka]` changes that. Nothing is connected before the first event.
    ///
    /// # Errors
    ///
    /// If the brokers or the registry's URL are missing or invalid, or librdkafka refuses a property.
    pub fn connect(config: &Config) -> Result<Self, PublishError> {
        let mut config = config.without_transactions();
        let timeouts = [
            "message.timeout.ms",
            "producer.message.timeout.ms",
            "delivery.timeout.ms",
        ];
        if !timeouts.iter().any(|name| config.kafka.contains_key(*name)) {
            let millis = Self::DEADLINE.as_millis().to_string();
            config
                .kafka
                .insert("producer.message.timeout.ms".to_owned(), millis);
        }
        let registry = RestRegistry::new(&config.registry)
            .map_err(|error| PublishError::new(PublishErrorKind::Registry, error.to_string()))?;
        let publisher = KafkaPublisher::new(&config)?;
        Ok(Self::new(&config, publisher, registry))
    }
}
