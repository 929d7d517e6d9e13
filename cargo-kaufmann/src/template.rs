//! The templates of the files, with `{{name}}` placeholders.

/// Replaces each `{{name}}` with its value.
pub(crate) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut text = template.to_owned();
    for (name, value) in values {
        text = text.replace(&format!("{{{{{name}}}}}"), value);
    }
    debug_assert!(!text.contains("{{"), "a placeholder has no value:\n{text}");
    text
}

/// The files of a new service: path and template.
pub(crate) const SERVICE: [(&str, &str); 11] = [
    ("Cargo.toml", include_str!("../templates/service/Cargo.toml.in")),
    (".gitignore", include_str!("../templates/service/gitignore.in")),
    ("README.md", include_str!("../templates/service/README.md.in")),
    ("build.rs", include_str!("../templates/service/build.rs.in")),
    (
        "kaufmann.toml",
        include_str!("../templates/service/kaufmann.toml.in"),
    ),
    (
        "schemas/hello/said.avsc",
        include_str!("../templates/service/said.avsc.in"),
    ),
    (
        "schemas/hello/said.samples.json",
        include_str!("../templates/service/said.samples.json.in"),
    ),
    ("src/main.rs", include_str!("../templates/service/main.rs.in")),
    ("src/app.rs", include_str!("../templates/service/app.rs.in")),
    ("src/hello.rs", include_str!("../templates/service/hello.rs.in")),
    ("src/tests.rs", include_str!("../templates/service/tests.rs.in")),
];

/// The schema of an event that is handled.
pub(crate) const HANDLED: &str = include_str!("../templates/event/handled.avsc.in");
/// The schema of an event that is only published.
pub(crate) const PUBLISHED: &str = include_str!("../templates/event/published.avsc.in");
/// The samples of an event.
pub(crate) const SAMPLES: &str = include_str!("../templates/event/samples.json.in");
/// The handler of an event.
pub(crate) const HANDLER: &str = include_str!("../templates/event/handler.rs.in");
