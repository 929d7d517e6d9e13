//! The credentials of requests to the registry.

use crate::base::error::{Error, ErrorKind};
use crate::config::{RegistryConfig, Secret};

/// The credentials of a request.
#[derive(Clone, Debug)]
pub(super) enum Credentials {
    None,
    Basic { user: String, password: Secret },
    Bearer(Secret),
}

impl Credentials {
    pub(super) fn new(config: &RegistryConfig, in_url: Option<(String, Secret)>) -> Self {
        let configured = config.user.clone().zip(config.password.clone());
        match (&config.token, configured.or(in_url)) {
            (Some(token), _) => Self::Bearer(token.clone()),
            (None, Some((user, password))) => Self::Basic { user, password },
            (None, None) => Self::None,
        }
    }
}

/// A configuration that cannot be used.
pub(super) fn wrong(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::Configuration, text)
}
