//! Certificates: whom we trust, who we are, and what to do where either is not enough.

use std::path::{Path, PathBuf};

use reqwest::ClientBuilder;

use super::credentials::wrong;
use crate::base::error::Error;
use crate::config::RegistryConfig;

/// The files that are configured.
#[derive(Debug)]
pub(super) struct Certificates {
    ca: Option<PathBuf>,
    /// Our own certificate, and its key.
    own: Option<(PathBuf, PathBuf)>,
}

/// What may be done about a connection that did not come about.
#[derive(Debug)]
pub(super) struct Remedy {
    pub(super) text: String,
    /// Whether it is we who are not trusted.
    pub(super) ours: bool,
}

impl Certificates {
    pub(super) fn new(config: &RegistryConfig) -> Self {
        Self {
            ca: config.ca.clone(),
            own: config.certificate.clone().zip(config.key.clone()),
        }
    }

    /// A client that uses them.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or is not what it should be.
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
                    "`registry.certificate` ({}) and `registry.key` ({}) are no PEM files of a certificate and its private key",
                    path.display(),
                    key.display()
                );
                wrong(text).caused_by(error)
            })?;
            builder = builder.identity(identity);
        }
        Ok(builder)
    }

    /// What may be wrong if there can be no client at all.
    pub(super) fn remedy_at_start(&self) -> Option<String> {
        Some(match (&self.ca, &self.own) {
            (_, Some((path, key))) => format!(
                "does the key in `registry.key` ({}) belong to `registry.certificate` ({})?",
                key.display(),
                path.display()
            ),
            (None, None) => {
                "if this system has no certificates to trust, set `registry.ca` to a PEM file of some"
                    .to_owned()
            }
            (Some(_), None) => return None,
        })
    }

    /// What may be done about an error, if certificates are the reason.
    pub(super) fn remedy(&self, error: &reqwest::Error) -> Option<Remedy> {
        use rustls::AlertDescription as Alert;
        use rustls::CertificateError::{BadSignature, UnknownIssuer};
        let ours = |text| Some(Remedy { text, ours: true });
        let theirs = |text| Some(Remedy { text, ours: false });
        match tls_error(error)? {
            rustls::Error::InvalidCertificate(UnknownIssuer | BadSignature) => {
                theirs(match &self.ca {
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
                theirs("the registry's certificate is not one for this URL and this time".to_owned())
            }
            rustls::Error::InvalidMessage(_) => {
                theirs("there is no TLS at this port; does `registry.url` begin with http:// instead?".to_owned())
            }
            rustls::Error::AlertReceived(alert) => match (alert, &self.own) {
                // Before TLS 1.3 a missing certificate is only a handshake that failed.
                (Alert::CertificateRequired | Alert::HandshakeFailure | Alert::BadCertificate, None) => ours(
                    "the registry wants a client certificate; set `registry.certificate` and `registry.key`"
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
                ) => ours(format!(
                    "the registry does not accept the certificate in `registry.certificate` ({})",
                    path.display()
                )),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The error of TLS that is the reason of another. What an I/O error holds is not its source, but stands in its place.
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
