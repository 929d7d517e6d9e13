//! Writing the code to a file, only if its content changes.

use std::fs;
use std::io;
use std::path::Path;

use crate::error::{Error, ErrorKind};

/// Writes `code` to `file` unless it has this content already; returns whether it was written.
pub(crate) fn write(file: &Path, code: &str) -> Result<bool, Error> {
    if fs::read(file).is_ok_and(|current| current == code.as_bytes()) {
        return Ok(false);
    }
    let written = match file.parent() {
        Some(dir) => fs::create_dir_all(dir).and_then(|()| fs::write(file, code)),
        None => Err(io::Error::other("the path names no file")),
    };
    written.map(|()| true).map_err(|error| {
        let reason = error.to_string();
        Error::whole(
            file.to_string_lossy(),
            ErrorKind::Io {
                action: "write the generated code",
                reason,
            },
        )
    })
}
