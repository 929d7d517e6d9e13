//! The service's own settings: the table `app`.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Config;
use super::secret::REDACTED;
use crate::base::error::{Error, ErrorKind};
use crate::base::serde_error;

/// The table `[app]`; its values are not shown, as any of them may be a secret.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct App(serde_json::Value);

impl Default for App {
    fn default() -> Self {
        Self(serde_json::Value::Object(serde_json::Map::new()))
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Config {
    /// Reads the service's own settings: the table `[app]`.
    ///
    /// ```
    /// # use kaufmann::Config;
    /// #[derive(serde::Deserialize)]
    /// struct Settings {
    ///     #[serde(default)]
    ///     greeting: String,
    /// }
    ///
    /// let settings: Settings = Config::default().app()?;
    /// assert_eq!(settings.greeting, "");
    /// # Ok::<(), kaufmann::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the table does not fit `T`.
    pub fn app<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_value(self.app.0.clone()).map_err(|error| {
            Error::new(
                ErrorKind::Configuration,
                format!(
                    "the table `[app]` does not fit: {}",
                    serde_error::describe_without_value(&error, "a table")
                ),
            )
        })
    }

    /// Sets the table `[app]`.
    #[must_use]
    pub fn with_app(mut self, app: serde_json::Value) -> Self {
        self.app = App(app);
        self
    }
}
