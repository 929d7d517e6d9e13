//! The registry's client towards servers with TLS, on loopback: whom it trusts, who lets it in, and what it says if not.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kaufmann::config::RegistryConfig;
use kaufmann::registry::{RegistryErrorKind, RestRegistry, SchemaRegistry};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, crypto, version};
use tokio_util::task::AbortOnDropHandle;

const SCHEMA: &str = r#"{"type":"record","name":"a","fields":[]}"#;

/// An authority that signs certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, as PEM.
struct Signed {
    certificate: String,
    key: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    fn sign(&self, name: &str) -> Signed {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        Signed {
            certificate: params.signed_by(&key, &self.0).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }
}

/// A registry with one schema, behind TLS.
struct Server {
    url: String,
    /// How many connections came.
    connections: Arc<AtomicUsize>,
    _task: AbortOnDropHandle<()>,
}

impl Server {
    /// Serves with this certificate; with `clients` only those that have one of that authority.
    async fn start(
        own: &Signed,
        clients: Option<&Authority>,
        version: &'static SupportedProtocolVersion,
    ) -> Self {
        let provider = Arc::new(crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[version])
            .unwrap();
        let config = match clients {
            None => config.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(certificate(&authority.pem())).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                config.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
        let chain = vec![certificate(&own.certificate)];
        let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(answer(acceptor.clone(), stream));
            }
        });
        Self {
            url,
            connections,
            _task: AbortOnDropHandle::new(task),
        }
    }

    /// A client's configuration for it.
    fn config(&self) -> RegistryConfig {
        let mut config = RegistryConfig::default();
        config.url = vec![self.url.clone()];
        config
    }
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

/// Answers one request, whatever it is.
async fn answer(acceptor: TlsAcceptor, stream: TcpStream) {
    match acceptor.accept(stream).into_fallible().await {
        Ok(mut stream) => {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                match stream.read_u8().await {
                    Ok(byte) => request.push(byte),
                    Err(_) => return,
                }
            }
            let body = format!(r#"{{"schema":{SCHEMA:?}}}"#);
            let length = body.len();
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
            _ = stream.write_all((head + &body).as_bytes()).await;
            _ = stream.shutdown().await;
        }
        // If what the client has sent already were left unread, the system would reset the connection, and the client might
        // not see the alert that says why.
        Err((_, mut stream)) => {
            _ = stream.shutdown().await;
            _ = stream.read_to_end(&mut Vec::new()).await;
        }
    }
}

/// Files of a client.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

/// What comes of asking for the schema.
async fn ask(config: &RegistryConfig) -> Result<(), (RegistryErrorKind, String)> {
    let registry =
        RestRegistry::new(config).map_err(|error| (RegistryErrorKind::Refused, error.to_string()))?;
    let asked = registry.schema(1).await;
    let text = asked.map_err(|error| (error.kind(), error.to_string()))?;
    assert_eq!(text, SCHEMA);
    Ok(())
}

#[tokio::test]
async fn a_server_whose_authority_is_configured_is_trusted() {
    let (authority, files) = (Authority::new("ca"), Files::new());
    for version in [&version::TLS12, &version::TLS13] {
        let server = Server::start(&authority.sign("localhost"), None, version).await;
        let mut config = server.config();
        // Any of several will do.
        let several = [Authority::new("ca").pem(), authority.pem()].concat();
        config.ca = Some(files.write("ca.pem", &several));
        assert_eq!(ask(&config).await, Ok(()));
    }
}

