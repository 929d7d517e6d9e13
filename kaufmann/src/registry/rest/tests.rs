use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode as Status;
use axum::routing::any;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::registry::EmbeddedRegistry;
use crate::registry::server::RegistryServer;

const A: &str = r#"{"type":"record","name":"a","fields":[]}"#;
const B: &str = r#"{"type":"record","name":"b","fields":[{"name":"a","type":"a"}]}"#;

fn config(url: &str) -> RegistryConfig {
    RegistryConfig {
        url: Some(url.to_owned()),
        ..RegistryConfig::default()
    }
}

fn client(url: &str) -> RestRegistry {
    RestRegistry::new(&config(url)).unwrap()
}

/// Serves a router on loopback as long as the handle lives.
async fn serve(router: Router) -> (String, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, AbortOnDropHandle::new(task))
}

/// A registry that gives the same answer to everything.
async fn always(status: u16, body: &'static str) -> (String, AbortOnDropHandle<()>) {
    serve(Router::new().fallback(any(async move || (Status::from_u16(status).unwrap(), body)))).await
}

#[tokio::test]
async fn what_is_registered_is_found_by_id_guid_and_subject() {
    let embedded = EmbeddedRegistry::new();
    let server = RegistryServer::start(embedded.clone()).await.unwrap();
    let registry = client(&server.url());
    assert_eq!(registry.lookup("s", A).await.unwrap(), None);
    let id = registry.register("s", A).await.unwrap();
    assert_eq!(registry.lookup("s", A).await.unwrap(), Some(id));
    assert_eq!(
        registry
            .lookup("s", r#"{"type":"record","name":"c","fields":[]}"#)
            .await
            .unwrap(),
        None
    );
    assert_eq!(registry.schema(id).await.unwrap(), A);
    assert_eq!(
        registry.schema_by_guid(embedded.guid(id).unwrap()).await.unwrap(),
        A
    );
}

#[tokio::test]
async fn a_subject_may_have_any_characters() {
    let server = RegistryServer::start(EmbeddedRegistry::new()).await.unwrap();
    let registry = client(&server.url());
    for subject in ["a/b", "a b", "ä?#%2F", ":.context:s", ".."] {
        let id = registry.register(subject, A).await;
        // `..` means the folder above in every URL, so no client can name it.
        if subject != ".." {
            assert_eq!(
                registry.lookup(subject, A).await.unwrap(),
                Some(id.unwrap()),
                "{subject}"
            );
        }
    }
}

#[tokio::test]
async fn a_base_url_may_have_a_path_and_a_slash_at_its_end() {
    let embedded = EmbeddedRegistry::new();
    embedded.add_with_id(7, "s", A).unwrap();
    let router = Router::new().nest("/apis/ccompat/v7", crate::registry::server::router(embedded));
    let (url, _server) = serve(router).await;
    for base in [
        format!("{url}/apis/ccompat/v7"),
        format!("{url}/apis/ccompat/v7/"),
    ] {
        assert_eq!(client(&base).schema(7).await.unwrap(), A);
    }
}

#[tokio::test]
async fn references_are_put_in_where_they_are_used() {
    let router = Router::new()
        .route(
            "/schemas/ids/2",
            any(async || {
                json!({"schema": B, "references": [{"name": "a", "subject": "of/a", "version": 3}]})
                    .to_string()
            }),
        )
        .route(
            "/subjects/{subject}/versions/3",
            any(async || json!({"schema": A, "id": 1, "version": 3, "subject": "of/a"}).to_string()),
        );
    let (url, _server) = serve(router).await;
    let text = client(&url).schema(2).await.unwrap();
    let model = kaufmann_avro::parse_str(&text).unwrap();
    assert_eq!(model.types.len(), 2, "{text}");
}

#[tokio::test]
async fn the_embedded_server_accepts_references() {
    let server = RegistryServer::start(EmbeddedRegistry::new()).await.unwrap();
    let registry = client(&server.url());
    registry.register("a", A).await.unwrap();
    let body = json!({"schema": B, "references": [{"name": "a", "subject": "a", "version": 1}]});
    let bytes = registry
        .ask(Method::POST, &["subjects", "b", "versions"], Some(body))
        .await
        .unwrap();
    let id = parse::<Id>("", &bytes).unwrap().id;
    assert_eq!(
        kaufmann_avro::parse_str(&registry.schema(id).await.unwrap())
            .unwrap()
            .types
            .len(),
        2
    );
}

#[tokio::test]
async fn an_unknown_id_names_call_status_and_message() {
    let server = RegistryServer::start(EmbeddedRegistry::new()).await.unwrap();
    let error = client(&server.url()).schema(41).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Unknown);
    let expected = format!(
        "GET {}/schemas/ids/41: 404 Not Found: Schema 41 not found. (code 40403)",
        server.url()
    );
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn a_refused_schema_is_told_apart_from_trouble_that_may_pass() {
    let cases = [
        (409, RegistryErrorKind::Refused),
        (422, RegistryErrorKind::Refused),
        (404, RegistryErrorKind::Unknown),
        (401, RegistryErrorKind::Unavailable),
        (403, RegistryErrorKind::Unavailable),
        (408, RegistryErrorKind::Unavailable),
        (429, RegistryErrorKind::Unavailable),
        (500, RegistryErrorKind::Unavailable),
        (503, RegistryErrorKind::Unavailable),
    ];
    for (status, kind) in cases {
        let (url, _server) = always(status, r#"{"error_code": 1, "message": "because"}"#).await;
        let error = client(&url).register("s", A).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("POST {url}/subjects/s/versions: {status} ")),
            "{text}"
        );
        assert!(text.ends_with(": because (code 1)"), "{text}");
    }
}

