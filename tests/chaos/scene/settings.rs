//! The configuration of a scene's service.

use super::{MAX_UNSETTLED, Scene};

/// How long an attempt of a handler may take.
const HANDLER_TIMEOUT: &str = "3s";

/// How a group shares its partitions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Protocol {
    /// A rebalance revokes only the moving partitions.
    #[default]
    Cooperative,
    /// A rebalance revokes all partitions.
    Eager,
    /// The broker assigns.
    Broker,
}

impl Protocol {
    /// librdkafka's properties for it, with the session timeout, if the member sets it.
    pub(crate) fn properties(self, session: u32) -> Vec<(&'static str, String)> {
        let strategy = match self {
            Self::Cooperative => "cooperative-sticky",
            Self::Eager => "range",
            Self::Broker => return vec![("group.protocol", "consumer".to_owned())],
        };
        vec![
            ("partition.assignment.strategy", strategy.to_owned()),
            ("session.timeout.ms", session.to_string()),
            ("heartbeat.interval.ms", "300".to_owned()),
        ]
    }
}

impl Scene {
    /// The file `kaufmann.toml`.
    pub(super) fn file(&self) -> String {
        let Self {
            replies,
            letters,
            load,
            incarnations,
            commit_ahead,
            ..
        } = self;
        let journal = self.journal_path();
        let session = if self.short_sessions { 3_000 } else { 45_000 };
        let group: String = self
            .protocol
            .properties(session)
            .iter()
            .map(|(name, value)| format!("\"{name}\" = \"{value}\"\n"))
            .collect();
        let manners = serde_json::to_value(load.manners).unwrap_or_default();
        let manners: String = manners
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, share)| format!("{name} = {share}\n"))
            .collect();
        format!(
            r#"
max_in_flight = 16
max_unsettled = {MAX_UNSETTLED}
commit_interval = "100ms"
commit_ahead = {commit_ahead}
revoke_deadline = "8s"
shutdown_deadline = "10s"

[handler]
timeout = "{HANDLER_TIMEOUT}"

[retry]
initial = "10ms"
max = "200ms"

[registry]
register = true
timeout = "1s"

[publish.topics]
"chaos.job_done" = "{replies}"

[dead_letter]
topic = "{letters}"

[kafka]
{group}"reconnect.backoff.max.ms" = "500"
"topic.metadata.refresh.interval.ms" = "1000"

[app]
journal = "{}"
incarnation = {incarnations}
seed = {}
{manners}"#,
            journal.display(),
            load.seed,
        )
    }
}
