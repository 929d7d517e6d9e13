//! Payloads and headers are frames or none.

use kaufmann::__private::frame;

/// The first byte is the length of the header that names the schema, 0 for none; then the header, then the payload.
pub fn wire(input: &[u8]) {
    let Some((&length, rest)) = input.split_first() else {
        return;
    };
    let (header, payload) = rest.split_at(rest.len().min(length.into()));
    let headers: &[(&str, Option<&[u8]>)] = match length {
        0 => &[],
        _ => &[("other", None), ("__value_schema_id", Some(header))],
    };
    assert_eq!(frame(None, headers), Ok(None), "a tombstone carries no event");
    match frame(Some(payload), headers) {
        Ok(body) => assert!(body.expect("there is a payload") <= payload.len()),
        Err(reason) => assert!(!reason.is_empty()),
    }
}
