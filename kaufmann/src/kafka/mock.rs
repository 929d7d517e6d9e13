//! librdkafka's mock cluster with short timeouts, for `dev` and the tests.

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, DefaultProducerContext, Producer};

use crate::kafka::ffi;
use crate::source::SourceError;

/// Brokers inside the process that speak Kafka's protocol on loopback. They stop when it is dropped.
///
/// They keep 5 MiB or 100,000 batches of a partition and drop the oldest; they have no admin API and no transactions.
pub(crate) struct MockBroker {
    /// The mock cluster lives in a client, which is used for nothing else.
    client: BaseProducer,
}

impl MockBroker {
    /// Starts `brokers` brokers. A new group's first rebalance does not wait for more members.
    pub(crate) fn start(brokers: u16) -> Result<Self, SourceError> {
        let client: BaseProducer = ClientConfig::new()
            .set("test.mock.num.brokers", brokers.to_string())
            .set_log_level(RDKafkaLogLevel::Alert)
            .create()
            .map_err(|error| SourceError::new(format!("the mock brokers do not start: {error}")))?;
        ffi::mock_group_initial_delay(client.client(), 0);
        Ok(Self { client })
    }

    /// The brokers' addresses, `host:port`, separated by commas.
    pub(crate) fn bootstrap_servers(&self) -> String {
        self.cluster().bootstrap_servers()
    }

    /// Creates a topic.
    pub(crate) fn create_topic(&self, topic: &str, partitions: u16) -> Result<(), SourceError> {
        self.cluster()
            .create_topic(topic, partitions.into(), 1)
            .map_err(|error| {
                SourceError::new(format!("the mock broker cannot create topic `{topic}`: {error}"))
            })
    }

    /// The properties of a quick client: short sessions, short fetches.
    pub(crate) fn quick() -> [(&'static str, &'static str); 4] {
        [
            ("session.timeout.ms", "2000"),
            ("heartbeat.interval.ms", "200"),
            ("fetch.wait.max.ms", "5"),
            ("topic.metadata.refresh.interval.ms", "500"),
        ]
    }

    /// Refuses the next heartbeats of members that use `group.protocol=consumer`.
    #[cfg(test)]
    pub(crate) fn refuse_heartbeats(&self, errors: &[rdkafka::types::RDKafkaRespErr]) {
        const CONSUMER_GROUP_HEARTBEAT: i16 = 68;
        ffi::mock_request_errors(self.client.client(), CONSUMER_GROUP_HEARTBEAT, errors);
    }

    /// The cluster itself, for injecting faults.
    pub(crate) fn cluster(&self) -> MockCluster<'_, DefaultProducerContext> {
        self.client
            .client()
            .mock_cluster()
            .expect("the client was created with `test.mock.num.brokers`")
    }
}
