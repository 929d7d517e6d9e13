//! A schema registry with the benchmark's one schema, for the contenders that use one: each sends one request, and caches.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

use anyhow::Result;
use bench_checks::SCHEMA_ID;

use crate::fill;

/// Serves until the process ends; returns the base URL.
pub(crate) fn serve() -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // An error concerns only the client that went away.
            _ = answer(&stream);
        }
    });
    Ok(url)
}

fn answer(mut stream: &TcpStream) -> Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    // Requests have no bodies. The head is read to its end: unread bytes would reset the connection.
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = request.split_whitespace().nth(1).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    let (status, body) = if path == format!("/schemas/ids/{SCHEMA_ID}") {
        ("200 OK", serde_json::json!({ "schema": fill::schema() }))
    } else {
        let error = serde_json::json!({ "error_code": 40403, "message": "Schema not found" });
        ("404 Not Found", error)
    };
    let body = body.to_string();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/vnd.schemaregistry.v1+json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    )?;
    Ok(())
}
