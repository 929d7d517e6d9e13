//! The jars: fetched once by `tests/fetch`, kept outside the checkout.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::here;

/// Fetches what is not there yet, and returns the folder.
pub(super) fn fetch() -> Result<PathBuf> {
    let script = here().join("fetch");
    let output = Command::new("bash")
        .arg(&script)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .with_context(|| format!("cannot run {}: install bash", script.display()))?;
    let messages = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", messages.trim());
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}
