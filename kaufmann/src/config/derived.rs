//! Values that follow from several settings, and variants of a configuration for other purposes than `run`.

use std::time::Duration;

use super::{Config, Delivery, OnLimit, RetryTopicsConfig};

impl Config {
    /// The retry topics, in which records wait after their last attempt, each with its delay.
    #[must_use]
    pub fn retry_topics(&self) -> Vec<(String, Duration)> {
        let RetryTopicsConfig { delays, names } = &self.retry.topics;
        let default = |delay| {
            let delay = humantime::format_duration(delay).to_string().replace(' ', "");
            format!("{}.retry.{delay}", self.group)
        };
        let each = delays.iter().enumerate();
        each.map(|(place, delay)| {
            let name = names.get(place).cloned();
            (name.unwrap_or_else(|| default(*delay)), *delay)
        })
        .collect()
    }

    /// All topics that are consumed: the configured ones and the retry topics.
    #[cfg_attr(
        not(feature = "kafka"),
        allow(dead_code, reason = "only Kafka is subscribed to")
    )]
    pub(crate) fn subscription(&self) -> Vec<String> {
        let retries = self.retry_topics().into_iter().map(|(name, _)| name);
        self.topics.iter().cloned().chain(retries).collect()
    }

    /// Removes the retry topics: the last failed attempt is then final.
    #[cfg_attr(
        not(any(
            feature = "testing",
            all(feature = "cli", feature = "kafka", feature = "registry")
        )),
        allow(dead_code, reason = "only `replay` and the test kit do without them")
    )]
    pub(crate) fn without_retry_topics(mut self) -> Self {
        self.retry.topics = RetryTopicsConfig::default();
        self
    }

    /// Lets every limit of dead letters stop the service instead of holding a topic.
    #[cfg_attr(
        not(all(feature = "cli", feature = "kafka", feature = "registry")),
        allow(dead_code, reason = "only `replay` does without them")
    )]
    pub(crate) fn without_holds(mut self) -> Self {
        self.dead_letter.on_limit = OnLimit::Stop;
        let tables = self
            .dead_letter
            .topics
            .values_mut()
            .chain(self.dead_letter.handlers.values_mut());
        tables.for_each(|table| drop(table.remove("on_limit")));
        self
    }

    /// The dead-letter topic.
    #[must_use]
    pub fn dead_letter_topic(&self) -> String {
        self.dead_letter
            .topic
            .clone()
            .unwrap_or_else(|| format!("{}.dead-letter", self.group))
    }

    /// A copy for clients that run beside the service and must not use its transactional id: at least once instead of exactly once.
    #[cfg_attr(
        not(any(feature = "testing", all(feature = "cli", feature = "kafka"))),
        allow(dead_code, reason = "nothing runs beside the service")
    )]
    pub(crate) fn without_transactions(&self) -> Self {
        let mut config = self.clone();
        if config.delivery == Delivery::ExactlyOnce {
            config.delivery = Delivery::AtLeastOnce;
        }
        config
    }
}
