use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{Path, Request};
use axum::http::StatusCode as Status;
use axum::routing::any;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::base::error::ErrorKind;
use crate::schema::registry::EmbeddedRegistry;
use crate::schema::registry::server::RegistryServer;

const A: &str = r#"{"type":"record","name":"a","fields":[]}"#;
const B: &str = r#"{"type":"record","name":"b","fields":[{"name":"a","type":"a"}]}"#;

fn config(url: &str) -> RegistryConfig {
    RegistryConfig {
        url: vec![url.to_owned()],
        retries: 0,
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
    let router = Router::new().nest(
        "/apis/ccompat/v7",
        crate::schema::registry::server::router(embedded),
    );
    let (url, _server) = serve(router).await;
    for base in [
        format!("{url}/apis/ccompat/v7"),
        format!("{url}/apis/ccompat/v7/"),
    ] {
        assert_eq!(client(&base).schema(7).await.unwrap(), A);
    }
}

#[tokio::test]
async fn references_are_inlined_where_they_are_used() {
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
    let references = [Reference {
        name: "a".to_owned(),
        subject: "a".to_owned(),
        version: 1,
    }];
    let id = registry
        .register_with_references("b", B, &references)
        .await
        .unwrap();
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
async fn a_refused_schema_is_distinguished_from_temporary_failures() {
    let cases = [
        (409, RegistryErrorKind::Refused),
        (422, RegistryErrorKind::Refused),
        (401, RegistryErrorKind::Unauthorized),
        (403, RegistryErrorKind::Unauthorized),
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
        assert!(text.contains(": because (code 1)"), "{text}");
        assert_eq!((error.status(), error.code()), (Some(status), Some(1)));
        assert_eq!((error.subject(), error.message()), (Some("s"), Some("because")));
        assert_eq!(error.url(), Some(format!("{url}/subjects/s/versions").as_str()));
    }
}

#[tokio::test]
async fn only_an_absence_makes_a_lookup_return_nothing() {
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
async fn an_answer_that_is_not_a_registrys_is_temporary_and_says_so() {
    let (url, _server) = always(200, "<html>").await;
    let error = client(&url).schema(1).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Unavailable);
    assert!(
        error.to_string().ends_with("; is this the registry's URL?"),
        "{error}"
    );
}

#[tokio::test]
async fn a_page_that_is_not_found_is_a_wrong_url_and_not_an_absence() {
    let (url, _server) = always(404, "<html><title>Welcome</title></html>").await;
    let registry = client(&url);
    let errors = [
        registry.lookup("s", A).await.unwrap_err(),
        registry.versions("s").await.unwrap_err(),
        registry.level("s").await.unwrap_err(),
        registry.compatibility("s", A).await.unwrap_err(),
        registry.register("s", A).await.unwrap_err(),
    ];
    for error in errors {
        let text = error.to_string();
        assert!(
            text.contains(": 404 Not Found: a web page, `Welcome`; is this the registry's URL?"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_schema_of_another_language_is_refused() {
    let (url, _server) = always(200, r#"{"schema": "message A {}", "schemaType": "PROTOBUF"}"#).await;
    let error = client(&url).schema(1).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Refused);
    assert_eq!(
        error.to_string(),
        format!("GET {url}/schemas/ids/1: the schema is PROTOBUF, expected AVRO")
    );
}

#[tokio::test]
async fn a_registry_that_never_answers_is_a_time_out() {
    let (url, _server) =
        serve(Router::new().fallback(any(async || std::future::pending::<()>().await))).await;
    let config = RegistryConfig {
        timeout: Duration::from_millis(20),
        ..config(&url)
    };
    let error = RestRegistry::new(&config).unwrap().schema(1).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Unavailable);
    assert!(
        error.to_string().contains("no answer within `registry.timeout`"),
        "{error}"
    );
}

#[tokio::test]
async fn the_query_of_the_url_is_sent_and_never_shown() {
    let router = Router::new().fallback(any(async |request: Request| {
        let query = request.uri().query().unwrap_or_default().to_owned();
        (
            Status::from_u16(if query.starts_with("token=hunter2") {
                500
            } else {
                401
            })
            .unwrap(),
            "no",
        )
    }));
    let (url, _server) = serve(router).await;
    let registry = client(&format!("{url}/?token=hunter2#hunter2"));
    assert_eq!(registry.url(), format!("{url}/"));
    let error = registry.schema(1).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Unavailable, "it was sent");
    let told = format!("{error} {error:?}");
    assert!(told.contains(&format!("GET {url}/schemas/ids/1")), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}

#[tokio::test]
async fn an_unreachable_registry_is_a_temporary_failure_with_its_reason() {
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
async fn nothing_is_cached_so_a_failed_call_can_succeed_later() {
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
        assert!(
            text.starts_with(&format!("GET {url}/schemas/ids/1: 403 Forbidden: {sent}; ")),
            "{text}"
        );
        let debug = format!("{registry:?}");
        assert!(!debug.contains("t0ken") && !debug.contains("\"p\""), "{debug}");
    }
}

#[test]
fn a_url_that_cannot_work_is_refused_at_the_start() {
    let text = |url: Option<&str>| {
        let config = RegistryConfig {
            url: url.map(str::to_owned).into_iter().collect(),
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

/// Status, headers and body of an answer.
type Canned = (u16, &'static [(&'static str, &'static str)], String);

/// A registry that answers each call with the next of these, and the last one from then on; and how often it was asked.
async fn in_turn(answers: Vec<Canned>) -> (String, Arc<AtomicUsize>, AbortOnDropHandle<()>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let last = answers.last().cloned().unwrap();
    let left = Arc::new(Mutex::new(VecDeque::from(answers)));
    let counted = Arc::clone(&calls);
    let router = Router::new().fallback(any(async move || {
        counted.fetch_add(1, Ordering::SeqCst);
        let next = left.lock().unwrap().pop_front();
        let (status, headers, body) = next.unwrap_or_else(|| last.clone());
        let mut named = axum::http::HeaderMap::new();
        for (name, value) in headers {
            named.insert(*name, value.parse().unwrap());
        }
        (Status::from_u16(status).unwrap(), named, body)
    }));
    let (url, server) = serve(router).await;
    (url, calls, server)
}

fn found() -> Canned {
    (200, &[], json!({ "schema": A }).to_string())
}

fn trouble(status: u16) -> Canned {
    (status, &[], String::new())
}

fn patient(urls: &[&str], retries: u32) -> RestRegistry {
    RestRegistry::new(&RegistryConfig {
        url: urls.iter().map(|url| (*url).to_owned()).collect(),
        retries,
        ..RegistryConfig::default()
    })
    .unwrap()
}

#[tokio::test]
async fn temporary_failures_are_retried() {
    for status in [408, 429, 500, 502, 503, 504] {
        let (url, calls, _server) = in_turn(vec![trouble(status), trouble(status), found()]).await;
        assert_eq!(patient(&[&url], 2).schema(1).await.unwrap(), A, "{status}");
        assert_eq!(calls.load(Ordering::SeqCst), 3);
    }
}

#[tokio::test]
async fn a_lasting_failure_is_retried_as_often_as_configured() {
    let (url, calls, _server) = in_turn(vec![trouble(503)]).await;
    let error = patient(&[&url], 2).schema(1).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Unavailable);
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_final_answer_is_not_retried() {
    for status in [400, 401, 403, 404, 409, 422] {
        let (url, calls, _server) = in_turn(vec![trouble(status), found()]).await;
        assert!(patient(&[&url], 5).schema(1).await.is_err(), "{status}");
        assert_eq!(calls.load(Ordering::SeqCst), 1, "{status}");
    }
}

#[tokio::test]
async fn retry_after_is_followed_for_a_while_but_not_for_an_hour() {
    let (url, calls, _server) = in_turn(vec![(429, &[("retry-after", "1")], String::new()), found()]).await;
    let begin = Instant::now();
    assert_eq!(patient(&[&url], 1).schema(1).await.unwrap(), A);
    assert!(begin.elapsed() >= Duration::from_secs(1));
    assert_eq!(calls.load(Ordering::SeqCst), 2);

    let (url, calls, _server) =
        in_turn(vec![(429, &[("retry-after", "3600")], String::new()), found()]).await;
    assert_eq!(
        patient(&[&url], 5).schema(1).await.unwrap_err().status(),
        Some(429)
    );
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn of_several_urls_the_one_that_answered_is_kept() {
    let (away, away_calls, _a) = in_turn(vec![trouble(503)]).await;
    let (good, good_calls, _b) = in_turn(vec![found()]).await;
    let registry = patient(&[&away, &good], 0);
    assert_eq!(registry.schema(1).await.unwrap(), A);
    assert_eq!(registry.schema(2).await.unwrap(), A);
    assert_eq!(
        (
            away_calls.load(Ordering::SeqCst),
            good_calls.load(Ordering::SeqCst)
        ),
        (1, 2)
    );
    assert_eq!(registry.url(), format!("{good}/"));
}

#[tokio::test]
async fn after_a_final_answer_the_next_url_is_not_tried() {
    let absent = r#"{"error_code": 40403, "message": "Schema 1 not found"}"#;
    let (first, _, _a) = in_turn(vec![(404, &[], absent.to_owned())]).await;
    let (second, calls, _b) = in_turn(vec![found()]).await;
    let error = patient(&[&first, &second], 0).schema(1).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Unknown);
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn if_the_server_is_not_a_registry_the_next_url_is_tried_at_once() {
    for page in [
        (404, "<html><title>404 Not Found</title></html>"),
        (200, "<html><title>Sign in</title></html>"),
        (200, r#"{"schema": "#),
        (404, ""),
    ] {
        let (first, _, _a) = in_turn(vec![(page.0, &[], page.1.to_owned())]).await;
        let (second, _, _b) = in_turn(vec![found()]).await;
        let registry = patient(&[&first, &second], 0);
        assert_eq!(registry.schema(1).await.unwrap(), A, "{page:?}");
        assert_eq!(registry.url(), format!("{second}/"));
    }
}

#[tokio::test]
async fn each_answer_is_final_or_temporary_as_in_the_table() {
    for (status, content_type, body, kind) in super::classify::tests::TABLE {
        let headers = [("content-type", *content_type)];
        let answer = (*status, headers.to_vec().leak() as &_, (*body).to_owned());
        let (url, _, _server) = in_turn(vec![answer]).await;
        let error = client(&url).schema(7).await.unwrap_err();
        assert_eq!(error.kind(), *kind, "{status} {content_type} {body}: {error}");
    }
}

#[tokio::test]
async fn a_missing_answer_is_temporary_whatever_the_reason() {
    // A host that cannot be resolved, a port where nobody listens, an answer that is cut off, redirections in a circle.
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let refusing = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (circle, _circle) = serve(Router::new().fallback(any(async |request: Request| {
        let to = request.uri().path().to_owned();
        (Status::FOUND, [("location", to)], "")
    })))
    .await;
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let cut_off = format!("http://{}", listener.local_addr().unwrap());
    let cutting = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut stream, _) = listener.accept().unwrap();
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{\"schema\":";
        stream.write_all(head.as_bytes()).unwrap();
    });
    let unresolved = format!("http://{}.invalid", "x".repeat(70));
    for url in [&unresolved, &refusing, &cut_off, &circle] {
        let error = client(url).schema(7).await.unwrap_err();
        assert_eq!(error.kind(), RegistryErrorKind::Unavailable, "{error}");
        assert_eq!(error.status(), None, "{error}");
    }
    cutting.join().unwrap();
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_final_only_if_it_is_a_registrys() {
    for (content_type, kind) in [
        ("application/json", RegistryErrorKind::Refused),
        ("text/html", RegistryErrorKind::Unavailable),
    ] {
        let body = format!(r#"{{"schema": "{}"}}"#, "x".repeat(17 << 20));
        let headers = [("content-type", content_type)].to_vec().leak() as &_;
        let (url, _, _server) = in_turn(vec![(200, headers, body)]).await;
        let error = client(&url).schema(7).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains("more than 16 MiB"), "{error}");
    }
}

#[tokio::test]
async fn a_missing_reference_is_unknown_and_a_page_instead_of_one_is_temporary() {
    let referring = json!({"schema": B, "references": [{"name": "a", "subject": "a", "version": 1}]});
    for (body, kind) in [
        (
            r#"{"error_code": 40401, "message": "Subject not found"}"#,
            RegistryErrorKind::Unknown,
        ),
        ("<html>", RegistryErrorKind::Unavailable),
    ] {
        let text = referring.to_string();
        let router = Router::new()
            .route("/schemas/ids/2", any(async move || text))
            .fallback(any(async move || (Status::NOT_FOUND, body)));
        let (url, _server) = serve(router).await;
        let error = client(&url).schema(2).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
    let router = Router::new()
        .route("/schemas/ids/2", any(async move || referring.to_string()))
        .fallback(any(async || json!({"schema": "no schema"}).to_string()));
    let (url, _server) = serve(router).await;
    let error = client(&url).schema(2).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Refused, "{error}");
}

#[tokio::test]
async fn a_registrys_message_is_bounded() {
    let page = "<html>".to_owned() + &"x".repeat(2 << 20);
    let message =
        json!({"error_code": 50001, "message": "\u{1b}[31m".to_owned() + &"y".repeat(2 << 20)}).to_string();
    let odd = json!({"schema": "z".repeat(2 << 20), "references": "w".repeat(2 << 20)}).to_string();
    let kind = json!({"schema": "", "schemaType": "v".repeat(2 << 20)}).to_string();
    for (status, body) in [
        (500, page.clone()),
        (200, page),
        (500, message),
        (200, odd),
        (200, kind),
    ] {
        let (url, _, _server) = in_turn(vec![(status, &[], body)]).await;
        let text = client(&url).schema(7).await.unwrap_err().to_string();
        assert!(
            text.len() < 2000 && !text.contains('\u{1b}'),
            "{} bytes: {:.200}",
            text.len(),
            text
        );
    }
}

#[tokio::test]
async fn when_no_url_answers_the_error_names_all_of_them() {
    let (first, _, _a) = in_turn(vec![trouble(502)]).await;
    let (second, _, _b) = in_turn(vec![trouble(503)]).await;
    let text = patient(&[&first, &second], 0)
        .schema(1)
        .await
        .unwrap_err()
        .to_string();
    let expected = format!(
        "none of the registry's 2 URLs answers: GET {first}/schemas/ids/1: 502 Bad Gateway; GET {second}/schemas/ids/1: 503 \
         Service Unavailable"
    );
    assert_eq!(text, expected);
}

#[tokio::test]
async fn errors_about_missing_rights_name_what_to_set_or_who_was_refused() {
    let (url, _server) = always(401, r#"{"error_code": 401, "message": "Unauthorized"}"#).await;
    let text = client(&url).schema(1).await.unwrap_err().to_string();
    assert!(
        text.ends_with(": Unauthorized; set `registry.user` and `registry.password`, or `registry.token`"),
        "{text}"
    );
    let basic = RegistryConfig {
        user: Some("ada".into()),
        password: Some("hunter2".into()),
        ..config(&url)
    };
    let text = RestRegistry::new(&basic)
        .unwrap()
        .schema(1)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        text.ends_with("; the registry does not accept `registry.password` for the user `ada`"),
        "{text}"
    );
    assert!(!text.contains("hunter2"));
}

#[tokio::test]
async fn normalizing_is_requested_where_schemas_are_compared_or_registered() {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&asked);
    let router = Router::new().fallback(any(async move |request: Request| {
        seen.lock().unwrap().push(request.uri().to_string());
        json!({"id": 1, "version": 1, "schema": A}).to_string()
    }));
    let (url, _server) = serve(router).await;
    let config = RegistryConfig {
        normalize: true,
        ..config(&url)
    };
    let registry = RestRegistry::new(&config).unwrap();
    registry.lookup("s", A).await.unwrap();
    registry.register("s", A).await.unwrap();
    registry.schema(1).await.unwrap();
    assert_eq!(
        *asked.lock().unwrap(),
        [
            "/subjects/s?normalize=true",
            "/subjects/s/versions?normalize=true",
            "/schemas/ids/1"
        ]
    );
}

#[tokio::test]
async fn references_that_form_a_circle_are_refused() {
    let router = Router::new()
        .route(
            "/schemas/ids/2",
            any(async || {
                json!({"schema": B, "references": [{"name": "a", "subject": "a", "version": 1}]}).to_string()
            }),
        )
        .route(
            "/subjects/{subject}/versions/1",
            any(async |Path(subject): Path<String>| {
                let other = if subject == "a" { "b" } else { "a" };
                let references = json!([{"name": other, "subject": other, "version": 1}]);
                json!({"schema": A, "id": 1, "version": 1, "references": references}).to_string()
            }),
        );
    let (url, _server) = serve(router).await;
    let error = client(&url).schema(2).await.unwrap_err();
    assert_eq!(error.kind(), RegistryErrorKind::Refused);
    assert_eq!(
        error.to_string(),
        format!(
            "GET {url}/schemas/ids/2: its references form a circle: a version 1 → b version 1 → a version 1"
        )
    );
}

#[tokio::test]
async fn shared_references_are_fetched_once() {
    let fetched = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&fetched);
    let router = Router::new()
        .route(
            "/schemas/ids/2",
            any(async || {
                let references = json!([
                    {"name": "b", "subject": "b", "version": 1},
                    {"name": "a", "subject": "a", "version": 1},
                ]);
                let fields = json!([{"name": "x", "type": "b"}, {"name": "y", "type": "a"}]);
                let schema = json!({"type": "record", "name": "c", "fields": fields}).to_string();
                json!({"schema": schema, "references": references}).to_string()
            }),
        )
        .route(
            "/subjects/{subject}/versions/1",
            any(async move |Path(subject): Path<String>| {
                counted.fetch_add(1, Ordering::SeqCst);
                if subject == "a" {
                    json!({"schema": A, "id": 1, "version": 1}).to_string()
                } else {
                    let references = json!([{"name": "a", "subject": "a", "version": 1}]);
                    json!({"schema": B, "id": 3, "version": 1, "references": references}).to_string()
                }
            }),
        );
    let (url, _server) = serve(router).await;
    let text = client(&url).schema(2).await.unwrap();
    assert_eq!(kaufmann_avro::parse_str(&text).unwrap().types.len(), 3);
    assert_eq!(fetched.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_schema_that_differs_only_in_form_is_found() {
    let embedded = EmbeddedRegistry::new();
    let with_doc = r#"{"type":"record","name":"a","doc":"An a.","fields":[]}"#;
    let id = embedded.add("s", with_doc).unwrap();
    embedded
        .add(
            "s",
            r#"{"type":"record","name":"a","fields":[{"name":"n","type":"int"}]}"#,
        )
        .unwrap();
    let server = RegistryServer::start(embedded).await.unwrap();
    let registry = client(&server.url());
    assert_eq!(registry.lookup("s", A).await.unwrap(), Some(id));
    assert_eq!(registry.find("s", A).await.unwrap().unwrap().version, 1);
    assert_eq!(registry.lookup("s", B).await.unwrap_or(None), None);
}

#[tokio::test]
async fn versions_level_and_compatibility_of_a_subject_are_read() {
    let embedded = EmbeddedRegistry::new();
    let server = RegistryServer::start(embedded.clone()).await.unwrap();
    let registry = client(&server.url());
    assert_eq!(registry.versions("s").await.unwrap(), [0; 0]);
    let id = embedded.add("s", A).unwrap();
    assert_eq!(registry.versions("s").await.unwrap(), [1]);
    let version = registry.version("s", 1).await.unwrap();
    assert_eq!((version.id, version.schema.as_str()), (id, A));
    assert_eq!(
        registry.version("s", 2).await.unwrap_err().kind(),
        RegistryErrorKind::Unknown
    );
    assert_eq!(registry.level("s").await.unwrap(), Level::None);
    assert!(registry.compatibility("s", A).await.unwrap().is_compatible);
    assert_eq!(
        registry.compatibility("s", "{").await.unwrap_err().kind(),
        RegistryErrorKind::Refused
    );
}

#[tokio::test]
async fn a_refused_version_comes_with_the_registrys_reasons() {
    let (url, _server) = always(200, r#"{"is_compatible": false, "messages": ["no default"]}"#).await;
    let told = client(&url).compatibility("s", A).await.unwrap();
    assert_eq!(
        (told.is_compatible, told.messages),
        (false, vec!["no default".to_owned()])
    );
}

#[cfg(not(feature = "tls"))]
#[test]
fn certificates_without_the_feature_say_which_feature() {
    let config = RegistryConfig {
        ca: Some("ca.pem".into()),
        ..config("http://h")
    };
    assert_eq!(
        RestRegistry::new(&config).unwrap_err().to_string(),
        "`registry.ca` is set, but this program is built without TLS; build it with kaufmann's feature `tls`",
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

#[cfg(all(feature = "cli", feature = "kafka"))]
#[tokio::test]
async fn a_page_is_not_a_registry_whatever_its_status() {
    for (status, body) in [
        (200, "<html><title>Welcome</title></html>"),
        (404, "<html><title>Welcome</title></html>"),
        (200, "[1]"),
        (200, ""),
    ] {
        let (url, _server) = always(status, body).await;
        let error = client(&url).time().await.unwrap_err();
        assert_eq!(error.kind(), RegistryErrorKind::Unavailable);
        assert!(
            error
                .to_string()
                .ends_with("/config: the server that answers is not a registry; is this the registry's URL?"),
            "{error}"
        );
    }
    let (url, _server) = always(404, r#"{"error_code": 40401, "message": "no"}"#).await;
    assert_eq!(
        client(&url).time().await.unwrap_err().kind(),
        RegistryErrorKind::Unknown
    );
    let (url, _server) = always(200, r#"{"compatibilityLevel": "BACKWARD"}"#).await;
    client(&url).time().await.unwrap();
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_described_without_the_names_of_our_types() {
    for body in ["[]", "7", "{\"id\": -1}", "{\"id\": 4294967296}", "{}", "null"] {
        let (url, _server) = always(200, body).await;
        let text = client(&url).register("s", A).await.unwrap_err().to_string();
        for name in ["struct", "u32", "Id", "Body"] {
            assert!(!text.contains(name), "{body}: {text}");
        }
    }
}
