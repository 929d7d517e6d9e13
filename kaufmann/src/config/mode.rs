//! The purpose for which a service is started: to run, to be tried, to replay.

use super::Config;

/// The purpose for which a service is started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Mode {
    /// To handle new records: `run`, and programs that start the service themselves.
    #[default]
    Run,
    /// To be tried with an embedded broker: `dev`.
    Dev,
    /// To handle history again: `replay`. Side effects of handlers and background tasks happen again.
    Replay,
}

impl Config {
    /// The purpose of this start: in a replay, `start` may for example not start a background task that sends mail.
    ///
    /// ```
    /// # use kaufmann::Config;
    /// use kaufmann::config::Mode;
    ///
    /// async fn start(config: &Config) -> Result<(), std::io::Error> {
    ///     if config.mode() != Mode::Replay {
    ///         tokio::spawn(send_what_waits());
    ///     }
    ///     Ok(())
    /// }
    /// # async fn send_what_waits() {}
    /// ```
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Sets the purpose: for tests, and for programs with a replay of their own.
    #[must_use]
    pub fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Makes it the configuration of the command `replay`.
    #[cfg_attr(
        not(all(feature = "cli", feature = "kafka", feature = "registry")),
        allow(dead_code, reason = "there is no such command")
    )]
    pub(crate) fn for_replay(self, publish: bool) -> Self {
        Self {
            is_muted: !publish,
            ..self.with_mode(Mode::Replay)
        }
    }

    /// Whether nothing is published.
    pub(crate) fn is_muted(&self) -> bool {
        self.is_muted
    }
}
