//! How the service of a scene is configured.

use super::{MAX_UNSETTLED, Scene};

impl Scene {
    /// The file `kaufmann.toml`.
    pub(super) fn file(&self) -> String {
        let Self {
            replies,
            letters,
            load,
            incarnations,
            ..
        } = self;
        let journal = self.journal_path();
        let session = if self.short_sessions { 3_000 } else { 45_000 };
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
revoke_deadline = "8s"
shutdown_deadline = "10s"

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
"session.timeout.ms" = "{session}"
"heartbeat.interval.ms" = "300"
"reconnect.backoff.max.ms" = "500"
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
