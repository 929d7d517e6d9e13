//! Classifies failed answers of a registry: final or temporary. Pure, and the only code that decides it.
//!
//! An answer is final only if the registry itself gave it: JSON with its own `error_code`. Pages, empty bodies and other JSON come
//! from a proxy, a gateway or a wrong path, and mean nothing about a schema.

use serde::Deserialize;

use crate::schema::registry::RegistryErrorKind;

/// What a failed answer means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ErrorClass {
    pub(super) kind: RegistryErrorKind,
    pub(super) again: Retry,
}

/// Where the same call may succeed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Retry {
    /// Nowhere: every URL of the registry would give the same answer.
    Never,
    /// At another of its URLs: the server at this one is not a registry.
    Elsewhere,
    /// Here, a moment later.
    Soon,
}

/// The body of a failed answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum ErrorBody {
    /// The registry's own error.
    Registry { code: u32, message: Option<String> },
    /// JSON that is not a registry's: from a gateway, or a path outside of the API.
    OtherJson { message: Option<String> },
    /// A page, a line of text, or nothing.
    Page,
}

impl ErrorBody {
    pub(super) fn of(body: &[u8]) -> Self {
        #[derive(Deserialize)]
        struct Body {
            error_code: Option<u32>,
            message: Option<String>,
        }
        match serde_json::from_slice(body) {
            Ok(Body {
                error_code: Some(code),
                message,
            }) => Self::Registry { code, message },
            Ok(Body { message, .. }) => Self::OtherJson { message },
            Err(_) => Self::Page,
        }
    }

    pub(super) fn code(&self) -> Option<u32> {
        match self {
            Self::Registry { code, .. } => Some(*code),
            _ => None,
        }
    }

    pub(super) fn message(&self) -> Option<&str> {
        match self {
            Self::Registry { message, .. } | Self::OtherJson { message } => message.as_deref(),
            Self::Page => None,
        }
    }
}

/// Classifies an answer whose status is not a success.
pub(super) fn of_status(status: u16, error_body: &ErrorBody) -> ErrorClass {
    use RegistryErrorKind::{Refused, Unauthorized, Unavailable, Unknown};
    let (kind, again) = match (status, error_body) {
        // 40401 subject, 40402 version, 40403 schema, 40404 and on: deleted ones. A bare 404 is a path that does not exist.
        (404, ErrorBody::Registry { code, .. }) if (40_401..40_500).contains(code) => (Unknown, Retry::Never),
        (409 | 422, ErrorBody::Registry { .. }) => (Refused, Retry::Never),
        (401 | 403, _) => (Unauthorized, Retry::Never),
        (408 | 425 | 429 | 500.., _) => (Unavailable, Retry::Soon),
        (_, ErrorBody::Registry { .. }) => (Unavailable, Retry::Never),
        _ => (Unavailable, Retry::Elsewhere),
    };
    ErrorClass { kind, again }
}

/// The class of an answer with a success status but without the requested content.
pub(super) const NO_ANSWER: ErrorClass = ErrorClass {
    kind: RegistryErrorKind::Unavailable,
    again: Retry::Elsewhere,
};

/// Classifies an answer that is too large to be read. A registry's would be as large each time; any other is temporary.
pub(super) fn of_too_large(status: u16, content_type: Option<&str>) -> ErrorClass {
    let is_json = content_type.is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json") || kind.to_ascii_lowercase().ends_with("+json")
    });
    match status {
        200..300 if is_json => ErrorClass {
            kind: RegistryErrorKind::Refused,
            again: Retry::Never,
        },
        200..300 => NO_ANSWER,
        status => of_status(status, &ErrorBody::Page),
    }
}

/// Whether a registry's `schemaType` is Avro, which is also the default.
pub(super) fn is_avro(schema_type: Option<&str>) -> bool {
    schema_type.is_none_or(|kind| kind.eq_ignore_ascii_case("AVRO"))
}

