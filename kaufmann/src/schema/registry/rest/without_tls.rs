//! Replaces [`tls`](super::tls) in a program that is built without it.

use std::convert::Infallible;
use std::path::Path;

use reqwest::ClientBuilder;

use super::credentials::wrong;
use crate::base::error::Error;
use crate::config::RegistryConfig;

/// The first setting that needs TLS, if one is set.
#[derive(Debug)]
pub(super) struct Certificates(Option<&'static str>);

/// Never created.
#[derive(Debug)]
pub(super) struct Remedy {
    pub(super) text: String,
    pub(super) is_about_own: bool,
    _none: Infallible,
}

impl Certificates {
    pub(super) fn new(config: &RegistryConfig) -> Self {
        let given: [(_, Option<&Path>); 3] = [
            ("registry.ca", config.ca.as_deref()),
            ("registry.certificate", config.certificate.as_deref()),
            ("registry.key", config.key.as_deref()),
        ];
        Self(
            given
                .iter()
                .find_map(|(key, path)| path.is_some().then_some(*key)),
        )
    }

    /// Leaves a client without certificates.
    ///
    /// # Errors
    ///
    /// If they are configured.
    pub(super) fn trusted_by(&self, builder: ClientBuilder) -> Result<ClientBuilder, Error> {
        match self.0 {
            None => Ok(builder),
            Some(key) => Err(wrong(format!(
                "`{key}` is set, but this program is built without TLS; build it with kaufmann's feature `tls`"
            ))),
        }
    }

    pub(super) fn remedy_at_start(&self) -> Option<String> {
        None
    }

    pub(super) fn remedy(&self, _: &reqwest::Error) -> Option<Remedy> {
        None
    }
}
