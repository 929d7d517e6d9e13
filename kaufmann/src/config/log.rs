//! What is logged, and how: `log`.

use serde::{Deserialize, Serialize};

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct LogConfig {
    /// The format of the lines.
    pub format: LogFormat,
    /// What is logged, in the syntax of `tracing`'s filters. Default: `info`.
    pub filter: Option<String>,
}

/// The format of log lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// `human` on a terminal, `json` elsewhere.
    #[default]
    Auto,
    /// One line per message, coloured.
    Human,
    /// One JSON object per line.
    Json,
}