#[cfg(test)]
pub(super) mod tests {
    use RegistryErrorKind::{Refused, Unauthorized, Unavailable, Unknown};

    use super::*;

    const JSON: &str = "application/vnd.schemaregistry.v1+json";
    const HTML: &str = "text/html";

    /// What each answer to a look-up by id means, except the schema itself. The guide has the same table.
    ///
    /// `Refused` is final; `Unknown` is final after six times; everything else is temporary, however often it comes.
    pub(in super::super) const TABLE: &[(u16, &str, &str, RegistryErrorKind)] = &[
        // Successes without a schema.
        (200, HTML, "<html><title>Sign in</title></html>", Unavailable),
        (200, JSON, r#"{"schema": "{\"type\": \"rec"#, Unavailable),
        (200, JSON, "", Unavailable),
        (200, JSON, "null", Unavailable),
        (200, JSON, "[]", Unavailable),
        (200, JSON, r#"{"schema": 7}"#, Unavailable),
        (
            200,
            JSON,
            r#"{"error_code": 50001, "message": "timed out"}"#,
            Unavailable,
        ),
        (204, JSON, "", Unavailable),
        // Schemas that are not Avro.
        (200, JSON, r#"{"schemaType": "JSON", "schema": "{}"}"#, Refused),
        (
            200,
            JSON,
            r#"{"schemaType": "PROTOBUF", "schema": "syntax = \"proto3\";"}"#,
            Refused,
        ),
        (200, JSON, r#"{"schemaType": "XML", "schema": ""}"#, Refused),
        (200, HTML, r#"{"schemaType": "JSON", "schema": "{}"}"#, Refused),
        // Redirections that lead nowhere.
        (300, HTML, "<html>", Unavailable),
        (301, HTML, "", Unavailable),
        (304, JSON, "", Unavailable),
        // Errors that mean nothing about the id.
        (
            400,
            HTML,
            "<html>400 Request Header Or Cookie Too Large</html>",
            Unavailable,
        ),
        (
            400,
            JSON,
            r#"{"error_code": 400, "message": "HTTP 400 Bad Request"}"#,
            Unavailable,
        ),
        (
            401,
            JSON,
            r#"{"error_code": 401, "message": "Unauthorized"}"#,
            Unauthorized,
        ),
        (401, HTML, "<html>", Unauthorized),
        (
            403,
            JSON,
            r#"{"error_code": 40301, "message": "User is denied operation Read"}"#,
            Unauthorized,
        ),
        (403, HTML, "", Unauthorized),
        (405, HTML, "", Unavailable),
        (
            406,
            JSON,
            r#"{"error_code": 406, "message": "HTTP 406 Not Acceptable"}"#,
            Unavailable,
        ),
        (407, HTML, "<html>", Unavailable),
        (410, HTML, "<html>", Unavailable),
        (
            415,
            JSON,
            r#"{"error_code": 415, "message": "HTTP 415"}"#,
            Unavailable,
        ),
        (421, HTML, "", Unavailable),
        (451, HTML, "<html>", Unavailable),
        // Not found: by the registry, or by another server.
        (
            404,
            JSON,
            r#"{"error_code": 40403, "message": "Schema 7 not found"}"#,
            Unknown,
        ),
        (
            404,
            "text/plain",
            r#"{"error_code": 40403, "message": "Schema 7 not found"}"#,
            Unknown,
        ),
        (
            404,
            JSON,
            r#"{"error_code": 40401, "message": "Subject not found"}"#,
            Unknown,
        ),
        (
            404,
            JSON,
            r#"{"error_code": 40402, "message": "Version not found"}"#,
            Unknown,
        ),
        (
            404,
            JSON,
            r#"{"error_code": 40404, "message": "Subject was soft deleted"}"#,
            Unknown,
        ),
        (
            404,
            JSON,
            r#"{"error_code": 404, "message": "HTTP 404 Not Found"}"#,
            Unavailable,
        ),
        (
            404,
            JSON,
            r#"{"message": "no Route matched with those values"}"#,
            Unavailable,
        ),
        (
            404,
            JSON,
            r#"{"status": 404, "name": "NotFoundException"}"#,
            Unavailable,
        ),
        (404, JSON, "{}", Unavailable),
        (404, JSON, "", Unavailable),
        (
            404,
            HTML,
            "<html><title>404 Not Found</title></html>",
            Unavailable,
        ),
        (404, "text/plain", "404 page not found", Unavailable),
        // Conflicts, and requests that cannot be processed.
        (
            409,
            JSON,
            r#"{"error_code": 409, "message": "incompatible"}"#,
            Refused,
        ),
        (409, HTML, "error code: 1001", Unavailable),
        (
            422,
            JSON,
            r#"{"error_code": 42201, "message": "Invalid schema"}"#,
            Refused,
        ),
        (422, HTML, "", Unavailable),
        // Temporary failures.
        (408, HTML, "", Unavailable),
        (425, HTML, "", Unavailable),
        (
            429,
            JSON,
            r#"{"error_code": 42901, "message": "Too Many Requests"}"#,
            Unavailable,
        ),
        (
            500,
            JSON,
            r#"{"error_code": 50001, "message": "Error in the backend datastore"}"#,
            Unavailable,
        ),
        (
            500,
            JSON,
            r#"{"error_code": 40403, "message": "Schema 7 not found"}"#,
            Unavailable,
        ),
        (501, HTML, "", Unavailable),
        (
            502,
            HTML,
            "<html><title>502 Bad Gateway</title></html>",
            Unavailable,
        ),
        (503, JSON, r#"{"message": "no healthy upstream"}"#, Unavailable),
        (504, HTML, "", Unavailable),
        (
            511,
            HTML,
            "<html>Network Authentication Required</html>",
            Unavailable,
        ),
        (599, HTML, "", Unavailable),
    ];

    #[test]
    fn each_answer_that_is_not_a_success_is_classified_as_in_the_table() {
        for (status, _, body, kind) in TABLE.iter().filter(|(status, ..)| !(200..300).contains(status)) {
            let class = of_status(*status, &ErrorBody::of(body.as_bytes()));
            assert_eq!(class.kind, *kind, "{status} {body}");
        }
    }

    #[test]
    fn only_temporary_failures_are_retried_and_only_servers_that_are_no_registry_are_skipped() {
        let again = |status, body: &str| of_status(status, &ErrorBody::of(body.as_bytes())).again;
        for status in [408, 425, 429, 500, 502, 503, 504] {
            assert_eq!(again(status, ""), Retry::Soon, "{status}");
        }
        for status in [301, 400, 404, 405, 409, 422] {
            assert_eq!(again(status, "<html>"), Retry::Elsewhere, "{status}");
        }
        for (status, code) in [(404, 40_403), (409, 409), (422, 42_201), (400, 400), (401, 401)] {
            assert_eq!(
                again(status, &format!("{{\"error_code\": {code}}}")),
                Retry::Never,
                "{status}"
            );
        }
    }

    #[test]
    fn an_answer_that_is_too_large_is_a_registrys_if_it_is_json() {
        for (status, content_type, kind) in [
            (200, Some(JSON), Refused),
            (200, Some("application/json; charset=utf-8"), Refused),
            (200, Some("text/html"), Unavailable),
            (200, None, Unavailable),
            (404, Some(JSON), Unavailable),
            (500, Some(JSON), Unavailable),
        ] {
            assert_eq!(
                of_too_large(status, content_type).kind,
                kind,
                "{status} {content_type:?}"
            );
        }
    }

    #[test]
    fn a_schema_type_is_avro_if_it_is_avro_or_missing() {
        assert!(is_avro(None) && is_avro(Some("AVRO")) && is_avro(Some("avro")));
        assert!(!is_avro(Some("JSON")) && !is_avro(Some("")));
    }
}
