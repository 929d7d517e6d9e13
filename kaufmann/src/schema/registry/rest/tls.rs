//! Certificates: the trusted ones, the service's own, and what to do if a connection fails because of either.

use std::path::{Path, PathBuf};

use reqwest::ClientBuilder;

use super::credentials::wrong;
use crate::base::error::Error;
use crate::config::RegistryConfig;

/// The configured files.
#[derive(Debug)]
pub(super) struct Certificates {
    ca: Option<PathBuf>,
    /// The service's own certificate, and its key.
    own: Option<(PathBuf, PathBuf)>,
}

/// What to do about a connection that failed.
#[derive(Debug)]
pub(super) struct Remedy {
    pub(super) text: String,
    /// Whether it is about the service's own certificate.
    pub(super) is_about_own: bool,
}

impl Certificates {
    pub(super) fn new(config: &RegistryConfig) -> Self {
        Self {
            ca: config.ca.clone(),
            own: config.certificate.clone().zip(config.key.clone()),
        }
    }

    /// Lets a client use them.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or is not PEM.
    pub(super) fn trusted_by(&self, mut builder: ClientBuilder) -> Result<ClientBuilder, Error> {
        use reqwest::{Certificate, Identity};
        if let Some(path) = &self.ca {
            let certificates = Certificate::from_pem_bundle(&read("registry.ca", path)?)
                .map_err(|error| no_pem("registry.ca", path, "certificates").caused_by(error))?;
            if certificates.is_empty() {
                return Err(no_pem("registry.ca", path, "certificates"));
            }
            builder = builder.tls_certs_only(certificates);
        }
        if let Some((path, key)) = &self.own {
            let mut pem = read("registry.certificate", path)?;
            pem.push(b'\n');
            pem.extend(read("registry.key", key)?);
            let identity = Identity::from_pem(&pem).map_err(|error| {
                let text = format!(
                    "`registry.certificate` ({}) and `registry.key` ({}) are not PEM files of a certificate and its private key",
                    path.display(),
                    key.display()
                );
                wrong(text).caused_by(error)
            })?;
            builder = builder.identity(identity);
        }
        Ok(builder)
    }

    /// What may be wrong if no client can be built.
    pub(super) fn remedy_at_start(&self) -> Option<String> {
        Some(match (&self.ca, &self.own) {
            (_, Some((path, key))) => format!(
                "does the key in `registry.key` ({}) belong to `registry.certificate` ({})?",
                key.display(),
                path.display()
            ),
            (None, None) => {
                "if this system has no trusted certificates, set `registry.ca` to a PEM file with them"
                    .to_owned()
            }
            (Some(_), None) => return None,
        })
    }

    /// What to do about an error, if certificates are the reason.
    pub(super) fn remedy(&self, error: &reqwest::Error) -> Option<Remedy> {
        use rustls::AlertDescription as Alert;
        use rustls::CertificateError::{BadSignature, UnknownIssuer};
        let about_own = |text| {
            let is_about_own = true;
            Some(Remedy { text, is_about_own })
        };
        let about_registrys = |text| {
            let is_about_own = false;
            Some(Remedy { text, is_about_own })
        };
        match tls_error(error)? {
            rustls::Error::InvalidCertificate(UnknownIssuer | BadSignature) => {
                about_registrys(match &self.ca {
                    None => "set `registry.ca` to a PEM file with the certificate of the authority that signed the registry's, if \
                             this system does not trust it"
                        .to_owned(),
                    Some(path) => format!(
                        "no certificate in `registry.ca` ({}) belongs to the authority that signed the registry's",
                        path.display()
                    ),
                })
            }
            rustls::Error::InvalidCertificate(_) => {
                about_registrys("the registry's certificate is not valid for this URL and this time".to_owned())
            }
            rustls::Error::InvalidMessage(_) => {
                about_registrys("the server at this port does not use TLS; does `registry.url` begin with http:// instead?".to_owned())
            }
            rustls::Error::AlertReceived(alert) => match (alert, &self.own) {
                // Before TLS 1.3 a missing certificate is only a failed handshake.
                (Alert::CertificateRequired | Alert::HandshakeFailure | Alert::BadCertificate, None) => about_own(
                    "the registry requires a client certificate; set `registry.certificate` and `registry.key`"
                        .to_owned(),
                ),
                (
                    Alert::UnknownCA
                    | Alert::BadCertificate
                    | Alert::UnsupportedCertificate
                    | Alert::CertificateRevoked
                    | Alert::CertificateExpired
                    | Alert::CertificateUnknown
                    | Alert::DecryptError
                    | Alert::AccessDenied,
                    Some((path, _)),
                ) => about_own(format!(
                    "the registry does not accept the certificate in `registry.certificate` ({})",
                    path.display()
                )),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The TLS error among the causes of an error. An I/O error's inner error is not its source, so it is looked at separately.
fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        let held = error
            .downcast_ref::<std::io::Error>()
            .and_then(|error| error.get_ref());
        cause = match held {
            Some(held) => Some(held),
            None => error.source(),
        };
    }
    None
}

fn read(key: &str, path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| {
        wrong(format!("`{key}` is {}, which cannot be read", path.display())).caused_by(error)
    })
}

fn no_pem(key: &str, path: &Path, what: &str) -> Error {
    wrong(format!(
        "`{key}` is {}, expected {what} in PEM form",
        path.display()
    ))
}