#[tokio::test]
async fn only_an_absence_makes_a_lookup_come_back_empty() {
    let (url, _server) = always(404, r#"{"error_code": 40401, "message": "no subject"}"#).await;
    assert_eq!(client(&url).lookup("s", A).await.unwrap(), None);
    let (url, _server) = always(500, "oh").await;
    let error = client(&url).lookup("s", A).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Unavailable);
    assert!(
        error.to_string().ends_with("500 Internal Server Error: oh"),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_that_is_no_registrys_is_trouble_and_says_so() {
    let (url, _server) = always(200, "<html>").await;
    let error = client(&url).schema(1).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Unavailable);
    assert!(
        error.to_string().ends_with("; is this the registry's URL?"),
        "{error}"
    );
}

#[tokio::test]
async fn a_schema_of_another_language_is_refused() {
    let (url, _server) = always(200, r#"{"schema": "message A {}", "schemaType": "PROTOBUF"}"#).await;
    let error = client(&url).schema(1).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Refused);
    assert!(
        error
            .to_string()
            .ends_with("the schema is PROTOBUF, expected AVRO"),
        "{error}"
    );
}

#[tokio::test]
async fn a_registry_that_never_answers_is_given_up() {
    let (url, _server) =
        serve(Router::new().fallback(any(async || std::future::pending::<()>().await))).await;
    let config = RegistryConfig {
        timeout: Duration::from_millis(20),
        ..config(&url)
    };
    let error = RestRegistry::new(&config).unwrap().schema(1).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Unavailable);
    assert!(error.to_string().contains("no answer in time"), "{error}");
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_trouble_with_its_reason() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = client(&url).schema(1).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Unavailable);
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("GET {url}/schemas/ids/1: ")) && text.contains("refused"),
        "{text}"
    );
}

#[tokio::test]
async fn nothing_is_kept_so_what_failed_once_can_succeed() {
    let calls = Arc::new(AtomicUsize::new(0));
    let router = Router::new().fallback(any({
        let calls = Arc::clone(&calls);
        async move || match calls.fetch_add(1, Ordering::SeqCst) {
            0 => (Status::UNAUTHORIZED, String::new()),
            1 => (Status::INTERNAL_SERVER_ERROR, String::new()),
            _ => (Status::OK, json!({ "schema": A }).to_string()),
        }
    }));
    let (url, _server) = serve(router).await;
    let registry = client(&url);
    assert!(registry.schema(1).await.is_err() && registry.schema(1).await.is_err());
    assert_eq!(registry.schema(1).await.unwrap(), A);
    assert_eq!(registry.schema(1).await.unwrap(), A);
    assert_eq!(calls.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn credentials_are_sent_and_never_shown() {
    let router = Router::new().fallback(any(async |request: Request| {
        let sent = request
            .headers()
            .get("authorization")
            .map(|value| value.to_str().unwrap().to_owned());
        (Status::FORBIDDEN, sent.unwrap_or_default())
    }));
    let (url, _server) = serve(router).await;
    let in_url = url.replace("http://", "http://u:p@");
    let basic = RegistryConfig {
        user: Some("u".into()),
        password: Some("p".into()),
        ..config(&url)
    };
    let bearer = RegistryConfig {
        token: Some("t0ken".into()),
        ..config(&url)
    };
    for (config, sent) in [
        (config(&in_url), "Basic dTpw"),
        (basic, "Basic dTpw"),
        (bearer, "Bearer t0ken"),
    ] {
        let registry = RestRegistry::new(&config).unwrap();
        let text = registry.schema(1).await.unwrap_err().to_string();
        assert_eq!(text, format!("GET {url}/schemas/ids/1: 403 Forbidden: {sent}"));
        let debug = format!("{registry:?}");
        assert!(!debug.contains("t0ken") && !debug.contains("\"p\""), "{debug}");
    }
}

#[test]
fn a_url_that_cannot_work_is_refused_at_the_start() {
    let text = |url: Option<&str>| {
        let config = RegistryConfig {
            url: url.map(str::to_owned),
            ..RegistryConfig::default()
        };
        let error = RestRegistry::new(&config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        error.to_string()
    };
    assert!(text(None).starts_with("no schema registry is configured; set `registry.url`"));
    assert_eq!(
        text(Some("http://:x")),
        "`registry.url` is `http://:x`, expected a URL such as http://localhost:8081"
    );
}

#[cfg(not(feature = "tls"))]
#[test]
fn https_without_the_feature_says_which_feature() {
    let error = RestRegistry::new(&config("https://u:p@h")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`registry.url` is `https://u:***@h`, but this program is built without TLS; build it with kaufmann's feature `tls`",
    );
}