#[tokio::test]
async fn a_server_of_an_unknown_authority_is_refused_at_once_with_the_setting_to_make() {
    let (authority, files) = (Authority::new("ca"), Files::new());
    let server = Server::start(&authority.sign("localhost"), None, &version::TLS13).await;
    let mut config = server.config();
    let (_, text) = ask(&config).await.unwrap_err();
    assert!(text.contains("set `registry.ca` to a PEM file"), "{text}");

    // Another authority, and one that calls itself like it, as one does that was set up anew.
    for (name, said) in [("other", "UnknownIssuer"), ("ca", "BadSignature")] {
        let before = server.connections.load(Ordering::Relaxed);
        let other = files.write("other.pem", &Authority::new(name).pem());
        config.ca = Some(other.clone());
        let (kind, text) = ask(&config).await.unwrap_err();
        assert_eq!(kind, RegistryErrorKind::Unavailable);
        let expected = format!(
            "invalid peer certificate: {said}; no certificate in `registry.ca` ({}) belongs to the authority that signed the \
             registry's",
            other.display()
        );
        assert!(text.ends_with(&expected), "{text}");
        assert!(
            text.starts_with(&format!("GET {}/schemas/ids/1: ", server.url)),
            "{text}"
        );
        // It is not asked again: waiting does not help.
        assert_eq!(server.connections.load(Ordering::Relaxed), before + 1);
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let (authority, files) = (Authority::new("ca"), Files::new());
    let server = Server::start(&authority.sign("registry.example"), None, &version::TLS13).await;
    let mut config = server.config();
    config.ca = Some(files.write("ca.pem", &authority.pem()));
    let (kind, text) = ask(&config).await.unwrap_err();
    assert_eq!(kind, RegistryErrorKind::Unavailable);
    assert!(text.contains("registry.example"), "{text}");
    assert!(
        text.ends_with("; the registry's certificate is not valid for this URL and this time"),
        "{text}"
    );
}

#[tokio::test]
async fn a_server_that_wants_a_client_certificate_gets_the_configured_one() {
    let (authority, clients, files) = (Authority::new("ca"), Authority::new("clients"), Files::new());
    for version in [&version::TLS12, &version::TLS13] {
        let server = Server::start(&authority.sign("localhost"), Some(&clients), version).await;
        let mut config = server.config();
        config.ca = Some(files.write("ca.pem", &authority.pem()));
        let (kind, text) = ask(&config).await.unwrap_err();
        assert_eq!(kind, RegistryErrorKind::Unauthorized, "{text}");
        assert!(
            text.ends_with(
                "; the registry requires a client certificate; set `registry.certificate` and `registry.key`"
            ),
            "{text}"
        );

        let signed = clients.sign("accounts");
        config.certificate = Some(files.write("client.pem", &signed.certificate));
        config.key = Some(files.write("client.key", &signed.key));
        assert_eq!(ask(&config).await, Ok(()));
    }
}

#[tokio::test]
async fn a_client_certificate_of_an_unknown_authority_is_named() {
    let (authority, clients, files) = (Authority::new("ca"), Authority::new("clients"), Files::new());
    for version in [&version::TLS12, &version::TLS13] {
        let server = Server::start(&authority.sign("localhost"), Some(&clients), version).await;
        let mut config = server.config();
        let signed = Authority::new("strangers").sign("stranger");
        let path = files.write("client.pem", &signed.certificate);
        config.ca = Some(files.write("ca.pem", &authority.pem()));
        config.certificate = Some(path.clone());
        config.key = Some(files.write("client.key", &signed.key));
        let (kind, text) = ask(&config).await.unwrap_err();
        assert_eq!(kind, RegistryErrorKind::Unauthorized, "{text}");
        let expected = format!(
            "; the registry does not accept the certificate in `registry.certificate` ({})",
            path.display()
        );
        assert!(text.ends_with(&expected), "{text}");
    }
}

#[tokio::test]
async fn a_key_of_another_certificate_is_told_before_anything_is_asked() {
    let (clients, files) = (Authority::new("ca"), Files::new());
    let mut config = RegistryConfig::default();
    config.url = vec!["https://localhost:1".to_owned()];
    config.certificate = Some(files.write("client.pem", &clients.sign("a").certificate));
    config.key = Some(files.write("client.key", &clients.sign("b").key));
    let (_, text) = ask(&config).await.unwrap_err();
    assert!(text.contains("does the key in `registry.key` ("), "{text}");
}

#[tokio::test]
async fn a_server_without_tls_is_told_from_one_with() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let mut config = RegistryConfig::default();
    config.url = vec![format!(
        "https://localhost:{}",
        listener.local_addr().unwrap().port()
    )];
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        stream.shutdown().await.unwrap();
        _ = stream.read_to_end(&mut Vec::new()).await;
    };
    let files = Files::new();
    config.ca = Some(files.write("ca.pem", &Authority::new("ca").pem()));
    let (asked, ()) = tokio::join!(ask(&config), server);
    let (_, text) = asked.unwrap_err();
    assert!(
        text.ends_with(
            "; the server at this port does not use TLS; does `registry.url` begin with http:// instead?"
        ),
        "{text}"
    );
}
