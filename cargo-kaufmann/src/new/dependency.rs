//! The source of the kaufmann crates that a new service depends on.

use std::path::{Component, Path, PathBuf};

use crate::error::Error;

/// The source of kaufmann's crates.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Dependency {
    /// A published version.
    Version(String),
    /// A checkout: the folder that contains the crates.
    Path(PathBuf),
    /// A Git repository, and its branch, tag or commit.
    Git {
        url: String,
        at: Option<(&'static str, String)>,
    },
}

impl Dependency {
    /// The value in `[dependencies]` for one of the crates, in the manifest of a package in `folder`.
    pub(crate) fn on(&self, name: &str, folder: &Path) -> Result<String, Error> {
        let source = match self {
            Self::Version(version) => {
                check_version(version)?;
                return Ok(text(version));
            }
            Self::Path(checkout) => {
                let manifest = checkout.join(name).join("Cargo.toml");
                if !manifest.exists() {
                    return Err(Error::new(format!(
                        "{0} is not a checkout of kaufmann: {1} does not exist; give the folder that contains `{name}`",
                        checkout.display(),
                        manifest.display()
                    )));
                }
                let path = from(folder, checkout)?.join(name);
                format!("path = {}", text(&path.to_string_lossy().replace('\\', "/")))
            }
            Self::Git { url, at: None } => format!("git = {}", text(url)),
            Self::Git {
                url,
                at: Some((what, name)),
            } => format!("git = {}, {what} = {}", text(url), text(name)),
        };
        Ok(format!("{{ {source} }}"))
    }
}

/// Refuses a version that Cargo would report with a less helpful error.
fn check_version(version: &str) -> Result<(), Error> {
    if version.contains(|char: char| char.is_ascii_digit() || char == '*') {
        return Ok(());
    }
    Err(Error::new(format!(
        "`{version}` is not a version; expected one such as `{}`",
        env!("CARGO_PKG_VERSION")
    )))
}

/// The path from the package to the checkout. It is relative if both paths are, so that the two can be moved together.
fn from(folder: &Path, checkout: &Path) -> Result<PathBuf, Error> {
    let down = |path: &Path| {
        path.components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
    };
    if checkout.is_relative() && folder.is_relative() && down(folder) {
        let levels = folder
            .components()
            .filter(|part| matches!(part, Component::Normal(_)));
        let up: PathBuf = levels.map(|_| "..").collect();
        return Ok(up.join(checkout));
    }
    std::path::absolute(checkout).map_err(|error| Error::io("find", checkout, &error))
}

/// A TOML string.
fn text(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_a_repository_and_a_checkout_are_written_as_cargo_reads_them() {
        let folder = Path::new("services/accounts");
        let version = Dependency::Version("0.1.0".to_owned());
        assert_eq!(version.on("kaufmann", folder).unwrap(), "\"0.1.0\"");
        let git = Dependency::Git {
            url: "https://example.org/k".to_owned(),
            at: Some(("tag", "v1".to_owned())),
        };
        assert_eq!(
            git.on("kaufmann", folder).unwrap(),
            "{ git = \"https://example.org/k\", tag = \"v1\" }"
        );
        let checkout = Dependency::Path("..".into());
        assert_eq!(
            checkout.on("kaufmann", folder).unwrap(),
            "{ path = \"../../../kaufmann\" }"
        );
        let absolute = checkout.on("kaufmann", Path::new("/tmp/accounts")).unwrap();
        assert!(absolute.starts_with("{ path = \"/"), "{absolute}");
    }

    #[test]
    fn an_invalid_version_and_a_folder_without_a_checkout_are_refused() {
        let refusal =
            |dependency: Dependency| dependency.on("kaufmann", Path::new("a")).unwrap_err().to_string();
        assert!(refusal(Dependency::Version("latest".to_owned())).starts_with("`latest` is not a version"));
        let text = refusal(Dependency::Path("src".into()));
        assert!(
            text.contains("src/kaufmann/Cargo.toml does not exist") && text.contains("give the folder"),
            "{text}"
        );
    }
}
