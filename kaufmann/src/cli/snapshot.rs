//! Compares the output of commands with files.

/// Compares a text with a file in `src/cli`; with `UPDATE_SNAPSHOTS` in the environment the file is written first.
pub(super) fn is_snapshot(name: &str, text: &str) {
    let path = format!("{}/src/cli/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = format!("{}\n", text.trim_end());
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "{path}");
}
